// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"
	"time"
)

// certificateFailure explains an error of the server's certificate. It returns the zero
// Failure for any other error.
func certificateFailure(err error) Failure {
	var untrusted *tls.CertificateVerificationError
	if !errors.As(err, &untrusted) {
		return Failure{}
	}
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var roots x509.SystemRootsError
	sent := untrusted.UnverifiedCertificates
	switch {
	case errors.As(untrusted.Err, &name):
		return Failure{WrongName, "the certificate is not for " + name.Host} // the host that was requested
	case errors.As(untrusted.Err, &invalid) && invalid.Reason == x509.Expired:
		return outOfTime(invalid.Cert, sent, time.Now())
	case errors.As(untrusted.Err, &unknown):
		// crypto/x509 returns the same error for a chain with an expired certificate.
		if f := outOfTime(firstOutOfTime(sent, time.Now()), sent, time.Now()); f.Text != "" {
			return f
		}
		return Failure{UnknownAuthority, "the certificate is signed by an unknown authority"}
	case errors.As(untrusted.Err, &roots):
		return Failure{UnknownAuthority, "this node's certificate authorities cannot be read"}
	}
	return Failure{BadCertificate, "the certificate is not valid for a server"}
}

// outOfTime explains that a certificate of the chain is expired or not yet valid. It
// returns the zero Failure if it is neither, or if c is nil.
func outOfTime(c *x509.Certificate, sent []*x509.Certificate, now time.Time) Failure {
	if c == nil {
		return Failure{}
	}
	which := "the certificate"
	if len(sent) == 0 || !c.Equal(sent[0]) {
		which = "a certificate authority of the certificate"
	}
	switch {
	case now.After(c.NotAfter) && !slices.ContainsFunc(sent, c.Equal):
		// The authority is from caBundle or from the node.
		return Failure{UnknownAuthority, "the trusted certificate authority expired on " + date(c.NotAfter)}
	case now.After(c.NotAfter):
		return Failure{Expired, which + " expired on " + date(c.NotAfter)}
	case now.Before(c.NotBefore):
		return Failure{NotYetValid, which + " is not valid before " + date(c.NotBefore)}
	}
	return Failure{}
}

// firstOutOfTime returns the first certificate that is expired or not yet valid, in the
// chain from the leaf up as far as the server sent it; nil if there is none.
func firstOutOfTime(sent []*x509.Certificate, now time.Time) *x509.Certificate {
	if len(sent) == 0 {
		return nil
	}
	for at, rest := sent[0], sent[1:]; ; {
		if now.After(at.NotAfter) || now.Before(at.NotBefore) {
			return at
		}
		above := slices.IndexFunc(rest, func(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, at.RawIssuer) })
		if above < 0 {
			return nil
		}
		at, rest = rest[above], slices.Delete(slices.Clone(rest), above, above+1)
	}
}

// date returns a time in UTC for a message.
func date(at time.Time) string { return at.UTC().Format(time.DateTime) + " UTC" }

// loginAlerts are the texts of crypto/tls for the alerts (RFC 8446, section 6.2) by which a
// server refuses a client certificate, or a missing one. OKMS answers a certificate of
// another domain, or without any permission, with bad_certificate and sends no HTTP answer.
var loginAlerts = []string{"bad certificate", "unsupported certificate", "revoked certificate", "expired certificate",
	"unknown certificate", "unknown certificate authority", "access denied", "certificate required"}

// otherAlerts are the other alerts whose text helps a user.
var otherAlerts = []string{"handshake failure", "protocol version not supported", "insufficient security level",
	"internal error", "unrecognized name", "no application protocol"}

// alertFailure explains a TLS alert of the server, for which crypto/tls exports no type. It
// returns the zero Failure for any other error.
func alertFailure(err error) Failure {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return Failure{}
	}
	alert := strings.TrimPrefix(op.Err.Error(), "tls: ")
	switch {
	case slices.Contains(loginAlerts, alert):
		return Failure{LoginRefused, "refused the TLS handshake: " + alert}
	case slices.Contains(otherAlerts, alert):
		return Failure{NoAnswer, "refused the TLS handshake: " + alert}
	}
	return Failure{NoAnswer, "ended the TLS connection with an alert"}
}
