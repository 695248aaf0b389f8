// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAnExpiredCertificateOfAnUntrustedChain checks certificates in any order: crypto/x509 only
// reports that the authority is unknown, so the chain is followed from the leaf up.
func TestAnExpiredCertificateOfAnUntrustedChain(t *testing.T) {
	now := time.Now()
	root, rootKey := issue(t, "root", nil, nil, now.Add(time.Hour))
	upper, upperKey := issue(t, "upper", root, rootKey, now.Add(-time.Minute))
	lower, lowerKey := issue(t, "lower", upper, upperKey, now.Add(time.Hour))
	leaf, _ := issue(t, "leaf", lower, lowerKey, now.Add(time.Hour))
	unknown := x509.UnknownAuthorityError{}
	for _, sent := range [][]*x509.Certificate{{leaf, lower, upper}, {leaf, upper, lower}} {
		got := Explain(&tls.CertificateVerificationError{UnverifiedCertificates: sent, Err: unknown})
		if got.Cause != Expired || !strings.HasPrefix(got.Text, "a certificate authority of the certificate expired on ") {
			t.Errorf("got %+v", got)
		}
	}
	got := Explain(&tls.CertificateVerificationError{UnverifiedCertificates: []*x509.Certificate{leaf, lower, root},
		Err: unknown})
	if got.Cause != UnknownAuthority {
		t.Errorf("a chain without an expired certificate: got %+v", got)
	}
}

func TestMediaTypesThatAMessageMayName(t *testing.T) {
	for header, want := range map[string]string{
		"": "no content type", "text/html": "text/html", "TEXT/HTML; charset=utf-8": "text/html",
		"text/html; x=;":  "text/html",
		"text/" + planted: "another type", planted: "another type", "; x=" + planted: "another type",
	} {
		h := http.Header{}
		if header != "" {
			h.Set("Content-Type", header)
		}
		if got := MediaType(h); got != want {
			t.Errorf("%q: got %q, want %q", header, got, want)
		}
	}
}
