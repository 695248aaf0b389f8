// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"context"
	"crypto/x509"
	"strings"
	"sync"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/test/emulator"
)

// issuer is a token endpoint with a client and a clock for both.
type issuer struct {
	*emulator.Emulator
	t      *testing.T
	tokens *Tokens

	mu    sync.Mutex
	clock time.Time
}

const (
	clientID     = "EU.shop"
	clientSecret = "planted-client-secret"
)

// startIssuer starts a token endpoint that runs until the test ends.
func startIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{t: t, clock: time.Now()}
	e, err := emulator.New(emulator.Options{Now: i.now})
	if err != nil {
		t.Fatal(err)
	}
	server, err := e.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	if err := e.AddClient(clientID, clientSecret, emulator.Identity{}); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(e.CA())
	i.Emulator = e
	i.tokens = New(clientOf(server.URL+emulator.TokenPath), roots, nil, i.now, ignore)
	t.Cleanup(i.tokens.Close)
	return i
}

func (i *issuer) now() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.clock
}

func (i *issuer) advance(d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.clock = i.clock.Add(d)
}

// token returns a token. It fails the test if there is none.
func (i *issuer) token(refused string) string {
	i.t.Helper()
	got, err := i.tokens.Token(i.t.Context(), sensitive.New([]byte(refused)))
	if err != nil {
		i.t.Fatal(err)
	}
	return string(got.Reveal())
}

// wantRequests waits until the endpoint has n requests, and fails the test if it has more.
func (i *issuer) wantRequests(n int) {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(i.t.Context(), 20*time.Second)
	defer cancel()
	if err := i.Await(ctx, n); err != nil {
		i.t.Fatal(err)
	}
	if got := len(i.Requests()); got != n {
		i.t.Fatalf("the token endpoint has %d requests, want %d", got, n)
	}
}

// fault returns a function that makes the token endpoint fail.
func fault(f emulator.Fault) func(i *issuer) error {
	return func(i *issuer) error {
		_, err := i.Inject(f)
		return err
	}
}

// answer returns a function that makes the token endpoint answer with a status and a body of
// JSON or, if it begins with <, HTML.
func answer(status int, body string) func(i *issuer) error {
	f := emulator.Fault{Status: status, Body: body}
	if strings.HasPrefix(body, "<") {
		f.ContentType = "text/html"
	}
	return fault(f)
}

func clientOf(tokenURL string) credential.Client {
	return credential.Client{ID: clientID, Secret: sensitive.New([]byte(clientSecret)), TokenURL: tokenURL}
}

// ignore observes nothing.
func ignore(int, time.Duration, *Error) {}
