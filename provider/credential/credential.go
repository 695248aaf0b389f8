// Package credential turns the material of a Kubernetes Secret or of a folder into a
// credential for OKMS: a token, a client certificate, or an OAuth2 client with its tokens.
//
// It calls no server but the token endpoint of an OAuth2 client, and reads no secret.
package credential

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/provider/sniff"
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

// Kind is how a credential proves itself.
type Kind string

// The kinds of credential.
const (
	KindToken       Kind = "token"
	KindCertificate Kind = "certificate"
	KindClient      Kind = "OAuth2 client" // a service account of OVHcloud
)

// Credential is one parsed identity. It is immutable, and it prints as its kind,
// source and fingerprint. The zero value proves nothing.
type Credential struct {
	kind        Kind
	source      string
	token       sensitive.Bytes
	certificate *tls.Certificate
	client      Client
	expires     time.Time
	id          [sha256.Size]byte // of the kind and all secret parts
	fingerprint [sha256.Size]byte // what a user can compute; see Fingerprint
	hint        string
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

// Kind is how the credential proves itself.
func (c Credential) Kind() Kind { return c.kind }

// Client is what an OAuth2 client gets its tokens with, the zero value for the
// other kinds.
func (c Credential) Client() Client { return c.client }

// Expires is when the credential ends: the end of a certificate, or what a token
// that is a JWT says. The zero time stands for unknown or never.
func (c Credential) Expires() time.Time { return c.expires }

// Token is the bearer token, empty for the other kinds.
func (c Credential) Token() sensitive.Bytes { return c.token }

// Certificate is the client certificate with its key, nil for the other kinds.
func (c Credential) Certificate() *tls.Certificate { return c.certificate }

// ID is the same for equal credentials and differs for others, or for another
// token URL. Who lacks one byte of the credential's secret has another ID: it is a
// SHA-256 over the kind and all of the secret, of a certificate the private key. It
// is a map key, not for printing.
func (c Credential) ID() [sha256.Size]byte {
	if c.client.TokenURL == "" {
		return c.id
	}
	return identity(string(c.kind), c.id[:], []byte(c.client.TokenURL))
}

// identity is a SHA-256 over a kind and its parts, each with its length in front, so
// that no part can reach into the next.
func identity(kind string, parts ...[]byte) (id [sha256.Size]byte) {
	h := sha256.New()
	fmt.Fprintf(h, "%d:%s", len(kind), kind)
	for _, part := range parts {
		fmt.Fprintf(h, "%d:", len(part))
		h.Write(part)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Hint is a sentence for a user whose credential the store refuses, if something
// about it looks wrong; else empty.
func (c Credential) Hint() string { return c.hint }

// Fingerprint is the first eight hex digits of the SHA-256 of the token, of the
// certificate in DER form, or of clientId:clientSecret. A user can compute it to
// see which one is in use.
func (c Credential) Fingerprint() string { return hex.EncodeToString(c.fingerprint[:4]) }

// String names the credential without telling it: "token 1f2e3d4c from
// nodePublishSecretRef".
func (c Credential) String() string {
	if c.kind == "" {
		return "no credential"
	}
	return fmt.Sprintf("%s %s from %s", c.kind, c.Fingerprint(), c.source)
}

// Format implements fmt.Formatter, so that no verb prints the fields.
func (c Credential) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(c.String())) }

// ErrNoCredential is what Parse returns where the material holds no credential
// at all.
var ErrNoCredential = errors.New("no credential")

// Parse reads the one credential in m. source is where m comes from, as the
// credential tells it; now is what a certificate's dates are checked against.
// Errors name keys of m, never what stands behind them, and leave it to the
// caller to say where m comes from.
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
		return Credential{}, fmt.Errorf("holds only one of %s and %s; a client certificate needs both", KeyCertificate, KeyPrivateKey)
	case has(KeyCertificate, KeyPrivateKey) == 2:
		return parseCertificate(m[KeyCertificate].Reveal(), m[KeyPrivateKey].Reveal(), source, now)
	case has(KeyClientID, KeyClientSecret) == 1:
		return Credential{}, fmt.Errorf("holds only one of %s and %s; an OAuth2 client needs both", KeyClientID, KeyClientSecret)
	case has(KeyClientID, KeyClientSecret) == 2:
		return parseClient(m, source)
	}
	return Credential{}, fmt.Errorf("%w: neither %s, nor %s with %s, nor %s with %s%s",
		ErrNoCredential, KeyToken, KeyCertificate, KeyPrivateKey, KeyClientID, KeyClientSecret, found(m))
}

// found lists the keys that m has instead.
func found(m Material) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !strings.HasPrefix(name, "csi.storage.k8s.io/") && len(names) < mostForeign {
			names = append(names, message.Quote(name))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; its keys are " + strings.Join(names, ", ") + "; rename them"
}

// parseToken drops white space around a token, which files and here-documents
// leave behind, and refuses what no HTTP header can carry.
func parseToken(raw []byte, source string, now time.Time) (Credential, error) {
	token, err := oneLine(raw, KeyToken)
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

// endOfJWT is the time at which a token says that it ends (RFC 7519, exp), or
// zero if it does not say so or is no JWT. PATs are JWTs.
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

// Bounds of a credential in bytes. A PAT has about 1 KB, and what is sent in a header
// no server takes beyond some 8 KB; each read under way holds a token several times.
const (
	maxToken       = 16 << 10 // and for each of the other texts
	maxKey         = 32 << 10 // an RSA key of maxModulus has 6.4 KB
	maxCertificate = 64 << 10 // with its chain
)

func checkSize(raw []byte, key string, most int) error {
	if len(raw) > most {
		return fmt.Errorf("%s is %d bytes long; at most %d are read", key, len(raw), most)
	}
	return nil
}

// oneLine is raw without a byte order mark and the white space around it, printable
// ASCII throughout.
func oneLine(raw []byte, key string) ([]byte, error) {
	text := bytes.TrimSpace(sniff.WithoutMark(raw))
	if len(text) == 0 {
		return nil, fmt.Errorf("%s is empty", key)
	}
	if err := checkSize(text, key, maxToken); err != nil {
		return nil, err
	}
	for _, b := range text {
		if b <= ' ' || b >= 0x7f {
			if what := mishap(key, text); what != "" {
				return nil, errors.New(what)
			}
			return nil, fmt.Errorf("%s holds white space, a control character or a character outside ASCII within; "+
				"want one line of printable ASCII", key)
		}
	}
	return text, nil
}
