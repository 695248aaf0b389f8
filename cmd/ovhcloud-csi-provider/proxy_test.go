// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// proxy is an HTTP proxy that connects every client to one address.
type proxy struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func startProxy(t *testing.T, to string) *proxy {
	t.Helper()
	p := &proxy{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asked = append(p.asked, r.Method+" "+r.Host)
		p.mu.Unlock()
		out, err := net.Dial("tcp", to)
		if err != nil {
			t.Error(err)
			return
		}
		w.WriteHeader(http.StatusOK)
		in, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
		_, _ = io.Copy(in, out)
		_ = in.Close()
	}))
	t.Cleanup(p.Close)
	return p
}

func TestTheProxyOfTheEnvironmentIsUsed(t *testing.T) {
	const okms, tokens = "eu-west-par.okms.ovh.net", "www.ovh.com"
	store := harness.StartStore(t, okms, tokens)
	store.Hold(t, map[string]string{"s": `{"a":"1"}`})
	if err := store.AddClient("EU.id", "client-secret", emulator.Identity{}); err != nil {
		t.Fatal(err)
	}
	through := startProxy(t, strings.TrimPrefix(store.URL, "https://"))
	p := startDaemon(t, store, harness.SocketPath(t), []string{"HTTPS_PROXY=" + through.URL, "NO_PROXY=other.example"})
	_, err := p.client.Mount(t.Context(), store.Request(harness.Mount{Objects: "- secretPath: s",
		Secrets:    map[string]string{"clientId": "EU.id", "clientSecret": "client-secret"},
		Attributes: map[string]string{"endpoint": "https://" + okms}}))
	if err != nil {
		t.Error(err)
	}
	through.mu.Lock()
	defer through.mu.Unlock()
	slices.Sort(through.asked)
	asked := slices.Compact(through.asked) // net/http may dial more often than it needs
	if want := []string{"CONNECT " + okms + ":443", "CONNECT " + tokens + ":443"}; !slices.Equal(asked, want) {
		t.Errorf("the proxy was asked %v, want %v", asked, want)
	}
}
