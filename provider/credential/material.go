package credential

import (
	"strings"

	"ovhcloud-csi-provider/provider/sensitive"
)

// Material is credential data by key, as in a Kubernetes Secret.
type Material map[string]sensitive.Bytes

// The known keys of a Material. Others are ignored: a Secret of cert-manager also has
// ca.crt, and the driver adds service account tokens.
const (
	KeyToken        = "token"
	KeyCertificate  = "tls.crt"
	KeyPrivateKey   = "tls.key"
	KeyClientID     = "clientId"
	KeyClientSecret = "clientSecret"
	KeyTokenURL     = "tokenUrl" // optional, with the two above
)

// Keys returns the known keys of a Material.
func Keys() []string {
	return []string{KeyToken, KeyCertificate, KeyPrivateKey, KeyClientID, KeyClientSecret, KeyTokenURL}
}

// mostForeign is how many unknown keys a message names.
const mostForeign = 10

// Known returns m with the known keys, and only the names of a few others, for messages. It
// is a new map: a large map stays large whatever is deleted.
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
