// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/read"
	"ovhcloud-csi-provider/server/tracing/tracingtest"
)

// tracer returns a Tracer for a collector. end ends it, after it has sent what waits.
func tracer(t *testing.T, endpoint string) (tr *Tracer, end func()) {
	t.Helper()
	tr, err := New(endpoint, "ovhcloud-csi-provider", "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); tr.Run(ctx) }()
	return tr, func() { cancel(); <-done }
}

// silent are observers that do nothing.
var silent = read.Trace{Call: func(context.Context, provider.Call) {}, Read: func(context.Context, read.Outcome) {},
	Retry: func(context.Context, failure.Kind) {}}

// mount makes the spans of a mount with one read.
func mount(tr *Tracer, path string) {
	ctx, end := tr.BeginMount(context.Background())
	by := tr.Observers(silent)
	_, planned := by.Begin(ctx, read.StepPlan, "")
	planned("")
	reading, ended := by.Begin(ctx, read.StepRead, path)
	by.Read(reading, "joined")
	by.Retry(reading, failure.Failing)
	by.Trial(reading)
	by.Call(reading, provider.Call{API: "kv2", Operation: "read", Host: "okms", Path: path, Status: 503,
		Kind:      failure.Failing,
		RequestID: "r1", Took: time.Hour, Dialled: true})
	by.Read(reading, read.ByFallback)
	ended("")
	end(Mount{Namespace: "shop", Pod: "web-0", UID: "1", Class: "shop/class", Connection: "team", Kind: failure.Denied})
}

func TestTheSpansOfAMountAreOneTrace(t *testing.T) {
	c := tracingtest.Start(t)
	tr, end := tracer(t, c.URL)
	mount(tr, "prod/db")
	end()
	got := map[string]tracingtest.Span{}
	for _, s := range c.Spans() {
		got[s.Name] = s
	}
	root := got["mount"]
	for name, parent := range map[string]string{"mount": "", "plan": root.ID, "read": root.ID, "request": got["read"].ID} {
		s := got[name]
		if s.Trace != root.Trace || len(s.Trace) != 32 || len(s.ID) != 16 || s.Parent != parent || s.Begin > s.End ||
			s.End == 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
	for name, want := range map[string]string{
		"mount": "map[error.type:denied k8s.namespace.name:shop k8s.pod.name:web-0 k8s.pod.uid:1 " +
			"ovhcloud_csi.connection:team ovhcloud_csi.secretproviderclass:shop/class]",
		"plan": "map[]",
		"read": "map[ovhcloud_csi.retries:1 ovhcloud_csi.secret.path:prod/db " +
			"ovhcloud_csi.served:joined,fallback ovhcloud_csi.trial:1]",
		"request": "map[error.type:failing http.response.status_code:503 ovhcloud_csi.api:kv2 " +
			"ovhcloud_csi.new_connection:1 ovhcloud_csi.operation:read ovhcloud_csi.request_id:r1 " +
			"ovhcloud_csi.secret.path:prod/db server.address:okms]",
	} {
		if s := fmt.Sprint(got[name].Attributes); s != want || got[name].Failed != strings.Contains(want, "error.type") {
			t.Errorf("%s has %s, failed %t; want %s", name, s, got[name].Failed, want)
		}
	}
	if took := time.Duration(got["request"].End - got["request"].Begin); took < time.Hour {
		t.Errorf("the request took %s", took)
	}
	if tr.Lost() != (Lost{}) {
		t.Errorf("lost %+v", tr.Lost())
	}
}

// TestNoMountWaitsForTheCollector: it hangs, it refuses, it is not there. Losses are counted.
func TestNoMountWaitsForTheCollector(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	for name, answer := range map[string]func() ([]byte, error){
		"hangs":   func() ([]byte, error) { <-hang; return nil, nil },
		"refuses": func() ([]byte, error) { return nil, errors.New("no") },
		"rejects": func() ([]byte, error) { return []byte{0x0a, 3, 0x08, 0x90, 0x4e}, nil }, // 10,000 spans
		"is gone": nil,
	} {
		t.Run(name, func(t *testing.T) {
			endpoint := "http://127.0.0.1:1"
			if answer != nil {
				c := tracingtest.Start(t)
				c.Answer, endpoint = answer, c.URL
			}
			tr, end := tracer(t, endpoint)
			const mounts = mostWaiting
			for range mounts { // four spans each: more than wait
				mount(tr, "p")
			}
			if len(tr.queue) > mostWaiting {
				t.Errorf("%d spans wait", len(tr.queue))
			}
			switch name {
			case "hangs": // its end takes a second for each request
				if lost := tr.Lost(); lost.Full == 0 {
					t.Errorf("lost %+v", lost)
				}
			default: // may take spans as fast as they come
				end()
				if lost := tr.Lost(); lost.Full+lost.Failed != 4*mounts {
					t.Errorf("lost %+v of %d", lost, 4*mounts)
				}
			}
		})
	}
}

// TestASpanIsBounded: names come from classes, pods and servers. A nil span and one that ended stay as they are.
func TestASpanIsBounded(t *testing.T) {
	s := newSpan(context.Background(), "read", internal, time.Now())
	for i := range 100 {
		s.set(fmt.Sprint("a", i), strings.Repeat("\xff", 1<<20))
		s.served = append(s.served, "hit")
	}
	s.finish("denied")
	s.set("late", "x")
	if n := len(s.encode()); len(s.attributes) != mostAttributes || n > 16<<10 {
		t.Errorf("%d attributes, %d bytes", len(s.attributes), n)
	}
	of(context.Background()).set("a", "b")
}

func TestOnlyAnAddressIsAnEndpoint(t *testing.T) {
	for endpoint, ok := range map[string]bool{"http://collector:4317": true, "https://collector:4317/": true,
		"http://[::1]:4317": true,
		"collector:4317":    false, "http://collector": false,
		"http://user:planted@collector:4317": false, "ftp://c:1": false,
		"http://c:1/path": false, "http://c:1?a=b": false, "": false, "http://:4317": false} {
		_, err := New(endpoint, "s", "v")
		if (err == nil) != ok || err != nil && strings.Contains(err.Error(), "planted") {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}
