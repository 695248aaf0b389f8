// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/klog/v2"

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
	end(Mount{Namespace: "shop", Pod: "web-0", UID: "1", Class: "shop/class", Connection: "team", Kind: failure.Denied,
		Files: 3, Bytes: 4096})
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
	for name, want := range map[string]struct {
		parent string
		kind   uint64
	}{"mount": {"", 2}, "plan": {root.ID, 1}, "read": {root.ID, 1}, "request": {got["read"].ID, 3}} {
		s := got[name]
		if s.Trace != root.Trace || len(s.Trace) != 32 || s.Trace == strings.Repeat("0", 32) || len(s.ID) != 16 ||
			s.Parent != want.parent || s.Kind != want.kind || s.Begin == 0 || s.Begin > s.End {
			t.Errorf("%s: %+v", name, s)
		}
	}
	for name, want := range map[string]string{
		"mount": "map[error.type:denied k8s.namespace.name:shop k8s.pod.name:web-0 k8s.pod.uid:1 " +
			"ovhcloud_csi.bytes:4096 ovhcloud_csi.connection:team ovhcloud_csi.files:3 " +
			"ovhcloud_csi.secretproviderclass:shop/class]",
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

func TestARequestNamesTheServiceAndItsVersion(t *testing.T) {
	text := string(exportRequest("the-daemon", "1.2.3", nil)) // the resource and the scope name it
	if strings.Count(text, "the-daemon") != 2 || strings.Count(text, "1.2.3") != 1 {
		t.Errorf("got %q", text)
	}
}

func TestOtherObserversAreCalledToo(t *testing.T) {
	var got []string
	called := func(name string) { got = append(got, name) }
	also := read.Trace{Call: func(context.Context, provider.Call) { called("call") },
		Read:  func(context.Context, read.Outcome) { called("read") },
		Retry: func(context.Context, failure.Kind) { called("retry") }}
	for _, tr := range []*Tracer{nil, {queue: make(chan *span, 1)}} {
		by := tr.Observers(also)
		by.Call(t.Context(), provider.Call{})
		by.Read(t.Context(), "joined")
		by.Retry(t.Context(), failure.Failing)
	}
	if want := "[call read retry call read retry]"; fmt.Sprint(got) != want {
		t.Errorf("called %v, want %s", got, want)
	}
}

func TestABatchIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &Tracer{queue: make(chan *span, mostWaiting)}
		for range mostOfBatch + 2 {
			tr.finish(newSpan(t.Context(), "read", internal, time.Now()), "")
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		var got []int
		for _, ctx := range []context.Context{t.Context(), ended, ended} {
			got = append(got, len(tr.batch(ctx)))
		}
		if want := []int{mostOfBatch, 2, 0}; !slices.Equal(got, want) {
			t.Errorf("batches of %v, want %v", got, want)
		}
		begin := time.Now()
		time.AfterFunc(time.Minute, func() { tr.finish(newSpan(t.Context(), "read", internal, time.Now()), "") })
		if n, took := len(tr.batch(t.Context())), time.Since(begin); n != 1 || took != time.Minute+gather {
			t.Errorf("a batch of %d after %s", n, took)
		}
	})
}

// TestTheLogSaysWhenSpansCannotBeSent, once, and when they can be again. Full batches are sent at once.
func TestTheLogSaysWhenSpansCannotBeSent(t *testing.T) {
	state, out := klog.CaptureState(), bytes.Buffer{}
	defer state.Restore()
	klog.SetSlogLogger(slog.New(slog.NewTextHandler(&out, nil)))
	c, fails := tracingtest.Start(t), []bool{false, true, false, true, true}
	requests := 0
	c.Answer = func() ([]byte, error) {
		if requests++; fails[requests-1] {
			return nil, errors.New("no")
		}
		return nil, nil
	}
	tr, end := tracer(t, c.URL)
	for range len(fails) * mostOfBatch {
		tr.finish(newSpan(t.Context(), "read", internal, time.Now()), "")
	}
	for tr.Lost().Failed < 3*mostOfBatch && t.Context().Err() == nil {
		time.Sleep(time.Millisecond)
	}
	end()
	var got []string
	for line := range strings.Lines(out.String()) {
		_, text, _ := strings.Cut(line, " level=")
		got = append(got, text)
	}
	cannot := `ERROR msg="spans cannot be sent to --otlp-endpoint" code=Unknown` + "\n"
	if want := []string{cannot, `INFO msg="spans are sent again"` + "\n", cannot}; !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestTheCodecHasEncodedMessagesOnly(t *testing.T) {
	text := []byte("encoded")
	got, err := rawCodec{}.Marshal(&text)
	var back []byte
	if err := errors.Join(err, rawCodec{}.Unmarshal(got, &back)); err != nil || !bytes.Equal(back, text) {
		t.Errorf("%q, %v", back, err)
	}
	if _, err := (rawCodec{}).Marshal("a text"); err == nil {
		t.Error("a text is marshalled")
	}
	if err := (rawCodec{}).Unmarshal(text, new(string)); err == nil {
		t.Error("a text is unmarshalled")
	}
}

func TestRejectedSpansAreRead(t *testing.T) {
	for answer, want := range map[string]int64{
		"":                          0,
		"\x0a\x02\x08\x07":          7,
		"\x0a\x05\x12\x01x\x08\x07": 7, // after error_message
		"\x10\x05\x0a\x02\x08\x07":  7, // after a number that is not known
		"\x0a\x03\x12\x01x":         0,
		"\x10\x05":                  0,
		"\x0a\x02\x08":              0,
		"\xff":                      0, // not protobuf, as the next ones
		"\x12\x05x":                 0,
		"\x0a\x03\x12\x05x":         0,
	} {
		if got := rejected([]byte(answer)); got != want {
			t.Errorf("%q: %d, want %d", answer, got, want)
		}
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
		(&Tracer{}).Observers(silent).Read(context.WithValue(t.Context(), spanKey{}, s), "hit")
	}
	if len(s.served) != mostAttributes {
		t.Errorf("%d outcomes", len(s.served))
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
