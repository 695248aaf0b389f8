// SPDX-License-Identifier: Apache-2.0

package okms_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/okmstest"
)

func TestReadAndCalls(t *testing.T) {
	s := okmstest.Start(t)
	var calls []okms.Call
	c := client(t, s.Domain(), byToken(), okms.Options{UserAgent: "test/1",
		Observe: func(_ context.Context, c okms.Call) { calls = append(calls, c) }})
	secret, err := c.Get(t.Context(), okms.Ref{Path: "s", Version: 1})
	if err != nil || string(secret.Data.Reveal()) != `{"a":"1"}` || secret.Version != 1 {
		t.Fatalf("%v, %v", secret, err)
	}
	if _, err := c.Get(t.Context(), okms.Ref{Path: "x"}); err == nil {
		t.Fatal("the read of an absent secret succeeded")
	}
	if latest, some, err := c.LatestActive(t.Context(), "s"); err != nil || latest != 1 || !some {
		t.Errorf("%d, %v, %v", latest, some, err)
	}
	host := strings.TrimPrefix(s.URL, "https://")
	want := []okms.Call{
		{API: "kv2", Operation: "read", Host: host, Path: "s", Status: 200, Dialled: true},
		{API: "kv2", Operation: "read", Host: host, Path: "x", Status: 404, Kind: failure.SecretAbsent},
		{API: "kv2", Operation: "versions", Host: host, Path: "s", Status: 200},
	}
	for i, call := range calls {
		if (call.Kind != "") != (call.RequestID != "") {
			t.Errorf("call %d has the request id %q", i, call.RequestID)
		}
		call.RequestID = ""
		if call.Took <= 0 {
			t.Errorf("call %d took %s", i, call.Took)
		}
		if call.Took = 0; call != want[i] {
			t.Errorf("call %+v, want %+v", call, want[i])
		}
	}
	requests := s.Requests()
	for i, uri := range []string{"/v1/secret/data/s?version=1", "/v1/secret/data/x", "/v1/secret/metadata/s"} {
		r := requests[i]
		if !strings.HasSuffix(r.URI, uri) || r.Method != "GET" || r.Header.Get("User-Agent") != "test/1" {
			t.Errorf("request %+v", r)
		}
	}
}

func TestVaultVariablesHaveNoEffect(t *testing.T) {
	s := okmstest.Start(t)
	other := okmstest.Start(t)
	for name, value := range map[string]string{
		"VAULT_ADDR": other.URL, "VAULT_AGENT_ADDR": other.URL, "VAULT_TOKEN": "other", "VAULT_NAMESPACE": "other",
		"VAULT_HEADERS": `{"x-other":"1"}`,
		"VAULT_CACERT":  "/nowhere", "VAULT_CAPATH": "/nowhere", "VAULT_CLIENT_CERT": "/nowhere",
		"VAULT_CLIENT_KEY": "/nowhere", "VAULT_CLIENT_TIMEOUT": "nonsense",
		"VAULT_SKIP_VERIFY": "nonsense", "VAULT_TLS_SERVER_NAME": "other", "VAULT_MAX_RETRIES": "nonsense",
		"VAULT_RATE_LIMIT": "nonsense", "VAULT_SRV_LOOKUP": "true",
		"VAULT_WRAP_TTL": "60", "VAULT_HTTP_PROXY": "http://192.0.2.1:1", "VAULT_PROXY_ADDR": "http://192.0.2.1:1",
		"VAULT_DISABLE_REDIRECTS": "nonsense",
	} {
		t.Setenv(name, value)
	}
	okms.ClearEnvironment()
	c := client(t, s.Domain(), byToken(), okms.Options{})
	if _, err := c.Get(t.Context(), okms.Ref{Path: "s"}); err != nil {
		t.Fatal(err)
	}
	if len(other.Requests()) > 0 {
		t.Error("VAULT_ADDR had an effect")
	}
	h := s.Requests()[0].Header
	if h.Get("X-Other") != "" || h.Get("X-Vault-Namespace") != "" || h.Get("X-Vault-Wrap-Ttl") != "" {
		t.Errorf("headers %v", h)
	}
}

func TestTheTokenOfTheLoginOverridesTheEnvironment(t *testing.T) {
	s := okmstest.Start(t)
	t.Setenv("VAULT_TOKEN", "other")
	t.Setenv("VAULT_NAMESPACE", "other")
	t.Setenv("VAULT_HEADERS", `{"x-other":"1"}`)
	c := client(t, s.Domain(), byToken(), okms.Options{})
	if _, err := c.Get(t.Context(), okms.Ref{Path: "s"}); err != nil {
		t.Fatal(err)
	}
	h := s.Requests()[0].Header
	if h.Get("X-Other") != "" || h.Get("X-Vault-Namespace") != "" {
		t.Errorf("headers %v", h)
	}
}

func TestLoginWithACertificate(t *testing.T) {
	s := okmstest.Start(t)
	certPEM, keyPEM, err := s.IssueCertificate(emulator.Identity{Name: "node"})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, s.Domain(), okms.Login{Certificate: &pair}, okms.Options{})
	if _, err := c.Get(t.Context(), okms.Ref{Path: "s"}); err != nil {
		t.Fatal(err)
	}
	if got := s.Requests()[0]; got.Auth != "certificate" || got.Identity != "node" {
		t.Errorf("request %+v", got)
	}
}

func TestConnectionsAreKept(t *testing.T) {
	s := okmstest.Start(t)
	var dialled int
	plain := httptest.NewUnstartedServer(s.Emulator)
	plain.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			dialled++
		}
	}
	plain.Start()
	defer plain.Close()
	c := client(t, place.Domain{Endpoint: plain.URL, ID: s.OKMSID()}, byToken(), okms.Options{})
	for range 5 {
		if _, err := c.Get(t.Context(), okms.Ref{Path: "s"}); err != nil {
			t.Fatal(err)
		}
	}
	if dialled != 1 {
		t.Errorf("got %d connections for five reads in a row, want 1", dialled)
	}
}

func TestKindsOfFailedExchanges(t *testing.T) {
	cases := []struct {
		name  string
		fault emulator.Fault
		kind  failure.Kind
		words string
	}{
		{"no answer", emulator.Fault{Hang: true}, failure.TimedOut, "for an answer"},
		{"a slow answer", emulator.Fault{Drip: time.Second}, failure.TimedOut, "for the rest of the answer"},
		{"a truncated answer", emulator.Fault{Truncate: true}, failure.Unreachable, "the connection broke within the answer"},
		{"headers only", emulator.Fault{CloseAfterHeaders: true}, failure.Unreachable,
			"the connection broke within the answer"},
		{"an alert", emulator.Fault{TLSAlert: true}, failure.Unauthenticated, "refused the TLS handshake: bad certificate"},
		{"a redirect", emulator.Fault{Redirect: "/elsewhere"}, failure.Unreadable, "answered with a redirect"},
		{"an endless answer", emulator.Fault{Status: 200, Body: strings.Repeat("x", 1<<20+1)}, failure.Unreadable,
			"answer longer than 1 MiB"},
		{"an endless error", emulator.Fault{Status: 500, Body: strings.Repeat("x", 1<<20+1)}, failure.Failing,
			"more than 64 KiB of application/json (HTTP 500)"},
		{"the token in an error", emulator.Fault{Echo: true}, failure.Failing, "[redacted]"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := okmstest.Start(t)
			s.Break(t, c.fault)
			limit := time.Minute
			if c.kind == failure.TimedOut {
				limit = time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			if e := failureOf(t, ctx, s.Domain()); e.Kind != c.kind || !strings.Contains(e.Error(), c.words) {
				t.Errorf("got %s: %v", e.Kind, e)
			}
		})
	}
}

func TestHTTP101IsRefused(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "x")
		w.WriteHeader(http.StatusSwitchingProtocols)
		w.(http.Flusher).Flush()
		<-t.Context().Done()
	}))
	defer server.CloseClientConnections()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	e := failureOf(t, t.Context(), place.Domain{Endpoint: server.URL, ID: "734b9b45-8b1a-469c-b140-b10bd6540017",
		CABundle: string(ca)})
	if e.Kind != failure.Unreadable || !strings.Contains(e.Text, "answered 101 Switching Protocols") {
		t.Errorf("got %s: %v", e.Kind, e)
	}
}

func TestNoErrorRepeatsAPartOfTheToken(t *testing.T) {
	long := "eyJ" + strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ", 20)
	echo := func(field string) string {
		body := map[string]any{"error_code": 1, "errors": []string{"no"}, "request_id": "OKMS.1"}
		switch field {
		case "errors":
			body["errors"] = []string{"bad token " + long}
		case "cut":
			body["errors"] = []string{strings.Repeat("x", 250) + long}
		case "spaced":
			body["errors"] = []string{long[:400] + "\n" + long[400:]}
		case "request_id":
			body["request_id"] = long
		case "deletion_time":
			body["data"] = map[string]any{"data": nil, "metadata": map[string]any{"deletion_time": long, "version": 1}}
		}
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, field := range []string{"errors", "cut", "spaced", "request_id", "deletion_time"} {
		for _, status := range []int{401, 404, 500} {
			s := okmstest.Start(t)
			s.Break(t, emulator.Fault{Status: status, Body: echo(field)})
			_, e := client(t, s.Domain(), okms.Login{Token: sensitive.New([]byte(long))}, okms.Options{}).Get(t.Context(),
				okms.Ref{Path: "s"})
			if e == nil {
				t.Fatal("the read succeeded")
			}
			said := e.Error() + e.Since + e.RequestID
			for i := 0; i+12 <= len(long); i++ {
				if strings.Contains(said, long[i:i+12]) {
					t.Errorf("%s with %d: the error repeats the token: %s", field, status, said)
					break
				}
			}
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	s, other := okmstest.Start(t), okmstest.Start(t)
	s.Break(t, emulator.Fault{Redirect: other.URL + "/api/" + other.OKMSID() + "/v1/secret/data/s"})
	domain := s.Domain()
	domain.CABundle += string(other.Server.CA)
	failureOf(t, t.Context(), domain)
	if got := other.Requests(); len(got) > 0 {
		t.Errorf("the other host got requests: %+v", got)
	}
	if got := s.Requests(); len(got) != 1 {
		t.Errorf("got %d requests, want 1", len(got))
	}
}

func TestTheClientDoesNotRetry(t *testing.T) {
	for _, status := range []int{412, 429, 500, 502, 503} {
		s := okmstest.Start(t)
		s.Break(t, emulator.Fault{Status: status})
		failureOf(t, t.Context(), s.Domain())
		if got := s.Requests(); len(got) != 1 {
			t.Errorf("status %d: got %d requests, want 1", status, len(got))
		}
	}
}

func TestKindsOfFailedConnections(t *testing.T) {
	t.Parallel()
	s := okmstest.Start(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	named := httptest.NewTLSServer(http.NotFoundHandler()) // for example.com and 127.0.0.1
	defer named.Close()
	namedCA := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: named.Certificate().Raw}))
	cases := []struct {
		name     string
		endpoint string
		bundle   string
		kind     failure.Kind
		words    string
	}{
		{"no listener", "https://" + free.Addr().String(), "", failure.Unreachable, "connection refused"},
		{"no TLS handshake", "https://" + silent.Addr().String(), "", failure.TimedOut, "for the TLS handshake"},
		{"no such host", "https://nowhere.invalid", "", failure.Unreachable, "name lookup failed"},
		{"an unknown authority", s.URL, "", failure.Untrusted, "signed by an unknown authority"},
		{"another name", strings.Replace(named.URL, "127.0.0.1", "localhost", 1), namedCA, failure.Untrusted,
			"the certificate is not for localhost"},
		{"a server of plain HTTP", "https://" + plainServer(t), "", failure.Unreachable,
			"the server does not speak TLS but plain HTTP"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			limit := time.Minute
			if c.kind == failure.TimedOut {
				limit = 200 * time.Millisecond // the connection is accepted by the kernel
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			if e := failureOf(t, ctx, place.Domain{Endpoint: c.endpoint, ID: s.OKMSID(),
				CABundle: c.bundle}); e.Kind != c.kind || !strings.Contains(e.Error(), c.words) {
				t.Errorf("got %s: %v", e.Kind, e)
			}
		})
	}
}

func plainServer(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestACancelledReadSaysThatTheCallerGaveUp(t *testing.T) {
	s := okmstest.Start(t)
	s.Break(t, emulator.Fault{Hang: true})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_ = s.Await(ctx, 1)
		cancel()
	}()
	if e := failureOf(t, ctx, s.Domain()); e.Kind != failure.TimedOut || !strings.Contains(e.Text, "the caller gave up") {
		t.Errorf("got %s: %v", e.Kind, e)
	}
}

func TestAnInvalidCABundleIsRefused(t *testing.T) {
	if _, err := okms.New(place.Domain{Endpoint: "https://x.example", CABundle: "nonsense"}, byToken(),
		okms.Options{}); err == nil {
		t.Error("accepted")
	}
}
