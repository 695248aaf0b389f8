package provider

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/auth"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/sensitive"
)

// poolOf is a pool of clients under a clock, and a mount with a token of its own.
func poolOf(now *time.Time) (*clients, func(token string) plan) {
	clock := func() time.Time { return *now }
	pool := &clients{now: clock, byKey: map[clientKey]*pooled{}, current: map[string]clientKey{}}
	return pool, func(token string) plan {
		p, failures := makePlan(request(credentials(map[string]string{"token": token})), auth.Endpoints{}, nil, *now)
		if len(failures) > 0 {
			panic(&Error{Failures: failures})
		}
		return p
	}
}

func TestClientsAreSharedByEqualCredentialsOnly(t *testing.T) {
	now := time.Unix(0, 0)
	pool, with := poolOf(&now)
	get := func(p plan) *okms.Client {
		from, release, err := pool.get(p.origin)
		if err != nil {
			t.Fatal(err)
		}
		release()
		return from.client
	}
	first, again, other := get(with("a")), get(with("a")), get(with("b"))
	elsewhere := with("a")
	elsewhere.domain.ID = "00000000-0000-0000-0000-000000000000"
	trusting := with("a")
	trusting.domain.CABundle = "x"
	if first != again || first == other || first == get(elsewhere) {
		t.Error("clients are mixed up")
	}
	if _, _, err := pool.get(trusting.origin); err == nil {
		t.Error("a bundle that is none was taken for the system's")
	}
}

func TestClientsThatNobodyAsksForAreLetGoOf(t *testing.T) {
	now := time.Unix(0, 0)
	pool, with := poolOf(&now)
	_, release, err := pool.get(with("idle").origin)
	if err != nil {
		t.Fatal(err)
	}
	release()
	_, release, err = pool.get(with("used").origin)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	for range 3 {
		now = now.Add(clientIdle / 2)
		if _, _, err := pool.get(with("used").origin); err != nil {
			t.Fatal(err)
		}
		pool.sweep()
	}
	if len(pool.byKey) != 1 {
		t.Errorf("%d clients are kept", len(pool.byKey))
	}
	for i := range 2 * maxClients {
		now = now.Add(time.Millisecond)
		if _, _, err := pool.get(with(fmt.Sprint("many", i)).origin); err != nil {
			t.Fatal(err)
		}
	}
	if len(pool.byKey) != maxClients {
		t.Errorf("%d clients are kept", len(pool.byKey))
	}
}

func TestAClientThatWasLetGoOfIsClosedByItsLastUser(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	ended := 0
	p := &pooled{tokens: auth.NewTokens(auth.Client{TokenURL: "https://" + silent.Addr().String()}, nil, time.Now, func(int, time.Duration, *auth.TokenError) { ended++ })}
	if p.client, err = okms.New(okms.Domain{}, okms.Login{}, okms.Options{}); err != nil {
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
