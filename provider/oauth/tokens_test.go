package oauth

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/test/emulator"
)

// issuer is a token endpoint, a client of it, and a clock for both.
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
	i.tokens = New(credential.Client{ID: clientID, Secret: sensitive.New([]byte(clientSecret)), TokenURL: server.URL + emulator.TokenPath}, roots, nil, i.now, func(int, time.Duration, *Error) {})
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

func (i *issuer) token(refused string) string {
	i.t.Helper()
	got, err := i.tokens.Token(i.t.Context(), sensitive.New([]byte(refused)))
	if err != nil {
		i.t.Fatal(err)
	}
	return string(got.Reveal())
}

// asked waits until the endpoint was asked n times.
func (i *issuer) asked(n int) {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(i.t.Context(), 20*time.Second)
	defer cancel()
	if err := i.Await(ctx, n); err != nil {
		i.t.Fatal(err)
	}
	if got := len(i.Requests()); got != n {
		i.t.Fatalf("asked %d times, want %d", got, n)
	}
}

func TestManyShareOneExchange(t *testing.T) {
	i := startIssuer(t)
	mend, err := i.Inject(emulator.Fault{Hang: true})
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
	i.asked(1)
	mend()
	first := <-got
	for range cap(got) - 1 {
		if other := <-got; other != first || first == "" {
			t.Fatalf("got %q and %q", first, other)
		}
	}
	i.asked(1)
}

func TestATokenIsReplacedAheadOfItsEnd(t *testing.T) {
	i := startIssuer(t)
	first := i.token("")
	i.advance(47 * time.Minute)
	if i.token("") != first {
		t.Fatal("replaced long before its end")
	}
	i.asked(1)
	// The last part of its life: the old one is given while the new one comes.
	mend, err := i.Inject(emulator.Fault{Hang: true})
	if err != nil {
		t.Fatal(err)
	}
	i.advance(2 * time.Minute)
	if i.token("") != first {
		t.Error("the caller was made to wait for another token")
	}
	i.asked(2)
	mend()
	// A refusal of the old one makes a caller wait for the exchange under way.
	if i.token(first) == first {
		t.Error("the token was not replaced")
	}
}

func TestAFailureAheadOfTheEndHarmsNobody(t *testing.T) {
	i := startIssuer(t)
	first := i.token("")
	mend, err := i.Inject(emulator.Fault{Status: 503})
	if err != nil {
		t.Fatal(err)
	}
	i.advance(50 * time.Minute)
	if i.token("") != first {
		t.Error("the good token was given up")
	}
	i.asked(2)
	i.tokens.running.Wait()
	if i.token("") != first {
		t.Error("the good token was given up")
	}
	i.asked(2) // not again at once
	i.advance(10 * time.Minute)
	if _, err := i.tokens.Token(t.Context(), sensitive.Bytes{}); err == nil || !strings.HasSuffix(err.Error(), ": HTTP 503") {
		t.Errorf("after its end: %v", err)
	}
	mend()
	if second := i.token(""); second == first {
		t.Error("the ended token was given")
	}
}

func TestATokenThatOKMSRefusesIsReplacedOnce(t *testing.T) {
	i := startIssuer(t)
	first := i.token("")
	second := i.token(first)
	if second == first {
		t.Fatal("the refused token was given again")
	}
	if i.token(first) != second {
		t.Error("a second caller with the first token did not get the new one")
	}
	if i.token(second) != second {
		t.Error("replaced again at once: a refused identity would ask for a token with each read")
	}
	i.asked(2)
	i.advance(refusedAgain)
	if i.token(second) == second {
		t.Error("never replaced again")
	}
}

func TestHowTheTokenEndpointFails(t *testing.T) {
	const between = ": a proxy or firewall in between?"
	for name, c := range map[string]struct {
		breaks  func(i *issuer) error
		want    string
		refused bool
	}{
		"another secret":            {func(i *issuer) error { return i.AddClient(clientID, "next", emulator.Identity{}) }, "HTTP 401, invalid_client", true},
		"a fault":                   {fault(emulator.Fault{Status: 500}), "HTTP 500", false},
		"limits":                    {fault(emulator.Fault{Status: 429}), "HTTP 429", false},
		"a page":                    {fault(emulator.Fault{Status: 200, ContentType: "text/html", Body: "<html>" + clientSecret}), "unreadable answer", false},
		"half an answer":            {fault(emulator.Fault{Truncate: true}), "the connection broke within the answer", false},
		"an empty object":           {fault(emulator.Fault{Status: 200, Body: "{}"}), "unreadable answer", false},
		"a token with a line break": {fault(emulator.Fault{Status: 200, Body: `{"access_token":"a\nb","token_type":"bearer","expires_in":9}`}), "the answer holds no bearer token", false},
		"another type of token":     {fault(emulator.Fault{Status: 200, Body: `{"access_token":"a","token_type":"mac","expires_in":9}`}), "the answer holds no bearer token", false},
		"a redirect":                {fault(emulator.Fault{Redirect: "https://evil.example/"}), "HTTP 302", false},
		"an echo":                   {fault(emulator.Fault{Status: 400, Body: `{"error":"` + clientSecret + `"}`}), "HTTP 400", true},
		"a page of a proxy": {fault(emulator.Fault{Status: 403, ContentType: "text/html", Body: "<html>no"}),
			"not an answer of a token endpoint: 8 bytes of text/html (HTTP 403)" + between, false},
		"another object": {fault(emulator.Fault{Status: 400, Body: `{"message":"no"}`}),
			"not an answer of a token endpoint: 16 bytes of application/json (HTTP 400)" + between, false},
		"an error that is no text": {fault(emulator.Fault{Status: 401, Body: `{"error":true}`}),
			"not an answer of a token endpoint: 14 bytes of application/json (HTTP 401)" + between, false},
		"an empty error": {fault(emulator.Fault{Status: 401, Body: `{"error":""}`}),
			"not an answer of a token endpoint: 12 bytes of application/json (HTTP 401)" + between, false},
		"a long refusal": {fault(emulator.Fault{Status: 400, Body: `{"error":"x"}` + strings.Repeat(" ", 64<<10)}),
			"not an answer of a token endpoint: more than 64 KiB of application/json (HTTP 400)" + between, false},
		"a long token": {fault(emulator.Fault{Status: 200, Body: `{"access_token":"` + strings.Repeat("a", 64<<10) + `"}`}),
			"answer longer than 64 KiB", false},
		"no such page": {fault(emulator.Fault{Status: 404, ContentType: "text/html", Body: "<html>gone"}),
			"not an answer of a token endpoint: 10 bytes of text/html (HTTP 404)" + between, false},
		"a fault that is no refusal": {fault(emulator.Fault{Status: 400, Body: `{"error":"temporarily_unavailable"}`}),
			"HTTP 400, temporarily_unavailable", false},
		"a refused handshake": {fault(emulator.Fault{TLSAlert: true}), "refused the TLS handshake: bad certificate", false},
		"an unknown authority": {func(i *issuer) error {
			i.tokens = New(i.tokensClient(), x509.NewCertPool(), nil, i.now, i.tokens.tell)
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
			if !errors.As(err, &failed) || failed.Text != c.want || failed.Refused != c.refused || !strings.HasPrefix(err.Error(), "127.0.0.1:") {
				t.Errorf("%v (%+v), want %s", err, failed, c.want)
			}
			if strings.Contains(err.Error(), clientSecret) {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

func TestATokenEndpointThatLeavesHTTPIsNotWaitedFor(t *testing.T) {
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
	tokens := New(credential.Client{ID: "x", Secret: sensitive.New([]byte("x")), TokenURL: server.URL + "/t"}, roots, nil, time.Now, func(int, time.Duration, *Error) {})
	_, err := tokens.Token(t.Context(), sensitive.Bytes{})
	if err == nil || !strings.Contains(err.Error(), "answered 101 Switching Protocols") {
		t.Errorf("error = %v", err)
	}
	tokens.Close()
}

func fault(f emulator.Fault) func(i *issuer) error {
	return func(i *issuer) error {
		_, err := i.Inject(f)
		return err
	}
}

func (i *issuer) tokensClient() credential.Client {
	return credential.Client{ID: clientID, Secret: sensitive.New([]byte(clientSecret)), TokenURL: i.tokens.config.TokenURL}
}

func TestWaitingForATokenEndsWithTheCaller(t *testing.T) {
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
	i.asked(1)
	cancel()
	if err := <-failed; err == nil || !strings.HasSuffix(err.Error(), ": no answer in time") {
		t.Errorf("got %v", err)
	}
}
