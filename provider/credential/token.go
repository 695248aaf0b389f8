// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"ovhcloud-csi-provider/provider/sensitive"
)

// parseToken returns the credential of a token. It removes white space around the token, which
// files and here-documents have, and refuses bytes that an HTTP header cannot hold.
func parseToken(raw []byte, source string, now time.Time) (Credential, error) {
	token, err := OneLine(raw, KeyToken)
	if err != nil {
		return Credential{}, err
	}
	c := Credential{kind: KindToken, source: source, token: sensitive.New(token),
		id: identity(string(KindToken), token), fingerprint: sha256.Sum256(token)}
	c.hint = mistake(KeyToken, token)
	if c.expires = endOfJWT(token); !c.expires.IsZero() && now.After(c.expires) {
		// The node's clock may be wrong, so only OKMS decides whether the token is valid.
		c.hint = "by its exp claim the token expired on " + c.expires.UTC().Format(time.RFC3339)
	}
	return c, nil
}

// endOfJWT returns the time in the exp claim of a token (RFC 7519), the zero time if the token
// has none or is not a JWT. PATs are JWTs.
func endOfJWT(token []byte) time.Time {
	parts := bytes.Split(token, []byte("."))
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(string(parts[1]))
	var claims struct {
		Expires float64 `json:"exp"` // seconds; may have a fraction
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Expires <= 0 || claims.Expires > 1<<40 {
		return time.Time{}
	}
	return time.Unix(int64(claims.Expires), 0)
}
