// SPDX-License-Identifier: Apache-2.0

package okms_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/oauth"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/okmstest"
)

// For short.
var (
	client  = okmstest.Client
	byToken = okmstest.ByToken
)

// failureOf returns the *Error of a read of s.
func failureOf(t *testing.T, ctx context.Context, domain place.Domain) *okms.Error {
	t.Helper()
	secret, e := client(t, domain, byToken(), okms.Options{}).Get(ctx, okms.Ref{Path: "s"})
	if e == nil {
		t.Fatalf("got %v", secret)
	}
	if strings.Contains(e.Error(), okmstest.Token) {
		t.Errorf("the error repeats the token: %v", e)
	}
	return e
}

// planted is the credential that is sent to the servers below, and that they repeat wherever they
// can. It is a valid error code of OAuth2 and a valid header name.
const planted = "planted_credential_abcdefghijklm"

// raw is a server that answers with raw bytes.
type raw struct {
	url, ca string // ca is "" without TLS
}

// startPlain starts a server without TLS that ends with the test. It calls speak for each
// connection.
func startPlain(t *testing.T, speak func(net.Conn)) raw {
	t.Helper()
	return raw{url: "http://" + listen(t, speak)}
}

// startRaw starts a TLS server that ends with the test. It calls speak for each connection after it
// has read the request's header, or the first bytes if protocols has HTTP/2.
func startRaw(t *testing.T, change func(*x509.Certificate), protocols []string, speak func(net.Conn)) raw {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "raw"},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	own := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	conf := &tls.Config{Certificates: []tls.Certificate{own}, NextProtos: protocols}
	at := listen(t, func(conn net.Conn) {
		secured := tls.Server(conn, conf)
		if secured.HandshakeContext(t.Context()) == nil {
			speak(secured)
		}
		_ = secured.Close()
	})
	return raw{"https://" + at, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
}

// listen calls serve for each connection, in a goroutine that ends with the test.
func listen(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(time.Minute))
				serve(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// saying returns a function that answers a request of HTTP/1.1 with text, then closes.
func saying(text string) func(net.Conn) {
	return func(conn net.Conn) {
		in := bufio.NewReader(conn)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if line == "\r\n" {
				break
			}
		}
		_, _ = io.WriteString(conn, text)
		// With unread bytes of a token request's form, Close would reset the connection.
		if closer, is := conn.(interface{ CloseWrite() error }); is {
			_ = closer.CloseWrite()
		}
		_, _ = io.Copy(io.Discard, in)
	}
}

// awaitRequest2 does the handshake of HTTP/2, and reads the header of the first request. It
// returns false if the connection fails.
func awaitRequest2(conn net.Conn) bool {
	const settings, headers = 4, 1
	if _, err := conn.Write(frame(settings, 0, 0, nil)); err != nil {
		return false
	}
	preface := int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	if _, err := io.CopyN(io.Discard, conn, preface); err != nil {
		return false
	}
	head := make([]byte, len(frame(0, 0, 0, nil)))
	for head[3] != headers {
		if _, err := io.ReadFull(conn, head); err != nil {
			return false
		}
		if _, err := io.CopyN(io.Discard, conn, int64(head[0])<<16|int64(head[1])<<8|int64(head[2])); err != nil {
			return false
		}
	}
	return true
}

// frame returns a frame of HTTP/2 (RFC 9113, section 4.1).
func frame(kind, flags, stream byte, payload []byte) []byte {
	n := len(payload)
	head := []byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags, 0, 0, 0, stream}
	return append(head, payload...)
}

// field returns a header field of HPACK, neither indexed nor compressed (RFC 7541, 6.2.2).
func field(name, value string) []byte {
	return append(append([]byte{0, byte(len(name))}, name...), append([]byte{byte(len(value))}, value...)...)
}

// reads makes a client read from a server and request a token from it. It returns every text
// that results, by its source.
func reads(t *testing.T, s raw, trusted bool) (said map[string]string) {
	t.Helper()
	return readsFor(t, s, trusted, 50*time.Second)
}

// readsFor does the same with a timeout for the reads, and another one for the token.
func readsFor(t *testing.T, s raw, trusted bool, most time.Duration) (said map[string]string) {
	t.Helper()
	said = map[string]string{}
	roots := x509.NewCertPool()
	if !trusted {
		s.ca = ""
	}
	roots.AppendCertsFromPEM([]byte(s.ca))
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	var calls []okms.Call
	c := client(t, place.Domain{Endpoint: s.url, ID: "734b9b45-8b1a-469c-b140-b10bd6540017", CABundle: s.ca},
		okms.Login{Token: sensitive.New([]byte(planted))},
		okms.Options{Observe: func(_ context.Context, c okms.Call) { calls = append(calls, c) }})
	if _, failed := c.Get(ctx, okms.Ref{Path: "s"}); failed == nil {
		t.Error("a read succeeded")
	} else {
		said["a read"] = fmt.Sprintf("%s %+v", failed.Error(), *failed)
	}
	// An answer that lists no versions is not an error.
	if _, _, failed := c.LatestActive(ctx, "s"); failed != nil {
		said["a list"] = fmt.Sprintf("%s %+v", failed.Error(), *failed)
	}
	said["the calls"] = fmt.Sprintf("%+v", calls)
	told := make(chan string, 1)
	tokens := oauth.New(
		credential.Client{ID: "EU.x", Secret: sensitive.New([]byte(planted)), TokenURL: s.url + emulator.TokenPath},
		roots, nil, time.Now, func(status int, _ time.Duration, failed *oauth.Error) {
			told <- fmt.Sprintf("%d %+v", status, failed)
		})
	ctx, cancel = context.WithTimeout(t.Context(), most)
	defer cancel()
	var refused *oauth.Error
	if _, err := tokens.Token(ctx, sensitive.Bytes{}); errors.As(err, &refused) {
		said["a token"] = fmt.Sprintf("%s %+v", refused.Error(), *refused)
	} else if err != nil {
		t.Errorf("token: %v", err)
	}
	tokens.Close()
	said["a token's call"] = <-told
	return said
}

// pieces are the parts of planted of twelve signs, in lower case, as they are and as hex and base64 show them.
var pieces = sync.OnceValue(func() (all []string) {
	forms := []string{planted, hex.EncodeToString([]byte(planted))}
	for shift := range 3 {
		moved := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + planted))
		forms = append(forms, moved[shift+1:len(moved)-1])
	}
	for _, form := range forms {
		for i := 0; i+12 <= len(form); i++ {
			all = append(all, strings.ToLower(form[i:i+12]))
		}
	}
	return all
})

// hidden checks that no part of planted is in the texts.
func hidden(t *testing.T, said map[string]string) {
	t.Helper()
	for where, text := range said {
		lower := strings.ToLower(text)
		if slices.ContainsFunc(pieces(), func(piece string) bool { return strings.Contains(lower, piece) }) {
			t.Errorf("%s repeats the credential: %s", where, text)
		}
		if testing.Verbose() {
			t.Logf("%s: %s", where, text)
		}
	}
}

// reading returns a client of a server, which is closed with the test.
func reading(t *testing.T, server *httptest.Server) *okms.Client {
	t.Helper()
	t.Cleanup(server.Close)
	return client(t, place.Domain{Endpoint: server.URL, ID: "734b9b45-8b1a-469c-b140-b10bd6540017"}, byToken(),
		okms.Options{})
}

// answering returns a handler that answers every request alike.
func answering(status int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	})
}

// flushed returns a handler that sends each answer without its length.
func flushed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		_ = http.NewResponseController(w).Flush()
	})
}
