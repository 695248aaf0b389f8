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

// poolOf is a pool of clients under a clock, and a mount with a token of its own.
func poolOf(now *time.Time) (*Pool, func(token string) plan.Plan) {
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
	pool, with := poolOf(&now)
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
		t.Error("clients are mixed up")
	}
	if _, err := pool.Lease(trusting.Origin, "shop"); err == nil {
		t.Error("a bundle that is none was taken for the system's")
	}
}

func TestClientsThatNobodyAsksForAreLetGoOf(t *testing.T) {
	now := time.Unix(0, 0)
	pool, with := poolOf(&now)
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
		t.Errorf("%d clients are kept", len(pool.byKey))
	}
}

// TestClientsAreBounded: a pod may bring any number of credentials. It evicts its own
// clients, not those of others, nor those that are in use.
func TestClientsAreBounded(t *testing.T) {
	now := time.Unix(0, 0)
	pool, with := poolOf(&now)
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
		t.Errorf("%d clients are kept, of which %d may be of one namespace", n, most)
	}
	kept := func(token string) bool {
		_, is := pool.byKey[key{with(token).Domain, with(token).Credential.ID()}]
		return is
	}
	if !kept("mine") || !kept("busy") || kept("many0") || !kept(fmt.Sprint("many", 3*most-1)) {
		t.Error("the wrong ones were evicted")
	}
	busy()
	var all []func()
	for i := range most {
		if lease, err := pool.Lease(with(fmt.Sprint("held", i)).Origin, "many"); err == nil {
			all = append(all, lease.Close)
		}
	}
	if _, err := pool.Lease(with("one-more").Origin, "many"); !errors.Is(err, ErrFull) {
		t.Errorf("more clients are in use than there is room for: %v", err)
	}
	use("honest", "another")()
	for _, release := range all {
		release()
	}
	pool.Close()
	if used := pool.budget.Used(); used != 0 {
		t.Errorf("%d bytes are held by no client", used)
	}
}

func TestAClientThatWasLetGoOfIsClosedByItsLastUser(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	ended := 0
	p := &client{tokens: oauth.New(credential.Client{TokenURL: "https://" + silent.Addr().String()}, nil, nil, time.Now, func(int, time.Duration, *oauth.Error) { ended++ })}
	if p.okms, err = okms.New(place.Domain{}, okms.Login{}, okms.Options{}); err != nil {
		t.Fatal(err)
	}
	pool := &Pool{now: time.Now, byKey: map[key]*client{{}: p}}
	first := (&Lease{pool: pool, of: p}).Clone()
	users := []func(){first.Close, first.Clone().Close, first.Clone().Close}
	pool.Close()

	// An exchange that only the closing ends, which waits for it.
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.tokens.Token(gone, sensitive.Bytes{}); err == nil {
		t.Fatal("a silent host gave a token")
	}
	for i, release := range users {
		if ended != 0 {
			t.Errorf("closed with %d users left", len(users)-i)
		}
		release()
	}
	if ended != 1 {
		t.Error("the last user did not close it")
	}
}

func TestClientsOfConnectionsAreNotPushedOut(t *testing.T) {
	now := time.Unix(0, 0)
	pool, with := poolOf(&now)
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
		t.Errorf("another client: %v, %v, of %d", again.Client != first.Client, err, len(pool.byKey))
	}
	again.Close()
}
