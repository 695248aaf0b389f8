// SPDX-License-Identifier: Apache-2.0

package okms_test

import (
	"strings"
	"sync"
	"testing"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/okmstest"
)

func TestHolderWithinItsShareIsNeverRefused(t *testing.T) {
	m := okms.NewQuota(100, 10)
	for _, step := range []struct {
		had, takes int
		ok         bool
		held       int
	}{
		{0, 60, true, 60}, {0, 41, false, 60}, {0, 40, true, 100},
		{0, 10, true, 110}, {10, 1, false, 110}, {5, 6, false, 110},
	} {
		if ok := m.Take(step.had, step.takes); ok != step.ok || m.Held() != step.held {
			t.Errorf("%+v: got %v, and %d bytes held", step, ok, m.Held())
		}
	}
	m.Give(110)
	if !m.Take(0, 100) {
		t.Error("bytes that were given back cannot be taken again")
	}
}

func TestAnswersInProgressShareOneLimit(t *testing.T) {
	s := okmstest.Start(t)
	long := `{"data":{"data":{"v":"` + strings.Repeat("x", 500_000) + `"},"metadata":{"version":1}}}`
	repair := s.Break(t, emulator.Fault{Status: 200, Body: long})
	answers := okms.NewQuota(600_000, 100_000)
	c := client(t, s.Domain(), byToken(), okms.Options{Answers: answers})
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			_, failed := c.Get(t.Context(), okms.Ref{Path: "s"})
			if failed != nil && (failed.Kind != failure.NodeFull ||
				!strings.Contains(failed.Text, "too many large secrets at once")) {
				t.Errorf("wrong failure: %v", failed)
			}
		})
	}
	all.Wait()
	if answers.Held() != 0 {
		t.Errorf("got %d bytes held after all reads, want 0", answers.Held())
	}
	if _, err := c.Get(t.Context(), okms.Ref{Path: "s"}); err != nil {
		t.Errorf("one read alone: %v", err)
	}
	answers.Take(0, 600_000)
	if _, err := c.Get(t.Context(), okms.Ref{Path: "s"}); err == nil {
		t.Error("a long answer was read while others hold the whole quota")
	}
	repair()
	if _, err := c.Get(t.Context(), okms.Ref{Path: "s"}); err != nil {
		t.Errorf("a short answer while others hold the whole quota: %v", err)
	}
}
