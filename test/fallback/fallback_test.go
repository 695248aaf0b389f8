// SPDX-License-Identifier: Apache-2.0

package fallback

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// The credential of each region. The other region does not know it.
const (
	ofFirst  = "eyJhbGciOiJFZERTQSJ9.held-for-the.first-region"
	ofSecond = "eyJhbGciOiJFZERTQSJ9.held-for-the.second-region"
)

// down is a fault that is not retried, so that no test waits.
var down = emulator.Fault{Status: 501}

// regions are two stores, and a daemon with the connection "par" to the first and its
// fallback "rbx" to the second. Namespace store may read prod/** over par, and over rbx
// rbxPaths.
type regions struct {
	*harness.Daemon
	second *harness.Store
	ids    *harness.Identities
}

type regionOptions struct {
	par, rbx string // further fields of the two connections
	timeout  time.Duration
	ttl      time.Duration
	daemons  time.Duration // --max-stale
	reads    int           // --max-reads
}

const rbxPaths = `[prod/shop/*, prod/s/*, prod/only]`

func startRegions(t *harness.Bubble, o regionOptions) *regions {
	t.Helper()
	r := &regions{second: harness.StartStore(t)}
	first := harness.StartStore(t)
	for store, token := range map[*harness.Store]string{first: ofFirst, r.second: ofSecond} {
		if err := store.AddToken(token, emulator.Identity{Name: token[len(token)-13:]}); err != nil {
			t.Fatal(err)
		}
	}
	first.Hold(t, map[string]string{"prod/shop/db": `{"v":"par"}`, "prod/par/db": `{"v":"par"}`})
	r.second.Hold(t, map[string]string{"prod/shop/db": `{"v":"old"}`, "prod/par/db": `{"v":"rbx"}`,
		"prod/only": `{"v":"rbx"}`})
	r.second.Hold(t, map[string]string{"prod/shop/db": `{"v":"rbx"}`})
	r.ids = harness.NewIdentities(t, regionsConfig(first, r.second, o),
		map[string]map[string]string{"par": {"token": ofFirst}, "rbx": {"token": ofSecond}})
	r.Daemon = harness.Start(t, harness.Options{Emulator: first, Connections: r.ids.Connections, MountTimeout: o.timeout,
		CacheTTL: o.ttl, MaxStale: o.daemons, MaxReads: o.reads})
	return r
}

func regionsConfig(first, second *harness.Store, o regionOptions) string {
	return "connections:\n  par:\n" + first.Placed() + "    credentialsDir: ROOT/par\n    fallback: rbx\n" + o.par +
		"    allow: [{namespaces: [store], serviceAccounts: ['*'], paths: ['prod/**']}]\n" +
		"  rbx:\n" + second.Placed() + "    credentialsDir: ROOT/rbx\n" + o.rbx +
		"    allow: [{namespaces: [store], serviceAccounts: [web], paths: " + rbxPaths + "}]\n"
}

func byPar(path string) harness.Mount {
	return harness.OverConnection("par", "- secretPath: "+path, nil)
}

// shop mounts the secret that both regions have, and checks from which one it comes.
func (r *regions) shop(t *harness.Bubble, want string) {
	t.Helper()
	r.Daemon.MustMount(t, byPar("prod/shop/db"), "db", `{"v":"`+want+`"}`)
}

// later lets the circuit breaker of the first region allow a trial.
func (r *regions) later() { time.Sleep(time.Minute) }

func (r *regions) served(t *harness.Bubble, how string, n int) {
	t.Helper()
	r.WantLines(t, fmt.Sprintf("ovhcloud_csi_secret_reads_total{served=%q} %d", how, n))
}

func TestAnUnavailableStoreIsReplacedByTheFallback(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]emulator.Fault{
		"never answers": {Hang: true}, "drips": {Drip: time.Second}, "is overloaded": {Status: 503}, "limits": {Status: 429,
			RetryAfter: "3600"},
		"closes": {CloseAfterHeaders: true}, "asks to wait": {Status: 429, RetryAfter: "20"},
	} {
		harness.RunInBubble(t, name, func(t *harness.Bubble) {
			r := startRegions(t, regionOptions{timeout: 3 * time.Second})
			r.shop(t, "par")
			repair := r.Store.Break(t, fault)
			r.shop(t, "rbx")
			r.served(t, "fallback", 1)
			repair()
			r.later()
			r.shop(t, "par")
			r.served(t, "fallback", 1)
			r.eachToItsOwn(t)
		})
	}
}

// eachToItsOwn checks in the stores' journals that each store got its own credential only.
// The other's would be a request without an identity.
func (r *regions) eachToItsOwn(t *harness.Bubble) {
	t.Helper()
	for store, token := range map[*harness.Store]string{r.Store: ofFirst, r.second: ofSecond} {
		requests := store.Requests()
		if len(requests) == 0 {
			t.Error("a store was never asked")
		}
		for _, one := range requests {
			if !strings.HasSuffix(token, one.Identity) || one.Identity == "" {
				t.Errorf("a request came from %q", one.Identity)
			}
		}
	}
}

func TestAClosedPortIsReplacedByTheFallback(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{timeout: 3 * time.Second})
		if err := r.Store.Server.Close(); err != nil {
			t.Fatal(err)
		}
		r.shop(t, "rbx")
		r.Store.Restart(t)
		r.later()
		r.shop(t, "par")
	})
}

func TestARefusalIsNotReplacedByTheFallback(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault emulator.Fault
		path  string
		code  codes.Code
	}{
		"401":           {emulator.Fault{Status: 401}, "prod/shop/db", codes.Unauthenticated},
		"403":           {emulator.Fault{Status: 403}, "prod/shop/db", codes.PermissionDenied},
		"absent secret": {emulator.Fault{}, "prod/only", codes.NotFound},
		"HTML": {emulator.Fault{Status: 200, ContentType: "text/html", Body: "<html>"}, "prod/shop/db",
			codes.Internal},
	} {
		harness.RunInBubble(t, name, func(t *harness.Bubble) {
			r := startRegions(t, regionOptions{daemons: time.Hour, timeout: 3 * time.Second})
			if c.fault.Status != 0 {
				r.Store.Break(t, c.fault)
			}
			_, err := r.Do(t.Context(), byPar(c.path))
			harness.WantError(t, err, c.code)
			if n := len(r.second.Requests()); n > 0 {
				t.Errorf("the fallback was asked %d times", n)
			}
		})
	}
}

func TestBothStoresDown(t *testing.T) {
	t.Parallel()
	harness.RunInBubble(t, "nothing stale", func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{timeout: 3 * time.Second})
		r.Store.Break(t, down)
		r.second.Break(t, emulator.Fault{Status: 429, RetryAfter: "3600"})
		_, err := r.Do(t.Context(), byPar("prod/shop/db"))
		harness.WantError(t, err, codes.Internal, "OKMS at 127.0.0.1:",
			"has a fault; its fallback, connection \"rbx\": OKMS limits requests at the moment", "HTTP 501", "; fallback: ",
			"HTTP 429", "kubelet tries again")
	})
	harness.RunInBubble(t, "the fallback's stale one first", func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{timeout: 3 * time.Second, daemons: time.Hour})
		r.shop(t, "par")
		repair := r.Store.Break(t, down)
		r.shop(t, "rbx")
		r.second.Break(t, down)
		r.later()
		r.shop(t, "rbx")
		r.served(t, "stale", 1)
		r.served(t, "fallback", 2)
		repair()
		r.later()
		r.shop(t, "par")
	})
	harness.RunInBubble(t, "its own stale one last", func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{timeout: 3 * time.Second, daemons: time.Hour, rbx: "    maxStale: 0s\n"})
		r.shop(t, "par")
		r.Store.Break(t, down)
		r.second.Break(t, emulator.Fault{Hang: true})
		r.later()
		r.shop(t, "par")
		r.served(t, "stale", 1)
		r.served(t, "fallback", 0)
	})
	harness.RunInBubble(t, "its own stale one is too old", func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{timeout: 3 * time.Second, daemons: time.Hour, par: "    maxStale: 2m\n",
			rbx: "    maxStale: 0s\n"})
		r.shop(t, "par")
		r.Store.Break(t, down)
		r.second.Break(t, down)
		time.Sleep(2 * time.Minute)
		r.shop(t, "par")
		time.Sleep(time.Second)
		_, err := r.Do(t.Context(), byPar("prod/shop/db"))
		harness.WantError(t, err, codes.Internal, "its fallback")
	})
}

// A refusal of the fallback is in the message, and drops its cached values.
func TestAFallbackThatRefuses(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{timeout: 3 * time.Second, daemons: time.Hour, par: "    maxStale: 0s\n"})
		r.Store.Break(t, down)
		r.shop(t, "rbx")
		repair := r.second.Break(t, emulator.Fault{Status: 403})
		_, err := r.Do(t.Context(), byPar("prod/shop/db"))
		harness.WantError(t, err, codes.Internal, "its fallback, connection \"rbx\": OKMS does not allow the token ",
			"grant its identity")
		repair()
		r.second.Break(t, down)
		_, err = r.Do(t.Context(), byPar("prod/shop/db"))
		harness.WantError(t, err, codes.Internal, "its fallback, connection \"rbx\": OKMS at ") // no stale value is left
		// A secret that is absent in the fallback may exist in the first store.
		_, err = r.Do(t.Context(), harness.OverConnection("par", "- secretPath: prod/s/none\n  optional: true", nil))
		harness.WantError(t, err, codes.Internal)
	})
}

func TestTheRulesOfTheFallbackApply(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{timeout: 3 * time.Second})
		r.Store.Break(t, down)
		other := byPar("prod/shop/db")
		other.Attributes[harness.AccountKey] = "other"
		for name, m := range map[string]harness.Mount{"path": byPar("prod/par/db"), "service account": other} {
			_, err := r.Do(t.Context(), m)
			harness.WantError(t, err, codes.Internal, "has a fault")
			if err != nil && strings.Contains(err.Error(), "fallback") {
				t.Errorf("%s: the message has the fallback: %v", name, err)
			}
		}
		if n := len(r.second.Requests()); n > 0 {
			t.Errorf("the fallback was asked %d times", n)
		}
	})
}

func TestAnUnusableFallbackDoesNotAffectItsConnection(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{timeout: 3 * time.Second})
		config := strings.ReplaceAll(regionsConfig(r.Store, r.second, regionOptions{}), "ROOT/rbx", "ROOT/none")
		before := r.ids.Reloads()
		r.ids.Config(t, strings.Replace(config, "  rbx:", "  new:", 1)+"  rbx:\n"+r.second.Placed()+
			"    credentialsDir: ROOT/none\n    allow: [{namespaces: [store], serviceAccounts: [web], paths: ['**']}]\n")
		r.ids.Await(t, before, func(l connections.Reload) bool { return l.Connection == "rbx" && l.Err != nil })
		r.shop(t, "par")
	})
}

func TestTheVersionNamesTheFallback(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{timeout: 3 * time.Second})
		version := func(connection string) string {
			resp, err := r.Client.Mount(t.Context(),
				r.Request(harness.OverConnection(connection, "- secretPath: prod/shop/db", nil)))
			if err != nil {
				t.Fatal(err)
			}
			return resp.GetObjectVersion()[0].GetVersion()
		}
		first := version("par")
		repair := r.Store.Break(t, down)
		second := version("par")
		host := strings.TrimPrefix(r.second.URL, "https://")
		if !strings.HasPrefix(first, "1-") || strings.Contains(first, "@") || !strings.HasPrefix(second, "2-") ||
			second != version("rbx")+"@"+host {
			t.Errorf("versions %s and %s", first, second)
		}
		repair()
		r.later()
		if got := version("par"); got != first {
			t.Errorf("it is %s after %s once the first is back", got, first)
		}
	})
}

// Reloader hashes the pairs of the status and restarts workloads when they change. The test
// compares the same pairs.
func TestAFallbackWithTheSameBytesRestartsNothing(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{timeout: 3 * time.Second})
		same := map[string]string{"prod/shop/same": `{"k":"1","l":{"m":2}}`, "prod/shop/whole": `{"a":"b"}`}
		r.Store.Hold(t, same)
		r.second.Hold(t, map[string]string{"prod/shop/same": `{"k":"0"}`}) // so that its version numbers differ
		r.second.Hold(t, same)
		mount := harness.OverConnection("par",
			"- {secretPath: prod/shop/same, allKeys: true}\n- {secretPath: prod/shop/same, secretKey: l.m, objectName: n, "+
				"encoding: utf-8}\n"+
				"- secretPath: prod/shop/whole\n", nil)
		pairs := func() string {
			t.Helper()
			resp, err := r.Client.Mount(t.Context(), r.Request(mount))
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			for _, v := range resp.GetObjectVersion() {
				fmt.Fprintf(&text, "%s=%s,", v.GetId(), v.GetVersion())
			}
			return text.String()
		}
		before := pairs()
		repair := r.Store.Break(t, down)
		if away := pairs(); away != before || len(r.second.Requests()) == 0 {
			t.Errorf("the pairs change from %s to %s", before, away)
		}
		r.second.Hold(t, map[string]string{"prod/shop/whole": `{"a":"c"}`})
		if changed := pairs(); changed == before || !strings.Contains(changed, "@") {
			t.Errorf("other bytes of the fallback do not change the pairs: %s", changed)
		}
		r.second.Hold(t, same)
		if again := pairs(); again != before {
			t.Errorf("the pairs are %s after %s with the same bytes again", again, before)
		}
		repair()
		r.later()
		if back := pairs(); back != before {
			t.Errorf("the pairs are %s after %s once the first is back", back, before)
		}
	})
}

// The first three mounts wait for the store. Then the circuit breaker is open, the others
// read from the fallback at once, and the store gets no more requests.
func TestManyMountsWhileTheFirstStoreHangs(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		// With 15 seconds for a mount, a slow machine has eight to spare before a mount's read is
		// too short to count as a failure of the store.
		r := startRegions(t, regionOptions{timeout: 15 * time.Second, ttl: 30 * time.Second})
		r.second.HoldMany(t, "prod/s", 10)
		r.Store.Break(t, emulator.Fault{Hang: true})
		var all sync.WaitGroup
		for i := range 3 {
			all.Go(func() {
				r.Daemon.MustMount(t, byPar(fmt.Sprintf("prod/s/s%d", i)), fmt.Sprintf("s%d", i),
					fmt.Sprintf(`{"v":"prod/s %d"}`, i))
			})
		}
		all.Wait()
		if n := len(r.Store.Requests()); n != 3 {
			t.Errorf("three mounts made %d requests to the first store", n)
		}
		for range 110 {
			all.Go(func() {
				r.Daemon.MustMount(t, harness.OverConnection("par", harness.Objects("prod/s", 10), nil), "s9", `{"v":"prod/s 9"}`)
			})
		}
		all.Wait()
		if n := len(r.Store.Requests()); n != 3 {
			t.Errorf("the first store got %d requests, with an open circuit breaker", n)
		}
		if n := len(r.second.Requests()); n != 10 {
			t.Errorf("the second was asked %d times for ten secrets", n)
		}
		r.eachToItsOwn(t)
	})
}

// While the trial of a mount hangs, other mounts of the same secret are served without it.
func TestMountsDoNotWaitForATrial(t *testing.T) {
	t.Parallel()
	harness.RunInBubble(t, "the fallback is read", func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{timeout: 6 * time.Second})
		r.duringATrial(t, r.Store, func() { r.shop(t, "rbx") })
	})
	harness.RunInBubble(t, "a stale value is served", func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{daemons: time.Hour})
		shop := func() {
			r.Daemon.MustMount(t, harness.OverConnection("rbx", "- secretPath: prod/shop/db", nil), "db", `{"v":"rbx"}`)
		}
		shop()
		r.duringATrial(t, r.second, shop)
	})
}

// duringATrial opens the circuit breaker of a store, lets the trial of one mount hang, and
// checks that the next mounts end before that one.
func (r *regions) duringATrial(t *harness.Bubble, store *harness.Store, mount func()) {
	t.Helper()
	repair := store.Break(t, down)
	for range 3 {
		mount()
	}
	repair()
	store.Break(t, emulator.Fault{Hang: true})
	store.ResetRequests()
	r.later()
	probed := make(chan struct{})
	go func() {
		defer close(probed)
		mount()
	}()
	store.AwaitRequests(t, 1)
	for range 20 {
		mount()
	}
	select {
	case <-probed:
		t.Error("they waited for the trial")
	default:
	}
	<-probed
	if n := len(store.Requests()); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
}

// Mounts with the same credential share a read of the first store. That gives a mount without
// a right to the fallback nothing of it.
func TestAJoinedReadDoesNotShareTheFallback(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{ttl: time.Hour})
		r.Store.Break(t, emulator.Fault{Status: 501, Delay: 500 * time.Millisecond})
		other := byPar("prod/shop/db")
		other.Attributes[harness.AccountKey] = "other"
		strangers := []harness.Mount{other, {Objects: "- secretPath: prod/shop/db", Token: ofFirst}}
		var all sync.WaitGroup
		for range 2 { // in the read, and after it
			all.Go(func() { r.shop(t, "rbx") })
			r.Store.AwaitRequests(t, 1)
			for _, m := range strangers {
				all.Go(func() {
					if files, err := r.Do(t.Context(), m); err == nil || harness.Forbidden(err) {
						t.Errorf("a stranger got %v, %v", files, err)
					}
				})
			}
			all.Wait()
		}
	})
}

// Two connections are each other's fallback, and no read goes in a circle.
func TestAFallbacksFallbackIsNotFollowed(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{rbx: "    fallback: par\n"})
		r.Store.Break(t, emulator.Fault{Times: 1, Status: 501})
		r.second.Break(t, emulator.Fault{Times: 1, Status: 501})
		_, err := r.Do(t.Context(), byPar("prod/shop/db"))
		harness.WantError(t, err, codes.Internal, "its fallback")
		if first, second := len(r.Store.Requests()), len(r.second.Requests()); first != 1 || second != 1 {
			t.Errorf("they were asked %d and %d times", first, second)
		}
		r.second.Break(t, down)
		r.Daemon.MustMount(t, harness.OverConnection("rbx", "- secretPath: prod/shop/db", nil), "db", `{"v":"par"}`)
	})
}

func TestManyMountsWhileTheFirstStoreFails(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{timeout: 5 * time.Second, ttl: 30 * time.Second})
		r.second.HoldMany(t, "prod/s", 10)
		r.Store.Break(t, emulator.Fault{Status: 503})
		for range 3 {
			var all sync.WaitGroup
			for range 110 {
				all.Go(func() {
					r.Daemon.MustMount(t, harness.OverConnection("par", harness.Objects("prod/s", 10), nil), "s9", `{"v":"prod/s 9"}`)
				})
			}
			all.Wait()
		}
		if n := len(r.Store.Requests()); n > 100 {
			t.Errorf("330 mounts made %d requests to a store that is down", n)
		}
		if n := len(r.second.Requests()); n != 10 {
			t.Errorf("the second was asked %d times for ten secrets", n)
		}
	})
}

func TestMaxStaleOfAConnectionReplacesTheDaemons(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		daemons time.Duration
		own     string
		lasts   time.Duration // 0 means that nothing stale is served
	}{
		"the daemon's": {time.Hour, "", time.Hour},
		"longer":       {time.Hour, "    maxStale: 2h\n", 2 * time.Hour},
		"its alone":    {0, "    maxStale: 2h\n", 2 * time.Hour},
		"none":         {time.Hour, "    maxStale: 0s\n", 0},
	} {
		harness.RunInBubble(t, name, func(t *harness.Bubble) {
			r := startRegions(t, regionOptions{daemons: c.daemons, rbx: c.own, timeout: 3 * time.Second})
			m := harness.OverConnection("rbx", "- secretPath: prod/shop/db", nil)
			r.Daemon.MustMount(t, m, "db", `{"v":"rbx"}`)
			r.second.Break(t, down)
			if time.Sleep(c.lasts); c.lasts > 0 {
				r.Daemon.MustMount(t, m, "db", `{"v":"rbx"}`)
			}
			time.Sleep(time.Second)
			_, err := r.Do(t.Context(), m)
			harness.WantError(t, err, codes.Internal, "has a fault")
		})
	}
}

// A node that is cut off from both regions does not go back to an old value of the second.
func TestTheYoungerStaleValueIsServed(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{daemons: 24 * time.Hour})
		repair := r.Store.Break(t, down)
		r.shop(t, "rbx")
		repair()
		time.Sleep(20 * time.Hour)
		r.Store.Hold(t, map[string]string{"prod/shop/db": `{"v":"rotated"}`})
		r.shop(t, "rotated")
		r.later()
		r.Store.Break(t, down)
		r.second.Break(t, down)
		r.shop(t, "rotated")
		r.served(t, "fallback", 1)
	})
}

// The first store is read for the rest of the time, as without a fallback.
func TestWithoutTheSecretInTheFallbackTheStoreIsReadAgain(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{timeout: 30 * time.Second})
		r.Store.Hold(t, map[string]string{"prod/s/new": `{"v":"par"}`})
		r.Store.Break(t, emulator.Fault{Delay: 4600 * time.Millisecond})
		r.Daemon.MustMount(t, byPar("prod/s/new"), "new", `{"v":"par"}`)
	})
}

func TestAVersionByItsNumberHasNoFallback(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{})
		pinned := harness.OverConnection("par", "- {secretPath: prod/shop/db, objectVersion: 1}", nil)
		r.Daemon.MustMount(t, pinned, "db", `{"v":"par"}`)
		r.Store.Break(t, down)
		_, err := r.Do(t.Context(), pinned)
		harness.WantError(t, err, codes.Internal, "has a fault")
		if n := len(r.second.Requests()); n != 0 {
			t.Errorf("the second was asked %d times for a version of the first", n)
		}
	})
}

// The list of versions is only for the message. That holds also for a read that a mount
// without a fallback began and that others join.
func TestARefusalCountsWhileItsDetailsHang(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{timeout: 6 * time.Second})
		if err := r.Store.SetState("prod/shop/db", 1, emulator.Deactivated); err != nil {
			t.Fatal(err)
		}
		r.Store.Break(t, emulator.Fault{Hang: true, Path: "secret/metadata"})
		other := byPar("prod/shop/db")
		other.Attributes[harness.AccountKey] = "other"
		var all sync.WaitGroup
		all.Go(func() { _, _ = r.Do(t.Context(), other) })
		r.Store.AwaitRequests(t, 2)
		_, err := r.Do(t.Context(), byPar("prod/shop/db"))
		harness.WantError(t, err, codes.FailedPrecondition, "is deactivated")
		all.Wait()
		if n := len(r.second.Requests()); n != 0 {
			t.Errorf("the second was asked %d times", n)
		}
	})
}

// crowd takes the only place for reads, with one that hangs, until end is called.
func (r *regions) crowd(t *harness.Bubble) (end func()) {
	t.Helper()
	r.Store.Break(t, emulator.Fault{Hang: true, Path: "prod/crowd"})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { _, _ = r.Do(ctx, harness.Mount{Objects: "- secretPath: prod/crowd"}) })
	r.Store.AwaitRequests(t, 1)
	return func() {
		cancel()
		all.Wait()
	}
}

// A mount that waits for its turn at a healthy store does not use the fallback.
func TestAFullQueueIsNoOutage(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{timeout: 20 * time.Second, reads: 1})
		end := r.crowd(t)
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.shop(t, "par")
		}()
		// The third read is the second attempt of the mount that waits.
		harness.Await(t, "the second attempt", func() bool {
			return strings.Contains(harness.Page(t, r.Admin+"/metrics"), `secret_reads_total{served="miss"} 3`)
		})
		end()
		<-done
		r.served(t, "fallback", 0)
	})
}

func TestAQueueThatDoesNotMoveIsLeftForTheFallback(t *testing.T) {
	for _, timeout := range []time.Duration{12 * time.Second, 15 * time.Second, 30 * time.Second} {
		t.Run(timeout.String(), func(t *testing.T) { leavesQueue(t, timeout) })
	}
}

func leavesQueue(t *testing.T, timeout time.Duration) {
	harness.InBubble(t, func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{timeout: timeout, reads: 1})
		r.second.Break(t, emulator.Fault{Delay: 4 * time.Second})
		defer r.crowd(t)()
		time.Sleep(time.Second) // the read that hangs would end before the mount does
		r.shop(t, "rbx")
		r.served(t, "fallback", 1)
	})
}

func TestAPageOfAProxyIsReplacedByTheFallback(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		r := startRegions(t, regionOptions{timeout: 3 * time.Second})
		r.Store.Break(t, emulator.Fault{Status: 403, ContentType: "text/html", Body: "<html>no</html>"})
		r.shop(t, "rbx")
	})
}
