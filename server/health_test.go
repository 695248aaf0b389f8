// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestOverdueMountsAreCounted(t *testing.T) {
	var o overdue
	if err := o.err(); err != nil {
		t.Errorf("none: %v", err)
	}
	first, second := o.begin(), o.begin()
	if err := o.err(); err == nil || !strings.HasPrefix(err.Error(), "2 mounts did not end when their time was over") {
		t.Errorf("two: %v", err)
	}
	first()
	first() // a second call does nothing
	if err := o.err(); err == nil || !strings.HasPrefix(err.Error(), "1 mount did not end when its time was over") {
		t.Errorf("one: %v", err)
	}
	second()
	if err := o.err(); err != nil {
		t.Errorf("none again: %v", err)
	}
	done := make(chan struct{})
	for range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 1000 {
				end := o.begin()
				_ = o.err()
				end()
			}
		}()
	}
	for range 8 {
		<-done
	}
	if err := o.err(); err != nil {
		t.Errorf("after many at once: %v", err)
	}
}

func TestAMountThatDoesNotEndFailsLiveness(t *testing.T) {
	s := startBare(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	look := func() (all []string) {
		for _, page := range []string{"/healthz", "/readyz"} {
			resp, err := http.Get("http://" + s.AdminAddress() + page)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, resp.Status[:3]+" "+string(body))
		}
		for _, probe := range []func(context.Context, string) error{ProbeLive, ProbeReady} {
			if err := probe(ctx, s.config.Socket); err != nil {
				all = append(all, err.Error())
			} else {
				all = append(all, "ok")
			}
		}
		return all
	}
	end := s.overdue.begin()
	for _, got := range look() {
		if !strings.Contains(got, "1 mount did not end when its time was over") || strings.HasPrefix(got, "200") {
			t.Errorf("with a mount that does not end: %s", got)
		}
	}
	end()
	for _, got := range look() {
		if got != "200 ok\n" && got != "ok" {
			t.Errorf("after its end: %s", got)
		}
	}
}
