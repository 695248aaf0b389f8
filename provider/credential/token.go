package credential

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"ovhcloud-csi-provider/provider/sensitive"
)

// parseToken drops white space around a token, which files and here-documents leave, and
// rejects what cannot be in an HTTP header.
func parseToken(raw []byte, source string, now time.Time) (Credential, error) {
	token, err := OneLine(raw, KeyToken)
	if err != nil {
		return Credential{}, err
	}
	c := Credential{kind: KindToken, source: source, token: sensitive.New(token),
		id: identity(string(KindToken), token), fingerprint: sha256.Sum256(token)}
	c.hint = mishap(KeyToken, token)
	if c.expires = endOfJWT(token); !c.expires.IsZero() && now.After(c.expires) {
		// Not refused here: it is for OKMS to say, and the clock may be wrong.
		c.hint = "the token says of itself that it expired on " + c.expires.UTC().Format(time.RFC3339)
	}
	return c, nil
}

// endOfJWT returns the expiry of a token (RFC 7519, exp), or zero if it has none or is not
// a JWT. PATs are JWTs.
func endOfJWT(token []byte) time.Time {
	parts := bytes.Split(token, []byte("."))
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(string(parts[1]))
	var claims struct {
		Expires float64 `json:"exp"` // it may have a fraction
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Expires <= 0 || claims.Expires > 1<<40 {
		return time.Time{}
	}
	return time.Unix(int64(claims.Expires), 0)
}
