// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/wire"
)

// TestEachAlertAboutAClientCertificate checks every alert of RFC 8446, section 6.2, by
// which a server refuses a client certificate, and that crypto/tls still uses this name.
func TestEachAlertAboutAClientCertificate(t *testing.T) {
	for number, name := range map[tls.AlertError]string{
		42: "bad certificate", 43: "unsupported certificate", 44: "revoked certificate", 45: "expired certificate",
		46: "unknown certificate", 48: "unknown certificate authority", 49: "access denied", 116: "certificate required",
	} {
		got := wire.Explain(remote(number))
		if want := (wire.Failure{Cause: wire.LoginRefused, Text: "refused the TLS handshake: " + name}); got != want {
			t.Errorf("alert %d: got %+v, want %+v", number, got, want)
		}
	}
}

// TestEachAlertThatIsNamed checks the other alerts whose names a message shows.
func TestEachAlertThatIsNamed(t *testing.T) {
	for number, name := range map[tls.AlertError]string{
		40: "handshake failure", 70: "protocol version not supported", 71: "insufficient security level",
		80: "internal error", 112: "unrecognized name", 120: "no application protocol",
	} {
		got := wire.Explain(remote(number))
		if want := (wire.Failure{Cause: wire.NoAnswer, Text: "refused the TLS handshake: " + name}); got != want {
			t.Errorf("alert %d: got %+v, want %+v", number, got, want)
		}
	}
	// 20 is bad_record_mac: it is not about a credential, and its name does not help a user.
	if got := wire.Explain(remote(20)); got.Cause != wire.NoAnswer || strings.Contains(got.Text, "MAC") {
		t.Errorf("alert 20: got %+v", got)
	}
}

// remote returns the error of a handshake that the server ended with this alert.
func remote(number tls.AlertError) error { return &net.OpError{Op: "remote error", Err: number} }
