// SPDX-License-Identifier: Apache-2.0

package scrapes

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/server/lines"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// node is a daemon with two connections, of which team has a certificate.
type node struct {
	*harness.Daemon
	ids   *harness.Identities
	clock *harness.Clock
}

// options of start. The zero value is a healthy daemon.
type options struct {
	harness.Options
	expires time.Time // of the certificate; zero is in a year
}

// inAYear is the same for all certificates of a run, so that their ends do not differ.
var inAYear = time.Now().AddDate(1, 0, 0)

func start(t *testing.T, o options) *node {
	t.Helper()
	if o.expires.IsZero() {
		o.expires = inAYear
	}
	store := harness.StartStore(t)
	store.Hold(t, map[string]string{"own": `{"a":"2"}`})
	store.HoldMany(t, "prod/shop", 10)
	if err := store.AddToken(harness.HeldToken, emulator.Identity{Name: "held"}); err != nil {
		t.Fatal(err)
	}
	certificate, key, err := store.IssueCertificate(emulator.Identity{Name: "team", Expires: o.expires})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{clock: &harness.Clock{}}
	n.ids = harness.NewIdentities(t, store.TwoConnections(), map[string]map[string]string{
		"team": {"tls.crt": string(certificate), "tls.key": string(key)}, "other": {"token": harness.HeldToken}})
	o.Emulator, o.Connections, o.CacheTTL, o.Now = store, n.ids.Connections, 30*time.Second, n.clock.Now
	n.Daemon = harness.Start(t, o.Options)
	return n
}

// mount lets two pods mount a volume each, four times: one over the connection team, one with its own token. Errors
// are what a recording is about.
func (n *node) mount(t *testing.T) *node {
	t.Helper()
	pay := map[string]string{"secretProviderClass": "pay", "csi.storage.k8s.io/pod.name": "pay-0"}
	for range 4 {
		_, _ = n.Do(t.Context(), harness.OverConnection("team", harness.Objects("prod/shop", 10), nil))
		_, _ = n.Do(t.Context(), harness.Mount{Objects: "- secretPath: own", Attributes: pay})
	}
	return n
}

// later moves the clock on, so that nothing is served from the cache.
func (n *node) later() *node {
	n.clock.Advance(time.Minute)
	return n
}

// down is an answer that is not tried again, which would take seconds.
var down = emulator.Fault{Status: 501}

// breaks are what can be broken, each with a daemon on which it is.
var breaks = map[string]func(t *testing.T) *node{
	"token-revoked": func(t *testing.T) *node {
		n := start(t, options{}).mount(t).later()
		n.Store.RevokeToken(harness.Token)
		return n.mount(t)
	},
	"connection-broken": func(t *testing.T) *node {
		n := start(t, options{}).mount(t)
		before := n.ids.Reloads()
		n.ids.Credential(t, "team", map[string]string{"tls.crt": "not a certificate"})
		n.ids.Await(t, before, func(r connections.Reload) bool { return r.Connection == "team" && r.Err != nil })
		return n
	},
	"certificate-near-its-end": func(t *testing.T) *node {
		return start(t, options{expires: time.Now().Add(3 * 24 * time.Hour)}).mount(t)
	},
	"store-down": func(t *testing.T) *node {
		n := start(t, options{}).mount(t).later()
		n.Store.Break(t, down)
		return n.mount(t)
	},
	"store-down-stale": func(t *testing.T) *node {
		n := start(t, options{Options: harness.Options{MaxStale: time.Hour}}).mount(t).later()
		n.Store.Break(t, down)
		return n.mount(t)
	},
	"store-limits": func(t *testing.T) *node {
		n := start(t, options{}).mount(t).later()
		n.Store.Break(t, emulator.Fault{Status: 429, Times: 2})
		return n.mount(t)
	},
	"class-wrong": func(t *testing.T) *node {
		n := start(t, options{}).mount(t).later()
		if err := n.Store.Delete("own"); err != nil {
			t.Fatal(err)
		}
		return n.mount(t)
	},
	"budget-full": func(t *testing.T) *node {
		n := start(t, options{Options: harness.Options{MountTimeout: time.Second}}).mount(t).later()
		for i := range 20 { // a namespace gets half of what is left
			other := n.Budget.Open(fmt.Sprint("namespace-", i))
			t.Cleanup(other.Close)
			for size := n.Budget.Parts[budget.Running]; size > 0; size /= 2 {
				other.Take(budget.Running, size)
			}
		}
		return n.mount(t)
	},
	"panic": func(t *testing.T) *node {
		return start(t, options{Options: harness.Options{Mounter: panics{}}}).mount(t)
	},
	"log-disk-full": func(t *testing.T) *node {
		return start(t, options{Options: harness.Options{LogLost: full(t).Lost}}).mount(t)
	},
	"audit-disk-full": func(t *testing.T) *node {
		audit := full(t)
		n := start(t, options{Options: harness.Options{Audit: audit}}).mount(t)
		harness.Await(t, "lost records", func() bool { return audit.Lost().Failed >= 4 })
		return n
	},
}

// panics is a provider with a bug.
type panics struct{}

func (panics) Mount(context.Context, provider.Request) (provider.Response, error) { panic("a bug") }

// full returns a queue on a disk that is full, which has lost a line.
func full(t *testing.T) *lines.Queue {
	t.Helper()
	q := lines.New(1<<20, func(lines.Lost, error) []byte { return []byte("lost\n") })
	go q.Run(fullDisk{})
	t.Cleanup(func() { q.Close() })
	if _, err := q.Write([]byte("x\n")); err != nil {
		t.Fatal(err)
	}
	harness.Await(t, "a lost line", func() bool { return q.Lost().Failed > 0 })
	return q
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }
