// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"
)

// TestATrustedAuthorityThatHasExpired checks the Cause: the cure is a new authority in
// caBundle, not a change of the server.
func TestATrustedAuthorityThatHasExpired(t *testing.T) {
	now := time.Now()
	root, rootKey := issue(t, planted, nil, nil, now.Add(-time.Minute))
	leaf, _ := issue(t, "leaf", root, rootKey, now.Add(time.Hour))
	roots := x509.NewCertPool()
	roots.AddCert(root)
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots})
	explain := func(sent ...*x509.Certificate) Failure {
		return Explain(&tls.CertificateVerificationError{UnverifiedCertificates: sent, Err: err})
	}
	ended := root.NotAfter.UTC().Format(time.DateTime) + " UTC"
	want := Failure{UnknownAuthority, "the trusted certificate authority expired on " + ended}
	if got := explain(leaf); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	// If the server sends the authority too, the server needs a new one.
	want = Failure{Expired, "a certificate authority of the certificate expired on " + ended}
	if got := explain(leaf, root); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
