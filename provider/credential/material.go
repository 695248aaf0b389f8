package credential

import (
	"strings"

	"ovhcloud-csi-provider/provider/sensitive"
)

// Material is credential data by key, as a Kubernetes Secret holds it.
type Material map[string]sensitive.Bytes

// The keys of a Material that are understood. Others are not looked at: a Secret
// made by cert-manager also has ca.crt, and the driver adds service account
// tokens.
const (
	KeyToken        = "token"
	KeyCertificate  = "tls.crt"
	KeyPrivateKey   = "tls.key"
	KeyClientID     = "clientId"
	KeyClientSecret = "clientSecret"
	KeyTokenURL     = "tokenUrl" // optional, beside the two above
)

// Keys are the keys of a Material that are understood.
func Keys() []string {
	return []string{KeyToken, KeyCertificate, KeyPrivateKey, KeyClientID, KeyClientSecret, KeyTokenURL}
}

// mostForeign is how many keys that are not understood are named in a message.
const mostForeign = 10

// Known is m with the keys that are understood, and of others the names alone of a few,
// for messages. It is a new map: a large one stays large whatever is deleted.
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
	foreign := 0
	for key := range m {
		if _, is := known[key]; !is && foreign < mostForeign {
			foreign++
			known[strings.Clone(key[:min(len(key), 253)])] = sensitive.Bytes{}
		}
	}
	return known
}
