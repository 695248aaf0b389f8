// SPDX-License-Identifier: Apache-2.0

package outages

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

func TestAMountIsAnsweredBeforeItsCallersDeadline(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		d := harness.Start(t, harness.Options{})
		d.Store.Hold(t, map[string]string{"s": `{}`})
		d.Store.Break(t, emulator.Fault{Hang: true})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, err := d.Do(ctx, harness.Mount{Objects: "- secretPath: s"})
		harness.WantError(t, err, codes.Internal, "no answer from OKMS in time")
	})
}

func TestAReadThatGetsNoTurnFailsTheMount(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		d := harness.Start(t, harness.Options{MaxReads: 1, MountTimeout: 3 * time.Second})
		d.Store.Hold(t, map[string]string{"s": `{}`})
		d.Store.Break(t, emulator.Fault{Hang: true})
		_, err := d.Do(t.Context(), harness.Mount{Objects: harness.Lines("- secretPath: s", "- secretPath: x")})
		harness.WantError(t, err, codes.Internal, "objects[0]", "objects[1]", "waited for other reads of this node to end")
	})
}

// The mount ends in its time with the right kind of error, and the next one succeeds when
// the fault has ended.
func TestEachFaultOfTheStoreEndsInTimeAndTheNextMountWorks(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		fault emulator.Fault
		kind  string
		reads int // how often the store was asked; 0 means several times
	}{
		{"accepts and never answers", emulator.Fault{Hang: true}, "timed_out", 1},
		{"answers one byte a second", emulator.Fault{Drip: time.Second}, "timed_out", 1},
		{"closes after the headers", emulator.Fault{CloseAfterHeaders: true}, "unreachable", 0},
		{"sends half an answer", emulator.Fault{Truncate: true}, "unreachable", 0},
		{"answers 200 with HTML", emulator.Fault{Status: 200, ContentType: "text/html", Body: "<html>hello</html>"},
			"unreadable", 1},
		{"answers 200 with half a JSON", emulator.Fault{Status: 200, Body: `{"data":{"data":{"v":"1"`}, "unreadable", 1},
		{"answers 429 and an hour", emulator.Fault{Status: 429, RetryAfter: "3600"}, "limited", 1},
		{"answers 429 and a date", emulator.Fault{Status: 429, RetryAfter: "Fri, 31 Dec 2999 23:59:59 GMT"}, "limited", 1},
		{"answers 429 and nonsense", emulator.Fault{Status: 429, RetryAfter: "soon, I think"}, "limited", 0},
		{"redirects to another host", emulator.Fault{Redirect: "https://elsewhere.example/"}, "unreadable", 1},
		{"refuses the handshake", emulator.Fault{TLSAlert: true}, "unauthenticated", 0},
		{"is overloaded", emulator.Fault{Status: 503}, "failing", 0},
	}
	for _, c := range cases {
		harness.RunInBubble(t, c.name, func(t *harness.Bubble) {
			d := harness.Start(t, harness.Options{MountTimeout: 3 * time.Second, CacheTTL: time.Hour})
			d.Store.Hold(t, map[string]string{"s": `{"v":"1"}`})
			repair := d.Store.Break(t, c.fault)
			m := harness.Mount{Objects: "- secretPath: s"}
			_, err := d.Do(t.Context(), m)
			if err == nil || harness.Forbidden(err) {
				t.Errorf("the mount ended with %v", err)
			}
			d.WantKind(t, failure.Kind(c.kind))
			if got := len(d.Store.Requests()); c.reads > 0 && got != c.reads {
				t.Errorf("the store was asked %d times, want %d", got, c.reads)
			}
			repair()
			d.MustMount(t, m, "s", `{"v":"1"}`)
		})
	}
}

// An answer of OKMS does not have the path, but it has the version.
func TestAnAnswerWithAnotherVersionIsAnError(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		d := harness.Start(t, harness.Options{CacheTTL: time.Hour})
		d.Store.Hold(t, map[string]string{"s": `{"v":"1"}`})
		d.Store.Hold(t, map[string]string{"s": `{"v":"2"}`})
		other := emulator.Fault{Times: 1, Status: 200,
			Body: `{"data":{"data":{"v":"other"},"metadata":{"created_time":"2026-01-01T00:00:00Z",` +
				`"deletion_time":"","destroyed":false,"version":7}}}`}
		d.Store.Break(t, other)
		m := harness.Mount{Objects: "- secretPath: s\n  objectVersion: 1"}
		_, err := d.Do(t.Context(), m)
		harness.WantError(t, err, codes.Internal, "asked for version 1, got version 7")
		d.MustMount(t, m, "s", `{"v":"1"}`)
	})
}

func TestAShortFaultIsRetried(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		for _, fault := range []emulator.Fault{{Status: 503}, {Status: 429, RetryAfter: "1"},
			{Status: 502, Body: "<html>", ContentType: "text/html"}, {Truncate: true}} {
			d := harness.Start(t, harness.Options{})
			d.Store.Hold(t, map[string]string{"s": `{"v":"1"}`})
			fault.Times = 1
			d.Store.Break(t, fault)
			d.MustMount(t, harness.Mount{Objects: "- secretPath: s"}, "s", `{"v":"1"}`)
			d.WantLines(t, "ovhcloud_csi_okms_retries_total{kind=")
		}
	})
}

func TestAnotherCertificateOfTheServer(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		first := harness.StartStore(t)
		first.Hold(t, map[string]string{"s": `{"v":"1"}`})
		now := &harness.Clock{}
		d := harness.Start(t, harness.Options{Emulator: first, MaxStale: time.Hour, Now: now.Now})
		m := harness.Mount{Objects: "- secretPath: s"}
		d.MustMount(t, m, "s", `{"v":"1"}`)
		if err := first.Server.Close(); err != nil {
			t.Fatal(err)
		}
		d.MustMount(t, m, "s", `{"v":"1"}`) // stale: no store listens
		other, err := emulator.New(emulator.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s := harness.Serve(t, other, first.Address())
		_, err = d.Do(t.Context(), m) // an authority that the class does not know
		harness.WantError(t, err, codes.Internal, "certificate is not trusted")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		first.Restart(t) // a new certificate of the same authority
		d.MustMount(t, m, "s", `{"v":"1"}`)
	})
}

// After a jump of the clock, values whose age is unknown are read again, and no value that
// may be too old is served.
func TestAClockThatJumps(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		now := &harness.Clock{}
		d := harness.Start(t, harness.Options{CacheTTL: time.Minute, MaxStale: time.Hour, Now: now.Now,
			MountTimeout: 3 * time.Second})
		m := harness.Mount{Objects: "- secretPath: s"}
		for i, jump := range []time.Duration{0, -48 * time.Hour, 96 * time.Hour, -time.Minute} {
			now.Advance(jump)
			content := fmt.Sprintf(`{"v":"%d"}`, i)
			d.Store.Hold(t, map[string]string{"s": content})
			d.MustMount(t, m, "s", content)
		}
		repair := d.Store.Break(t, emulator.Fault{Status: 501})
		now.Advance(-time.Minute)
		_, err := d.Do(t.Context(), m)
		harness.WantError(t, err, codes.Internal, "has a fault")
		repair()
		d.MustMount(t, m, "s", `{"v":"3"}`)
	})
}

// The server accepts connections and sends nothing.
func TestAServerWithoutAHandshake(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		store := harness.StartStore(t)
		store.Hold(t, map[string]string{"s": `{"v":"1"}`})
		d := harness.Start(t, harness.Options{Emulator: store, MountTimeout: 3 * time.Second})
		if err := store.Server.Close(); err != nil {
			t.Fatal(err)
		}
		mute := harness.Listen(t, store.Address())
		go func() {
			for c, err := mute.Accept(); err == nil; c, err = mute.Accept() {
				defer c.Close()
			}
		}()
		m := harness.Mount{Objects: "- secretPath: s"}
		_, err := d.Do(t.Context(), m)
		harness.WantError(t, err, codes.Internal, "no answer from OKMS in time", "for the TLS handshake; kubelet tries again")
		if err := mute.Close(); err != nil {
			t.Fatal(err)
		}
		store.Restart(t)
		d.MustMount(t, m, "s", `{"v":"1"}`)
	})
}

// The circuit breaker does not stay open for as long as the clock was ahead.
func TestTheClockJumpsBackInAnOutage(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]emulator.Fault{"a rest": {Status: 501},
		"a pause": {Status: 429, RetryAfter: "30"}} {
		harness.RunInBubble(t, name, func(t *harness.Bubble) {
			now := &harness.Clock{}
			d := harness.Start(t, harness.Options{Now: now.Now, MountTimeout: 10 * time.Second})
			d.Store.Hold(t, map[string]string{"s": `{"v":"1"}`})
			m := harness.Mount{Objects: "- secretPath: s"}
			repair := d.Store.Break(t, fault)
			for range 4 {
				_, err := d.Do(t.Context(), m)
				harness.WantError(t, err, codes.Internal)
			}
			repair()
			now.Advance(-24 * time.Hour)
			d.MustMount(t, m, "s", `{"v":"1"}`)
		})
	}
}

func TestAnUnknownHostName(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		d := harness.Start(t, harness.Options{MountTimeout: 3 * time.Second})
		_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s",
			Attributes: map[string]string{"region": "no-such-region", "endpoint": ""}})
		harness.WantError(t, err, codes.Internal, "name lookup failed")
		d.Store.Hold(t, map[string]string{"s": `{"v":"1"}`})
		d.MustMount(t, harness.Mount{Objects: "- secretPath: s"}, "s", `{"v":"1"}`)
	})
}

func TestStaleWhileTheStoreIsDown(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		now := &harness.Clock{}
		d := harness.Start(t, harness.Options{CacheTTL: 30 * time.Second, MaxStale: time.Hour, Now: now.Now})
		d.Store.HoldMany(t, "shop", 10)
		m := harness.Mount{Objects: harness.Objects("shop", 10)}
		d.MustMount(t, m, "s0", `{"v":"shop 0"}`)
		now.Advance(10 * time.Minute)
		repair := d.Store.Break(t, emulator.Fault{Status: 503})
		var pods sync.WaitGroup
		for range 110 {
			pods.Go(func() { d.MustMount(t, m, "s9", `{"v":"shop 9"}`) })
		}
		pods.Wait()
		_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: shop/s10"})
		harness.WantError(t, err, codes.Internal) // it was never read
		d.WantLines(t, `ovhcloud_csi_secret_reads_total{served="stale"} 1100`,
			`ovhcloud_csi_secret_age_seconds_bucket{le="900"} 1100`,
			`ovhcloud_csi_secret_age_seconds_bucket{le="300"} 0`, `ovhcloud_csi_okms_circuit_breakers{state="open"} 1`)
		repair()
		d.Store.ResetRequests()
		now.Advance(time.Minute) // the circuit breaker allows a trial by then
		d.MustMount(t, m, "s9", `{"v":"shop 9"}`)
		if got := len(d.Store.Requests()); got != 10 {
			t.Errorf("%d reads for ten secrets once it is back", got)
		}
		d.WantLines(t, `ovhcloud_csi_okms_circuit_breakers{state="open"} 0`,
			`ovhcloud_csi_okms_circuit_breakers{state="half_open"} 0`)
		if err := d.Store.Delete("shop/s3"); err != nil {
			t.Fatal(err)
		}
		now.Advance(time.Minute)
		_, err = d.Do(t.Context(), m)
		harness.WantError(t, err, codes.NotFound, "shop/s3")
		d.Store.Break(t, emulator.Fault{Status: 503})
		_, err = d.Do(t.Context(), m)
		harness.WantError(t, err, codes.Internal, "shop/s3") // a 404 ends what was kept
	})
}

// The mount that has the trial of a circuit breaker gets a refusal, which is an answer. What OKMS is then asked for
// more to say in the message must not keep others waiting.
func TestARefusalClosesTheCircuitBreakerAtOnce(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		now := &harness.Clock{}
		d := harness.Start(t, harness.Options{Now: now.Now})
		d.Store.HoldMany(t, "shop", 2)
		if err := d.Store.SetState("shop/s1", 1, emulator.Deactivated); err != nil {
			t.Fatal(err)
		}
		repair := d.Store.Break(t, emulator.Fault{Status: 503})
		for range 3 {
			_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: shop/s0"})
			harness.WantError(t, err, codes.Internal)
		}
		d.WantLines(t, `ovhcloud_csi_okms_circuit_breakers{state="open"} 1`)
		repair()
		d.Store.Break(t, emulator.Fault{Hang: true, Path: "secret/metadata"})
		d.Store.ResetRequests()
		now.Advance(time.Minute)
		var all sync.WaitGroup
		all.Go(func() {
			_, err := d.Do(t.Context(), harness.Mount{Objects: "- {secretPath: shop/s1, objectVersion: 1}"})
			harness.WantError(t, err, codes.FailedPrecondition)
		})
		d.Store.AwaitRequests(t, 2) // the read and the list
		d.MustMount(t, harness.Mount{Objects: "- secretPath: shop/s0"}, "s0", `{"v":"shop 0"}`)
		all.Wait()
	})
}

// Without --max-stale every pod fails during the outage, and all start when the store is
// back. The store gets few requests at both times.
func TestANodeThatRestartsDuringAnOutage(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		const pods = 110
		now := &harness.Clock{}
		d := harness.Start(t, harness.Options{CacheTTL: 30 * time.Second, MountTimeout: 5 * time.Second, Now: now.Now})
		d.Store.HoldMany(t, "shop", 10)
		m := harness.Mount{Objects: harness.Objects("shop", 10)}
		repair := d.Store.Break(t, emulator.Fault{Status: 503})
		for range 5 { // kubelet tries again
			var all sync.WaitGroup
			for range pods {
				all.Go(func() {
					if _, err := d.Do(t.Context(), m); err == nil || harness.Forbidden(err) {
						t.Errorf("got %v", err)
					}
				})
			}
			all.Wait()
		}
		// Ten reads are joined by all; each may be retried.
		if got := len(d.Store.Requests()); got > 100 {
			t.Errorf("550 mounts made %d requests to a store that is down", got)
		}
		repair()
		d.Store.ResetRequests()
		now.Advance(time.Minute)
		d.MustMount(t, m, "s9", `{"v":"shop 9"}`)
		var all sync.WaitGroup
		for range pods {
			all.Go(func() { d.MustMount(t, m, "s9", `{"v":"shop 9"}`) })
		}
		all.Wait()
		if got := len(d.Store.Requests()); got != 10 {
			t.Errorf("%d reads once it is back", got)
		}
	})
}

func TestAClosedPortThatOpensAgain(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		store := harness.StartStore(t)
		store.Hold(t, map[string]string{"s": `{"v":"1"}`})
		d := harness.Start(t, harness.Options{Emulator: store, MountTimeout: 3 * time.Second})
		m := harness.Mount{Objects: "- secretPath: s"}
		if err := store.Server.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := d.Do(t.Context(), m)
		harness.WantError(t, err, codes.Internal, "OKMS cannot be reached", "connection refused")
		store.Restart(t)
		d.MustMount(t, m, "s", `{"v":"1"}`)
	})
}
