// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/test/emulator"
)

func TestConcurrentCallsShareOneExchange(t *testing.T) {
	i := startIssuer(t)
	repair, err := i.Inject(emulator.Fault{Hang: true})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 50)
	for range cap(got) {
		go func() {
			token, _ := i.tokens.Token(t.Context(), sensitive.Bytes{})
			got <- string(token.Reveal())
		}()
	}
	i.wantRequests(1)
	repair()
	first := <-got
	for range cap(got) - 1 {
		if other := <-got; other != first || first == "" {
			t.Fatalf("got the tokens %q and %q, want one", first, other)
		}
	}
	i.wantRequests(1)
}

func TestATokenIsRenewedBeforeItExpires(t *testing.T) {
	i := startIssuer(t)
	first := i.token("")
	i.advance(47 * time.Minute)
	if i.token("") != first {
		t.Fatal("the token was renewed with more than a fifth of its lifetime left")
	}
	i.wantRequests(1)
	// In the last fifth of its lifetime the old token is returned during the exchange.
	repair, err := i.Inject(emulator.Fault{Hang: true})
	if err != nil {
		t.Fatal(err)
	}
	i.advance(2 * time.Minute)
	if i.token("") != first {
		t.Error("got another token during the exchange, want the old one at once")
	}
	i.wantRequests(2)
	repair()
	// If OKMS refuses the old token, the caller waits for the exchange in progress.
	if i.token(first) == first {
		t.Error("the refused token was returned again")
	}
}

func TestAFailedRenewalKeepsTheValidToken(t *testing.T) {
	i := startIssuer(t)
	first := i.token("")
	repair, err := i.Inject(emulator.Fault{Status: 503})
	if err != nil {
		t.Fatal(err)
	}
	i.advance(50 * time.Minute)
	if i.token("") != first {
		t.Error("the valid token was dropped")
	}
	i.wantRequests(2)
	i.tokens.running.Wait()
	if i.token("") != first {
		t.Error("the valid token was dropped")
	}
	i.wantRequests(2) // no retry at once
	i.advance(10 * time.Minute)
	_, err = i.tokens.Token(t.Context(), sensitive.Bytes{})
	if err == nil || !strings.HasSuffix(err.Error(), ": HTTP 503") {
		t.Errorf("after the token expired: got error %v, want HTTP 503", err)
	}
	repair()
	if second := i.token(""); second == first {
		t.Error("the expired token was returned")
	}
}

func TestATokenThatOKMSRefusesIsReplacedOnce(t *testing.T) {
	i := startIssuer(t)
	first := i.token("")
	second := i.token(first)
	if second == first {
		t.Fatal("the refused token was returned again")
	}
	if i.token(first) != second {
		t.Error("a second caller with the first token did not get the new one")
	}
	if i.token(second) != second {
		t.Error("replaced twice at once: each read of a refused identity would need an exchange")
	}
	i.wantRequests(2)
	i.advance(refusedAgain)
	if i.token(second) == second {
		t.Error("a token that OKMS refused later was not replaced")
	}
}

func TestFailuresOfTheTokenEndpoint(t *testing.T) {
	const between = ", perhaps of a proxy or firewall on the way"
	for name, c := range map[string]struct {
		breaks  func(i *issuer) error
		want    string
		refused bool
	}{
		"another secret": {func(i *issuer) error { return i.AddClient(clientID, "next", emulator.Identity{}) },
			"HTTP 401, invalid_client", true},
		"a fault":         {fault(emulator.Fault{Status: 500}), "HTTP 500", false},
		"limits":          {fault(emulator.Fault{Status: 429}), "HTTP 429", false},
		"a page":          {answer(200, "<html>"+clientSecret), "unreadable answer", false},
		"half an answer":  {fault(emulator.Fault{Truncate: true}), "the connection broke within the answer", false},
		"an empty object": {answer(200, "{}"), "unreadable answer", false},
		"a token with a line break": {answer(200, `{"access_token":"a\nb","token_type":"bearer","expires_in":9}`),
			"the answer has no bearer token", false},
		"another type of token": {answer(200, `{"access_token":"a","token_type":"mac","expires_in":9}`),
			"the answer has no bearer token", false},
		"a redirect": {fault(emulator.Fault{Redirect: "https://evil.example/"}), "HTTP 302", false},
		"a redirect with the secret": {fault(emulator.Fault{Redirect: "https://evil.example/?s=" + clientSecret}),
			"HTTP 302", false},
		"a redirect that is no URL": {fault(emulator.Fault{Redirect: "https://[" + clientSecret}), "HTTP 302", false},
		"a redirect with escapes":   {fault(emulator.Fault{Redirect: "/%zz" + clientSecret, Status: 307}), "HTTP 307", false},
		"an echo":                   {answer(400, `{"error":"`+clientSecret+`"}`), "HTTP 400", true},
		"a page of a proxy": {answer(403, "<html>no"),
			"not an answer of a token endpoint: 8 bytes of text/html (HTTP 403)" + between, false},
		"another object": {answer(400, `{"message":"no"}`),
			"not an answer of a token endpoint: 16 bytes of application/json (HTTP 400)" + between, false},
		"an error that is not a string": {answer(401, `{"error":true}`),
			"not an answer of a token endpoint: 14 bytes of application/json (HTTP 401)" + between, false},
		"an empty error": {answer(401, `{"error":""}`),
			"not an answer of a token endpoint: 12 bytes of application/json (HTTP 401)" + between, false},
		"a long refusal": {answer(400, `{"error":"x"}`+strings.Repeat(" ", 64<<10)),
			"not an answer of a token endpoint: more than 64 KiB of application/json (HTTP 400)" + between, false},
		"a long token": {answer(200, `{"access_token":"`+strings.Repeat("a", 64<<10)+`"}`),
			"answer longer than 64 KiB", false},
		"no such page": {answer(404, "<html>gone"),
			"not an answer of a token endpoint: 10 bytes of text/html (HTTP 404)" + between, false},
		"a fault that is not a refusal": {answer(400, `{"error":"temporarily_unavailable"}`),
			"HTTP 400, temporarily_unavailable", false},
		"a refused handshake": {fault(emulator.Fault{TLSAlert: true}), "refused the TLS handshake: bad certificate", false},
		"an unknown authority": {func(i *issuer) error {
			i.tokens = New(clientOf(i.tokens.config.TokenURL), x509.NewCertPool(), nil, i.now, ignore)
			return nil
		}, "the server's certificate is not trusted: the certificate is signed by an unknown authority", false},
	} {
		t.Run(name, func(t *testing.T) {
			i := startIssuer(t)
			if err := c.breaks(i); err != nil {
				t.Fatal(err)
			}
			defer i.tokens.Close()
			_, err := i.tokens.Token(t.Context(), sensitive.Bytes{})
			var failed *Error
			if !errors.As(err, &failed) || failed.Text != c.want || failed.Refused != c.refused ||
				!strings.HasPrefix(err.Error(), "127.0.0.1:") {
				t.Errorf("got %v (%+v)\nwant %s", err, failed, c.want)
			}
			if strings.Contains(err.Error(), clientSecret) {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

func TestATokenEndpointThatSwitchesProtocolsFailsAtOnce(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "x")
		w.WriteHeader(http.StatusSwitchingProtocols)
		w.(http.Flusher).Flush()
		<-t.Context().Done()
	}))
	defer server.CloseClientConnections()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	tokens := New(clientOf(server.URL+"/t"), roots, nil, time.Now, ignore)
	_, err := tokens.Token(t.Context(), sensitive.Bytes{})
	if err == nil || !strings.Contains(err.Error(), "answered 101 Switching Protocols") {
		t.Errorf("error = %v", err)
	}
	tokens.Close()
}

func TestTheDeadlineOfTheCallerEndsItsWait(t *testing.T) {
	i := startIssuer(t)
	if _, err := i.Inject(emulator.Fault{Hang: true}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := i.tokens.Token(ctx, sensitive.Bytes{})
		failed <- err
	}()
	i.wantRequests(1)
	cancel()
	if err := <-failed; err == nil || !strings.HasSuffix(err.Error(), ": no answer in time") {
		t.Errorf("got %v", err)
	}
}
