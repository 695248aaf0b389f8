// SPDX-License-Identifier: Apache-2.0

package emulator

import "crypto/tls"

// TLSConfig returns the TLS configuration of a Server, for a caller that serves the Emulator, an
// http.Handler, on a listener of its own. hosts are as for Start.
func (e *Emulator) TLSConfig(hosts ...string) (*tls.Config, error) { return e.tlsConfig(hosts) }
