package read

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
func poolOf(now *time.Time) (*clients, func(token string) plan.Plan) {
	clock := func() time.Time { return *now }
	pool := &clients{now: clock, budget: budget.New(64 << 20), byKey: map[clientKey]*pooled{}, current: map[string]clientKey{}}
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
		from, release, err := pool.get(p.Origin, "shop")
		if err != nil {
			t.Fatal(err)
		}
		release()
		return from.client
	}
	first, again, other := get(with("a")), get(with("a")), get(with("b"))
	elsewhere := with("a")
	elsewhere.Domain.ID = "00000000-0000-0000-0000-000000000000"
	trusting := with("a")
	trusting.Domain.CABundle = "x"
	if first != again || first == other || first == get(elsewhere) {
		t.Error("clients are mixed up")
	}
	if _, _, err := pool.get(trusting.Origin, "shop"); err == nil {
		t.Error("a bundle that is none was taken for the system's")
	}
}

func TestClientsThatNobodyAsksForAreLetGoOf(t *testing.T) {
	now := time.Unix(0, 0)
	pool, with := poolOf(&now)
	_, release, err := pool.get(with("idle").Origin, "shop")
	if err != nil {
		t.Fatal(err)
	}
	release()
	_, release, err = pool.get(with("used").Origin, "shop")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	for range 3 {
		now = now.Add(clientIdle / 2)
		if _, _, err := pool.get(with("used").Origin, "shop"); err != nil {
			t.Fatal(err)
		}
		pool.sweep()
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
		_, release, err := pool.get(with(token).Origin, namespace)
		if err != nil {
			t.Fatalf("%s of %s: %v", token, namespace, err)
		}
		return release
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
		_, is := pool.byKey[clientKey{with(token).Domain, with(token).Credential.ID()}]
		return is
	}
	if !kept("mine") || !kept("busy") || kept("many0") || !kept(fmt.Sprint("many", 3*most-1)) {
		t.Error("the wrong ones were evicted")
	}
	busy()
	var all []func()
	for i := range most {
		if _, release, err := pool.get(with(fmt.Sprint("held", i)).Origin, "many"); err == nil {
			all = append(all, release)
		}
	}
	if _, _, err := pool.get(with("one-more").Origin, "many"); !errors.Is(err, errNoClient) {
		t.Errorf("more clients are in use than there is room for: %v", err)
	}
	use("honest", "another")()
	for _, release := range all {
		release()
	}
	pool.close()
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
	p := &pooled{tokens: oauth.New(credential.Client{TokenURL: "https://" + silent.Addr().String()}, nil, nil, time.Now, func(int, time.Duration, *oauth.Error) { ended++ })}
	if p.client, err = okms.New(place.Domain{}, okms.Login{}, okms.Options{}); err != nil {
		t.Fatal(err)
	}
	pool := &clients{now: time.Now, byKey: map[clientKey]*pooled{{}: p}}
	users := []func(){pool.hold(p), pool.hold(p), pool.hold(p)}
	pool.close()

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
	first, release, err := pool.get(held, "shop")
	if err != nil {
		t.Fatal(err)
	}
	release()
	most := int(pool.budget.Parts[budget.Clients] / perClient)
	for i := range 2 * most {
		now = now.Add(time.Millisecond)
		if _, release, err = pool.get(with(fmt.Sprint("pod", i)).Origin, "shop"); err != nil {
			t.Fatal(err)
		}
		release()
	}
	again, release, err := pool.get(held, "shop")
	if err != nil || again.client != first.client || len(pool.byKey) > most+1 {
		t.Errorf("another client: %v, %v, of %d", again.client != first.client, err, len(pool.byKey))
	}
	release()
}
