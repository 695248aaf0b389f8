// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/conns"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/place"
)

// chainOf returns a certificate for 127.0.0.1, followed by unrelated ones.
func chainOf(t *testing.T, others, namesOfEach int) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	chain := tls.Certificate{PrivateKey: key}
	for i := range others + 1 {
		c := &x509.Certificate{SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: fmt.Sprint(i)},
			DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			IsCA: true, BasicConstraintsValid: true}
		for n := range namesOfEach {
			c.DNSNames = append(c.DNSNames, fmt.Sprintf("n%d.example", n))
		}
		der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		chain.Certificate = append(chain.Certificate, der)
	}
	return chain
}

func TestTheServersCertificatesAreLimited(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		others, names int
		want          string // "" for a chain that is accepted
	}{
		{3, 1, ""}, {4, 40, ""},
		{400, 1, "the TLS handshake of the server is too long"}, {1, 4000, "the TLS handshake of the server is too long"},
		{30, 1, "the server sends too many certificates"},
	} {
		chain := chainOf(t, c.others, c.names)
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.TLS = &tls.Config{Certificates: []tls.Certificate{chain}}
		server.EnableHTTP2 = true
		server.StartTLS()
		ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain.Certificate[0]})
		endpoint := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
		client, err := New(place.Domain{Endpoint: endpoint, CABundle: string(ca)}, Login{}, Options{Conns: conns.New(4)})
		if err != nil {
			t.Fatal(err)
		}
		_, failed := client.Get(t.Context(), Ref{Path: "s"})
		if failed == nil || c.want == "" && failed.Status != http.StatusNotFound ||
			c.want != "" && (failed.Kind != failure.Unreachable || !strings.HasSuffix(failed.Text, c.want)) {
			t.Errorf("%d more certificates of %d names: got %v, want %q", c.others, c.names, failed, c.want)
		}
		client.Close()
		server.Close()
	}
}

// TestALongAnswerIsNoLongHandshake checks that the limit of a handshake ends with it.
func TestALongAnswerIsNoLongHandshake(t *testing.T) {
	c := serving(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"data":{"data":{"k":"`+strings.Repeat("v", 500_000)+`"},"metadata":`+goodMetadata+`}}`)
	})
	for range 3 {
		if _, err := c.Get(t.Context(), Ref{Path: "s"}); err != nil {
			t.Error(err)
		}
	}
}
