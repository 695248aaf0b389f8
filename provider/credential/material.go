// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"strings"

	"ovhcloud-csi-provider/provider/sensitive"
)

// Material is the data of a credential by key, as in a Kubernetes Secret.
type Material map[string]sensitive.Bytes

// The known keys of a Material. Others are ignored: a Secret of cert-manager also has ca.crt, and
// the driver adds service account tokens.
const (
	KeyToken        = "token"
	KeyCertificate  = "tls.crt"
	KeyPrivateKey   = "tls.key"
	KeyClientID     = "clientId"
	KeyClientSecret = "clientSecret"
	KeyTokenURL     = "tokenUrl" // optional, for the two keys above
)

// Keys returns the known keys of a Material. The caller owns the slice.
func Keys() []string {
	return []string{KeyToken, KeyCertificate, KeyPrivateKey, KeyClientID, KeyClientSecret, KeyTokenURL}
}

// maxUnknown is the limit of unknown keys that a message names.
const maxUnknown = 10

// Known returns a copy of m with the known keys, and with a few of the unknown ones without
// their values, for messages; nil if m is nil. It is a copy because a Go map never shrinks.
func (m Material) Known() Material {
	if m == nil {
		return nil
	}
	known := Material{}
	for _, key := range Keys() {
		if value, given := m[key]; given {
			known[key] = value
		}
	}
	unknown := 0
	for key := range m {
		if _, is := known[key]; !is && unknown < maxUnknown {
			unknown++
			known[strings.Clone(key[:min(len(key), 253)])] = sensitive.Bytes{}
		}
	}
	return known
}
