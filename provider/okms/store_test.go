package okms_test

import (
	"testing"

	"ovhcloud-csi-provider/test/emulator"
)

// token has access to every secret in a store.
const token = "eyJhbGciOiJFZERTQSJ9.okms.reads-everything"

// store is an emulator that listens. The harness of package server has a similar one, but would
// make these tests depend on the server.
type store struct {
	*emulator.Emulator
	*emulator.Server
}

// start starts a store with one secret, s. It is closed with the test.
func start(t *testing.T) *store {
	t.Helper()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.AddToken(token, emulator.Identity{Name: "reader"}); err != nil {
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
	return &store{e, s}
}

// Break injects a fault until the returned function is called.
func (s *store) Break(t *testing.T, f emulator.Fault) (repair func()) {
	t.Helper()
	mend, err := s.Inject(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mend)
	return mend
}
