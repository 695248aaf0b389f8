// SPDX-License-Identifier: Apache-2.0

// Package okmstest starts a store for tests of provider/okms, and makes clients of it. The harness
// has a similar store, but would make such tests depend on the server.
package okmstest

import (
	"testing"

	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/test/emulator"
)

// Token has access to every secret in a store.
const Token = "eyJhbGciOiJFZERTQSJ9.okms.reads-everything"

// Store is an emulator that listens.
type Store struct {
	*emulator.Emulator
	*emulator.Server
}

// Start starts a store with one secret, s. It is closed with the test.
func Start(t *testing.T) *Store {
	t.Helper()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.AddToken(Token, emulator.Identity{Name: "reader"}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Put("s", `{"a":"1"}`); err != nil {
		t.Fatal(err)
	}
	s, err := e.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &Store{e, s}
}

// Domain returns the place of the store, with its CA.
func (s *Store) Domain() place.Domain {
	return place.Domain{Endpoint: s.URL, ID: s.OKMSID(), CABundle: string(s.Server.CA)}
}

// Break injects a fault until the returned function is called.
func (s *Store) Break(t *testing.T, f emulator.Fault) (repair func()) {
	t.Helper()
	repair, err := s.Inject(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(repair)
	return repair
}

// Client returns a client that is closed with the test.
func Client(t *testing.T, domain place.Domain, login okms.Login, o okms.Options) *okms.Client {
	t.Helper()
	c, err := okms.New(domain, login, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// ByToken returns a login with the Token.
func ByToken() okms.Login { return okms.Login{Token: sensitive.New([]byte(Token))} }
