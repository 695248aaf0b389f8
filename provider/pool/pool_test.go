// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/oauth"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/plan/plantest"
	"ovhcloud-csi-provider/provider/sensitive"
)

// newPool returns a pool with a clock that the test sets, and a function that returns the plan
// of a mount with a token of its own.
func newPool(now *time.Time) (*Pool, func(token string) plan.Plan) {
	clock := func() time.Time { return *now }
	pool := New(okms.Options{}, budget.New(64<<20), clock)
	return pool, func(token string) plan.Plan {
		p, failures := plantest.Of(plantest.Request(plantest.Credentials(map[string]string{"token": token})), nil, *now)
		if len(failures) > 0 {
			panic(&failure.Error{Failures: failures})
		}
		return p
	}
}

func TestClientsAreSharedByEqualCredentialsOnly(t *testing.T) {
	now := time.Unix(0, 0)
	pool, with := newPool(&now)
	get := func(p plan.Plan) *okms.Client {
		lease, err := pool.Lease(p.Origin, "shop")
		if err != nil {
			t.Fatal(err)
		}
		lease.Close()
		return lease.Client
	}
	first, again, other := get(with("a")), get(with("a")), get(with("b"))
	elsewhere := with("a")
	elsewhere.Domain.ID = "00000000-0000-0000-0000-000000000000"
	trusting := with("a")
	trusting.Domain.CABundle = "x"
	if first != again || first == other || first == get(elsewhere) {
		t.Error("equal credentials have two clients, or different ones share a client")
	}
	if _, err := pool.Lease(trusting.Origin, "shop"); err == nil {
		t.Error("an invalid CA bundle was accepted")
	}
	if used, want := pool.budget.UsedBy(budget.Clients), 3*takes(elsewhere.Domain); used != want {
		t.Errorf("three clients and one that could not be made hold %d bytes of the budget, want %d", used, want)
	}
}

func TestIdleClientsAreEvicted(t *testing.T) {
	now := time.Unix(0, 0)
	pool, with := newPool(&now)
	lease, err := pool.Lease(with("idle").Origin, "shop")
	if err != nil {
		t.Fatal(err)
	}
	lease.Close()
	lease, err = pool.Lease(with("used").Origin, "shop")
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Close()
	for range 3 {
		now = now.Add(idleTime / 2)
		if _, err := pool.Lease(with("used").Origin, "shop"); err != nil {
			t.Fatal(err)
		}
		pool.Sweep()
	}
	if len(pool.byKey) != 1 {
		t.Errorf("the pool has %d clients, want only the used one", len(pool.byKey))
	}
}

// TestClientsAreBounded: a pod with many credentials evicts its own clients, but neither those of
// other namespaces nor those in use.
func TestClientsAreBounded(t *testing.T) {
	now := time.Unix(0, 0)
	pool, with := newPool(&now)
	use := func(namespace, token string) (release func()) {
		now = now.Add(time.Millisecond)
		lease, err := pool.Lease(with(token).Origin, namespace)
		if err != nil {
			t.Fatalf("%s of %s: %v", token, namespace, err)
		}
		return lease.Close
	}
	use("honest", "mine")()
	busy := use("many", "busy")
	most := int(pool.budget.Parts[budget.Clients] / 2 / perClient)
	for i := range 3 * most {
		use("many", fmt.Sprint("many", i))()
	}
	if n := len(pool.byKey); n < most || n > most+2 {
		t.Errorf("the pool has %d clients, of which one namespace may have %d", n, most)
	}
	kept := func(token string) bool {
		_, is := pool.byKey[key{with(token).Domain, with(token).Credential.ID()}]
		return is
	}
	if !kept("mine") || !kept("busy") || kept("many0") || !kept(fmt.Sprint("many", 3*most-1)) {
		t.Error("the wrong clients were evicted")
	}
	busy()
	var all []func()
	for i := range most {
		if lease, err := pool.Lease(with(fmt.Sprint("held", i)).Origin, "many"); err == nil {
			all = append(all, lease.Close)
		}
	}
	if _, err := pool.Lease(with("one-more").Origin, "many"); !errors.Is(err, ErrFull) {
		t.Errorf("a lease beyond the budget: got error %v, want ErrFull", err)
	}
	use("honest", "another")()
	for _, release := range all {
		release()
	}
	pool.Close()
	if used := pool.budget.Used(); used != 0 {
		t.Errorf("the closed pool still holds %d bytes of the budget", used)
	}
}

func TestTheLastLeaseClosesAnEvictedClient(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	ended := 0
	observe := func(int, time.Duration, *oauth.Error) { ended++ }
	asker := credential.Client{TokenURL: "https://" + silent.Addr().String()}
	p := &client{tokens: oauth.New(asker, nil, nil, time.Now, observe)}
	if p.okms, err = okms.New(place.Domain{}, okms.Login{}, okms.Options{}); err != nil {
		t.Fatal(err)
	}
	pool := &Pool{now: time.Now, byKey: map[key]*client{{}: p}}
	first := (&Lease{pool: pool, of: p}).Clone()
	leases := []func(){first.Close, first.Clone().Close, first.Clone().Close}
	pool.Close()

	// Only closing the client ends this exchange: the host never answers.
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.tokens.Token(gone, sensitive.Bytes{}); err == nil {
		t.Fatal("a silent host gave a token")
	}
	for i, release := range leases {
		if ended != 0 {
			t.Errorf("the client was closed with %d leases left", len(leases)-i)
		}
		release()
	}
	if ended != 1 {
		t.Error("the last lease did not close the client")
	}
}

func TestClientsOfConnectionsAreNotEvicted(t *testing.T) {
	now := time.Unix(0, 0)
	pool, with := newPool(&now)
	held := with("held").Origin
	held.Connection = "team"
	first, err := pool.Lease(held, "shop")
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	most := int(pool.budget.Parts[budget.Clients] / perClient)
	for i := range 2 * most {
		now = now.Add(time.Millisecond)
		lease, err := pool.Lease(with(fmt.Sprint("pod", i)).Origin, "shop")
		if err != nil {
			t.Fatal(err)
		}
		lease.Close()
	}
	again, err := pool.Lease(held, "shop")
	if err != nil || again.Client != first.Client || len(pool.byKey) > most+1 {
		t.Errorf("the connection's client was replaced: %v; error %v; %d clients",
			again.Client != first.Client, err, len(pool.byKey))
	}
	again.Close()
}
