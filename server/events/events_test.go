// SPDX-License-Identifier: Apache-2.0

package events

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/klog/v2"

	"ovhcloud-csi-provider/server/kube"
	"ovhcloud-csi-provider/server/kube/kubetest"
)

// recorder runs f in a bubble with a Recorder that writes to an API server.
func recorder(t *testing.T, f func(t *testing.T, r *Recorder, s *kubetest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, stop := kubetest.StartInMemory(t)
		defer stop()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := New(s.API, "node-1")
		go r.Run(ctx)
		f(t, r, s)
		cancel()
		synctest.Wait()
	})
}

// mount is a mount of a pod with one volume; kind is that of its failure.
func mount(namespace, pod, kind string) Mount {
	m := Mount{Target: "/var/lib/kubelet/pods/" + namespace + pod, Namespace: namespace, Pod: pod, UID: "uid-" + pod,
		Class: namespace + "/class", Kind: kind}
	if kind != "" {
		m.Message = "SecretProviderClass " + m.Class + ": " + kind
	}
	return m
}

// observe observes mounts of the pod shop/web-0, a minute apart, and waits for their events.
func observe(r *Recorder, kinds ...string) {
	for _, kind := range kinds {
		r.Observe(mount("shop", "web-0", kind))
		time.Sleep(time.Minute)
	}
}

// written returns the methods of the requests that succeeded.
func written(s *kubetest.Server) (all []string) {
	for _, q := range s.Requests() {
		if q.Status/100 == 2 {
			all = append(all, q.Method)
		}
	}
	return all
}

// refusing makes a server refuse its requests with a status while the result is true.
func refusing(s *kubetest.Server, status int) *atomic.Bool {
	var refuses atomic.Bool
	s.Fault = func(w http.ResponseWriter, _ *http.Request) bool {
		if refuses.Load() {
			kubetest.Refuse(w, status, "Reason")
		}
		return refuses.Load()
	}
	return &refuses
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestAFailedRenewalIsAnEventOfThePod(t *testing.T) {
	recorder(t, func(t *testing.T, r *Recorder, s *kubetest.Server) {
		observe(r, "denied")
		want(t, "events of a pod that never started", written(s), []string(nil))
		observe(r, "", "", "denied")
		want(t, "requests", written(s), []string{"POST"})
		q := s.Requests()[0]
		name := eventNameOf(t, q)
		e := s.Object("/api/v1/namespaces/shop/events/" + name)
		want(t, "involvedObject", e["involvedObject"], map[string]any{
			"apiVersion": "v1", "kind": "Pod", "name": "web-0", "namespace": "shop", "uid": "uid-web-0"})
		want(t, "the event", []any{e["type"], e["reason"], e["count"], e["message"], e["source"]}, []any{"Warning",
			ReasonFailed, 1,
			"the files of this pod stay as they are: SecretProviderClass shop/class: denied",
			map[string]any{"component": component, "host": "node-1"}})
		if !strings.HasPrefix(name, "web-0.") {
			t.Errorf("the name is %s", name)
		}
		observe(r, "denied", "denied", "denied", "denied", "")
		requests := s.Requests()
		want(t, "requests", written(s), []string{"POST", "POST"})
		e = s.Object("/api/v1/namespaces/shop/events/" + eventNameOf(t, requests[1]))
		want(t, "the event", []any{e["type"], e["reason"], e["count"], e["message"]},
			[]any{"Normal", ReasonRenewed, 1, "the files of SecretProviderClass shop/class are renewed again"})
		want(t, "counts", r.Counts(), Counts{Sent: 2})
	})
}

// eventNameOf returns the name of the event in a request.
func eventNameOf(t *testing.T, q kubetest.Request) string {
	t.Helper()
	_, rest, found := strings.Cut(q.Body, `"metadata":{"name":"`)
	name, _, _ := strings.Cut(rest, `"`)
	if !found {
		t.Fatalf("%s has no name", q.Body)
	}
	return name
}

// TestAFailureThatLastsIsOneEvent: it is changed every 15 minutes, and made again if Kubernetes
// has deleted it.
func TestAFailureThatLastsIsOneEvent(t *testing.T) {
	recorder(t, func(t *testing.T, r *Recorder, s *kubetest.Server) {
		observe(r, "")
		for range 40 {
			observe(r, "failing")
		}
		want(t, "requests", written(s), []string{"POST", "PATCH", "PATCH"})
		path := "/api/v1/namespaces/shop/events/" + eventNameOf(t, s.Requests()[0])
		e := s.Object(path)
		want(t, "count", e["count"], 31)
		if e["firstTimestamp"] == e["lastTimestamp"] {
			t.Error("the last time is not changed")
		}
		s.Delete(path)
		for range 8 {
			observe(r, "failing")
		}
		want(t, "requests", written(s), []string{"POST", "PATCH", "PATCH", "POST"})
		observe(r, "denied") // another kind is another event
		want(t, "requests", len(written(s)), 4)
		observe(r, "denied", "denied", "denied", "denied", "denied")
		want(t, "requests", written(s), []string{"POST", "PATCH", "PATCH", "POST", "POST"})
	})
}

// TestAVolumeThatFailsAndWorksInTurnsIsNoFlood: no more than one event in five minutes.
func TestAVolumeThatFailsAndWorksInTurnsIsNoFlood(t *testing.T) {
	recorder(t, func(t *testing.T, r *Recorder, s *kubetest.Server) {
		for range 30 {
			observe(r, "", "failing")
		}
		if n := len(written(s)); n < 4 || n > 12 {
			t.Errorf("%d events in an hour", n)
		}
	})
}

// TestAnEventThatIsNotTrueAnyMoreIsNotWritten: the API server is away meanwhile.
func TestAnEventThatIsNotTrueAnyMoreIsNotWritten(t *testing.T) {
	recorder(t, func(t *testing.T, r *Recorder, s *kubetest.Server) {
		away := refusing(s, 503)
		away.Store(true)
		observe(r, "", "failing", "failing", "")
		away.Store(false)
		time.Sleep(time.Hour)
		want(t, "events", written(s), []string(nil))
		want(t, "counts", r.Counts(), Counts{Over: 1})
		away.Store(true)
		observe(r, "failing", "denied")
		away.Store(false)
		time.Sleep(time.Hour)
		want(t, "events", written(s), []string{"POST"})
		if last := s.Requests()[len(s.Requests())-1]; !strings.Contains(last.Body, "denied") {
			t.Errorf("the event has not the newest state: %s", last.Body)
		}
		away.Store(true)
		observe(r, "", "denied")
		away.Store(false)
		time.Sleep(time.Hour)
		want(t, "events", written(s), []string{"POST"})
		want(t, "counts", r.Counts(), Counts{Sent: 1, Over: 2})
	})
}

// TestARepeatedEventBecomesARenewal: the volume works again before the change is written.
func TestARepeatedEventBecomesARenewal(t *testing.T) {
	recorder(t, func(t *testing.T, r *Recorder, s *kubetest.Server) {
		away := refusing(s, 500)
		observe(r, "", "failing")
		time.Sleep(repeat)
		away.Store(true)
		observe(r, "failing", "failing", "")
		away.Store(false)
		time.Sleep(time.Hour)
		want(t, "events", written(s), []string{"POST", "POST"})
		if last := s.Requests()[len(s.Requests())-1]; !strings.Contains(last.Body, ReasonRenewed) {
			t.Errorf("the last event is %s", last.Body)
		}
	})
}

// TestTheAPIServerIsAskedInBounds: every pod of a node fails at once, and the server is slow.
func TestTheAPIServerIsAskedInBounds(t *testing.T) {
	recorder(t, func(t *testing.T, r *Recorder, s *kubetest.Server) {
		for i := range 500 {
			r.Observe(mount("loud", fmt.Sprint("p", i), ""))
		}
		for i := range 20 {
			r.Observe(mount("quiet", fmt.Sprint("p", i), ""))
		}
		for i := range 500 {
			r.Observe(mount("loud", fmt.Sprint("p", i), "failing"))
		}
		for i := range 20 {
			r.Observe(mount("quiet", fmt.Sprint("p", i), "failing"))
		}
		synctest.Wait()
		want(t, "events at once", len(s.Requests()), burst)
		time.Sleep(10*interval + time.Second)
		want(t, "events after ten more", len(s.Requests()), burst+10)
		time.Sleep(30 * time.Minute)
		quiet := 0
		for _, q := range s.Requests()[:40] {
			if strings.Contains(q.Path, "quiet") {
				quiet++
			}
		}
		if quiet < 15 {
			t.Errorf("%d of the first 40 events are of the namespace with few failures", quiet)
		}
		c := r.Counts()
		if c.Full+c.Sent != 520 || c.Full < 380 || c.Over+c.Refused > 0 {
			t.Errorf("counts %+v", c)
		}
	})
}

// TestAWaitForEventsTakesNoTurn: events that come one after the other are a burst too.
func TestAWaitForEventsTakesNoTurn(t *testing.T) {
	recorder(t, func(t *testing.T, r *Recorder, s *kubetest.Server) {
		for i := range burst + 1 {
			pod := fmt.Sprint("p", i)
			r.Observe(mount("shop", pod, ""))
			r.Observe(mount("shop", pod, "failing"))
			synctest.Wait()
		}
		want(t, "events at once", len(s.Requests()), burst)
	})
}

// TestAnEventThatCannotWaitAgainIsCounted: others have taken its room while it was being sent.
func TestAnEventThatCannotWaitAgainIsCounted(t *testing.T) {
	recorder(t, func(t *testing.T, r *Recorder, s *kubetest.Server) {
		s.Fault = kubetest.Slow(time.Second)
		for i := range 1 + mostWaiting/2 {
			pod := fmt.Sprint("p", i)
			r.Observe(mount("shop", pod, ""))
			r.Observe(mount("shop", pod, "failing"))
			synctest.Wait()
		}
		want(t, "counts", r.Counts(), Counts{})
		time.Sleep(time.Second)
		synctest.Wait()
		want(t, "counts", r.Counts(), Counts{Full: 1})
	})
}

func TestASuccessMakesTheNextWaitShort(t *testing.T) {
	recorder(t, func(t *testing.T, r *Recorder, s *kubetest.Server) {
		away := refusing(s, 503)
		away.Store(true)
		observe(r, "", "failing")
		time.Sleep(time.Hour)
		away.Store(false)
		time.Sleep(2 * mostBackoff)
		want(t, "counts", r.Counts(), Counts{Sent: 1})
		away.Store(true)
		before := len(s.Requests())
		r.Observe(mount("shop", "web-0", ""))
		time.Sleep(2 * time.Second)
		if n := len(s.Requests()) - before; n < 2 {
			t.Errorf("%d requests in two seconds", n)
		}
	})
}

// TestAMountWhileItsEventIsSentChangesNothing: the next mount shows the state again.
func TestAMountWhileItsEventIsSentChangesNothing(t *testing.T) {
	recorder(t, func(t *testing.T, r *Recorder, s *kubetest.Server) {
		s.Fault = func(_ http.ResponseWriter, q *http.Request) bool {
			_ = kube.Sleep(q.Context(), time.Second)
			return false
		}
		for _, kind := range []string{"", "failing", ""} {
			r.Observe(mount("shop", "web-0", kind))
			synctest.Wait()
		}
		time.Sleep(pause + time.Minute)
		want(t, "counts", r.Counts(), Counts{Sent: 1})
		observe(r, "")
		want(t, "counts", r.Counts(), Counts{Sent: 2})
	})
}

// TestNoMountWaits: the API server does not answer at all.
func TestNoMountWaits(t *testing.T) {
	recorder(t, func(t *testing.T, r *Recorder, s *kubetest.Server) {
		s.Fault = kubetest.Slow(time.Hour)
		begin := time.Now()
		for round := range 3 {
			for i := range 300 {
				r.Observe(mount(fmt.Sprint("ns", i%7), fmt.Sprint("p", i), map[bool]string{true: "failing"}[round > 0]))
			}
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("300 mounts took %s", took)
		}
		if c := r.Counts(); c.Full == 0 {
			t.Errorf("losses are not counted: %+v", c)
		}
		time.Sleep(2 * time.Hour)
		if n := len(s.Requests()); n > 100 || n < 20 {
			t.Errorf("%d requests in two hours to a server that does not answer", n)
		}
	})
}

func TestARefusedEventIsCountedAndTriedLater(t *testing.T) {
	recorder(t, func(t *testing.T, r *Recorder, s *kubetest.Server) {
		forbidden := refusing(s, 403)
		forbidden.Store(true)
		observe(r, "", "failing", "failing", "failing")
		want(t, "counts", r.Counts(), Counts{Refused: 1})
		forbidden.Store(false)
		observe(r, "failing", "failing", "failing")
		want(t, "counts", r.Counts(), Counts{Sent: 1, Refused: 1})
	})
}

// TestAnAnswerThatIsLostMakesNoSecondEvent: the request is sent again under the same name.
func TestAnAnswerThatIsLostMakesNoSecondEvent(t *testing.T) {
	recorder(t, func(t *testing.T, r *Recorder, s *kubetest.Server) {
		var first atomic.Bool
		s.Fault = func(w http.ResponseWriter, q *http.Request) bool {
			if first.Swap(true) {
				return false
			}
			s.Put("/api/v1/namespaces/shop/events/"+nameBeingSent(r), map[string]any{})
			kubetest.Refuse(w, 504, "Timeout")
			return true
		}
		observe(r, "", "failing", "failing")
		want(t, "counts", r.Counts(), Counts{Sent: 1})
		requests := s.Requests()
		if len(requests) != 2 || eventNameOf(t, requests[0]) != eventNameOf(t, requests[1]) ||
			requests[1].Status != http.StatusConflict {
			t.Errorf("requests %+v", requests)
		}
	})
}

// nameBeingSent returns the name of the event that is being sent.
func nameBeingSent(r *Recorder) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.volumes.recent.Front().Value.(*volume).waiting.event
}

// TestHostileNamesAreInNoPath: the driver says who the pod is, and anything may call the socket.
func TestHostileNamesAreInNoPath(t *testing.T) {
	recorder(t, func(t *testing.T, r *Recorder, s *kubetest.Server) {
		for _, m := range []Mount{mount("../../nodes", "p", ""), mount("shop", "../p", ""), mount("", "p", ""),
			mount("a.b", "p", "")} {
			r.Observe(m)
			m.Kind = "failing"
			r.Observe(m)
			r.Observe(m) // it is counted once in five minutes
		}
		long := mount("shop", "p", "")
		long.UID, long.Class = strings.Repeat("u", 1<<20), strings.Repeat("c", 1<<20)
		r.Observe(long)
		long.Kind, long.Message = "failing", strings.Repeat("é", 1<<20)
		r.Observe(long)
		time.Sleep(time.Minute)
		requests := s.Requests()
		if len(requests) != 1 || len(requests[0].Body) > 4<<10 {
			t.Fatalf("%d requests, the first of %d bytes", len(requests), len(requests[0].Body))
		}
		want(t, "counts", r.Counts(), Counts{Sent: 1, Refused: 4})
	})
}

// TestMemoryIsBounded: more volumes than a node has.
func TestMemoryIsBounded(t *testing.T) {
	recorder(t, func(t *testing.T, r *Recorder, s *kubetest.Server) {
		s.Fault = kubetest.Slow(time.Hour)
		for i := range mostVolumes + 1000 {
			r.Observe(mount(fmt.Sprint("ns", i%50), fmt.Sprint("p", i), ""))
			r.Observe(mount(fmt.Sprint("ns", i%50), fmt.Sprint("p", i), "failing"))
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		waiting := 0
		for e := r.volumes.recent.Front(); e != nil; e = e.Next() {
			if v := e.Value.(*volume); v.waiting != nil && !v.sending {
				waiting++
			}
		}
		if len(r.volumes.of) != mostVolumes || r.volumes.recent.Len() != mostVolumes || r.queue.n > mostWaiting ||
			r.queue.n != waiting {
			t.Errorf("%d volumes, %d events wait, %d of volumes", len(r.volumes.of), r.queue.n, waiting)
		}
		if len(r.queue.of) != len(r.queue.turns) || r.queue.n < mostWaiting/2 {
			t.Errorf("%d events of %d namespaces, %d turns", r.queue.n, len(r.queue.of), len(r.queue.turns))
		}
	})
}

func TestTheLeastRecentlyMountedVolumeIsForgotten(t *testing.T) {
	all, keys := newVolumes(), make([][sha256.Size]byte, mostVolumes+1)
	for i := range keys {
		keys[i] = sha256.Sum256(fmt.Append(nil, i))
		if i == mostVolumes && all.get(keys[0]) == nil {
			t.Error("a volume is forgotten although there is room")
		}
		forgotten := all.add(keys[i])
		if (forgotten != nil) != (i == mostVolumes) || forgotten != nil && forgotten.key != keys[1] {
			t.Errorf("volume %d: forgot %+v", i, forgotten)
		}
	}
	want(t, "known", []bool{all.get(keys[0]) != nil, all.get(keys[1]) != nil}, []bool{true, false})
}

func TestTheEventOfAForgottenVolumeIsCountedAsLost(t *testing.T) {
	r := New(nil, "") // nothing is sent before Run
	r.Observe(mount("shop", "web-0", ""))
	r.Observe(mount("shop", "web-0", "failing"))
	for i := range mostVolumes {
		want(t, "counts", r.Counts(), Counts{})
		r.Observe(mount("shop", fmt.Sprint("p", i), ""))
	}
	want(t, "counts", r.Counts(), Counts{Full: 1})
	want(t, "events that wait", r.queue.n, 0)
}

// TestANamespaceLeavesRoomForOthers: one alone has half of the queue, two have a third each, and so on.
func TestANamespaceLeavesRoomForOthers(t *testing.T) {
	for _, c := range []struct {
		namespaces []string
		want       map[string]int
	}{
		{[]string{"a"}, map[string]int{"a": 100}},
		{[]string{"a", "b"}, map[string]int{"a": 67, "b": 66}},
		{[]string{"a", "b", "c"}, map[string]int{"a": 50, "b": 50, "c": 50}},
	} {
		q, got := newQueue(), map[string]int{}
		for range mostWaiting {
			for _, n := range c.namespaces {
				if q.add(&notice{namespace: n}) {
					got[n]++
				}
			}
		}
		want(t, "events that wait", got, c.want)
	}
}

// TestTheLogSaysWhenEventsCannotBeWritten, once for each reason, and when they can be again.
func TestTheLogSaysWhenEventsCannotBeWritten(t *testing.T) {
	state, out := klog.CaptureState(), bytes.Buffer{}
	defer state.Restore()
	klog.SetSlogLogger(slog.New(slog.NewTextHandler(&out, nil)))
	logged := func() (got []string) {
		synctest.Wait()
		for line := range strings.Lines(out.String()) {
			_, text, _ := strings.Cut(line, " level=")
			got = append(got, text)
		}
		return got
	}
	recorder(t, func(t *testing.T, r *Recorder, s *kubetest.Server) {
		forbidden := refusing(s, 403)
		forbidden.Store(true)
		observe(r, "", "failing", "failing", "failing", "failing", "failing", "failing", "failing")
		cannot := `ERROR msg="events of pods cannot be written" error="the API server answered with HTTP 403 (Reason)" ` +
			`advice="allow the provider's service account to create and patch events, or turn --events off"` + "\n"
		want(t, "log", logged(), []string{cannot})
		forbidden.Store(false)
		observe(r, "failing", "failing", "failing", "failing", "failing", "", "", "", "", "")
		want(t, "log", logged(), []string{cannot, `INFO msg="events of pods are written again"` + "\n"})
	})
}

func TestNamespacesTakeTurnsAndTheOldestEventIsFirst(t *testing.T) {
	q, all := newQueue(), map[string]*notice{}
	for _, name := range []string{"a1", "a2", "a3", "b1", "b2", "c1"} {
		all[name] = &notice{namespace: name[:1], pod: name}
		q.add(all[name])
	}
	q.remove(all["a2"])
	var got []string
	for n := q.next(); n != nil; n = q.next() {
		got = append(got, n.pod)
	}
	want(t, "order", got, []string{"a1", "b1", "c1", "a3", "b2"})
}
