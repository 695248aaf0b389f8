// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/message"
)

// ErrNoCredential is the error of Parse if the material has none of the known keys.
var ErrNoCredential = errors.New("no credential")

// Parse returns the credential of m, which must have exactly one. source names the origin of m
// for Credential.String. A certificate must be valid at now. Errors name keys of m, never their
// values; the caller adds where m comes from.
func Parse(m Material, source string, now time.Time) (Credential, error) {
	has := func(keys ...string) int {
		n := 0
		for _, key := range keys {
			if _, given := m[key]; given {
				n++
			}
		}
		return n
	}
	var kinds []string
	if has(KeyToken) > 0 {
		kinds = append(kinds, "a token")
	}
	if has(KeyCertificate, KeyPrivateKey) > 0 {
		kinds = append(kinds, "a certificate")
	}
	if has(KeyClientID, KeyClientSecret) > 0 {
		kinds = append(kinds, "an OAuth2 client")
	}
	switch {
	case len(kinds) == 2:
		return Credential{}, fmt.Errorf("holds both %s and %s; keep exactly one of them", kinds[0], kinds[1])
	case len(kinds) > 2:
		return Credential{}, fmt.Errorf("holds %s, %s and %s; keep exactly one of them", kinds[0], kinds[1], kinds[2])
	case has(KeyToken) == 1:
		return parseToken(m[KeyToken].Reveal(), source, now)
	case has(KeyCertificate, KeyPrivateKey) == 1:
		return Credential{}, fmt.Errorf("holds only one of %s and %s; a client certificate needs both", KeyCertificate,
			KeyPrivateKey)
	case has(KeyCertificate, KeyPrivateKey) == 2:
		return parseCertificate(m[KeyCertificate].Reveal(), m[KeyPrivateKey].Reveal(), source, now)
	case has(KeyClientID, KeyClientSecret) == 1:
		return Credential{}, fmt.Errorf("holds only one of %s and %s; an OAuth2 client needs both", KeyClientID,
			KeyClientSecret)
	case has(KeyClientID, KeyClientSecret) == 2:
		return parseClient(m, source)
	}
	return Credential{}, fmt.Errorf("%w: neither %s, nor %s with %s, nor %s with %s%s",
		ErrNoCredential, KeyToken, KeyCertificate, KeyPrivateKey, KeyClientID, KeyClientSecret, found(m))
}

// found returns the end of the sentence about missing keys: the keys that m has, "" if it has none.
func found(m Material) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !strings.HasPrefix(name, "csi.storage.k8s.io/") && len(names) < maxUnknown {
			names = append(names, message.Quote(name))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; its keys are " + strings.Join(names, ", ") + "; rename them"
}
