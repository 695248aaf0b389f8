// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// IAM actions of the data plane (source: OKMS's API description).
const (
	actionGet         = "okms:apikms:secret/get"
	actionGetData     = "okms:apikms:secret/version/getData"
	actionCreate      = "okms:apikms:secret/create"
	actionNewVersion  = "okms:apikms:secret/version/create"
	actionDeactivate  = "okms:apikms:secret/version/deactivate"
	actionActivate    = "okms:apikms:secret/version/activate"
	actionDestroy     = "okms:apikms:secret/version/delete"
	actionUpdateMeta  = "okms:apikms:secret/updateMetadata"
	actionDelete      = "okms:apikms:secret/delete"
	actionSubkeys     = "okms:apikms:secret/subKeys/get"
	actionGetConfig   = "okms:apikms:secretConfig/get"
	actionWriteConfig = "okms:apikms:secretConfig/update"
)

// AllActions is the value of Identity.Actions that allows every action.
const AllActions = "okms:*"

// Kinds of credential, as in Request.Auth and the journal.
const (
	authNone        = ""
	authBearer      = "bearer"
	authVaultToken  = "vault-token"
	authCertificate = "certificate"
)

// Identity is the identity of a token or a client certificate, with its permissions.
type Identity struct {
	// Name appears in refusals and in the request log; "" means "unnamed".
	Name string
	// Actions are the allowed IAM actions, such as okms:apikms:secret/version/getData. A
	// final * matches any end. nil allows reads: okms:apikms:secret/get and
	// okms:apikms:secret/version/getData. Empty but not nil allows none.
	Actions []string
	// Paths restricts the actions to secrets whose path begins with one of
	// these ("prod/" covers everything below prod). nil means every secret.
	Paths []string
	// Expires is the end of the credential, by Options.Now. The zero time means never
	// for a token, and in 365 days for a certificate.
	Expires time.Time
}

// allows reports whether the identity may do the action on the path of a secret. Paths do not
// restrict actions on the domain itself (path "").
func (i Identity) allows(action, path string) bool {
	granted := slices.ContainsFunc(i.Actions, func(have string) bool {
		prefix, wild := strings.CutSuffix(have, "*")
		return have == action || wild && strings.HasPrefix(action, prefix)
	})
	if !granted || i.Paths == nil || path == "" {
		return granted
	}
	return slices.ContainsFunc(i.Paths, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
}

// normalised returns a copy with defaults. It fails for an unknown action of the data plane: a
// typing error would otherwise only cause a refusal later.
func (i Identity) normalised() (Identity, error) {
	if i.Name == "" {
		i.Name = "unnamed"
	}
	if i.Actions == nil {
		i.Actions = []string{actionGet, actionGetData}
	}
	for _, a := range i.Actions {
		if !strings.HasPrefix(a, "okms:") {
			return Identity{}, fmt.Errorf("action %q does not begin with okms", a)
		}
		if strings.HasPrefix(a, "okms:apikms:") && !strings.HasSuffix(a, "*") && !slices.Contains(dataPlaneActions(), a) {
			return Identity{}, fmt.Errorf("action %q is not one of %s", a, strings.Join(dataPlaneActions(), ", "))
		}
	}
	i.Actions, i.Paths = slices.Clone(i.Actions), slices.Clone(i.Paths)
	return i, nil
}

func dataPlaneActions() []string {
	return []string{
		actionGet, actionGetData, actionCreate, actionNewVersion, actionDeactivate, actionActivate,
		actionDestroy, actionUpdateMeta, actionDelete, actionSubkeys, actionGetConfig, actionWriteConfig,
	}
}

// grant is an identity with the time from which its permissions apply.
type grant struct {
	identity Identity
	since    time.Time
}

// iam holds the credentials. The mutex of the Emulator guards it.
type iam struct {
	tokens       map[string]grant
	certificates map[[sha256.Size]byte]grant // by the SHA-256 of the DER
	clients      map[string]*oauthClient
}

func newIAM() *iam {
	return &iam{tokens: map[string]grant{}, certificates: map[[sha256.Size]byte]grant{},
		clients: map[string]*oauthClient{}}
}

// principal is the caller of one request.
type principal struct {
	kind     string // one of the auth constants
	identity Identity
	since    time.Time
	certID   string   // of a certificate, for the log
	refused  *refusal // nil if the caller is authenticated
}

// identify returns the caller. An Authorization header has priority over a Vault token, and both
// over a client certificate, so an invalid token is refused even with a valid certificate.
func (m *iam) identify(r *http.Request, now time.Time) principal {
	if authorization := r.Header.Get("Authorization"); authorization != "" {
		scheme, value, _ := strings.Cut(authorization, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return principal{kind: authBearer, refused: errUnauthenticated("authorization scheme is not Bearer")}
		}
		return m.identifyToken(authBearer, strings.TrimSpace(value), now)
	}
	if value := r.Header.Get("X-Vault-Token"); value != "" {
		return m.identifyToken(authVaultToken, value, now)
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		return m.identifyCertificate(r.TLS.PeerCertificates[0], now)
	}
	return principal{kind: authNone, refused: errUnauthenticated("no credential in the request")}
}

func (m *iam) identifyToken(kind, value string, now time.Time) principal {
	g, ok := m.tokens[value]
	if !ok {
		return principal{kind: kind, refused: errUnauthenticated("token is not valid")}
	}
	return g.principal(kind, now)
}

func (m *iam) identifyCertificate(cert *x509.Certificate, now time.Time) principal {
	g, ok := m.certificates[sha256.Sum256(cert.Raw)]
	if !ok {
		return principal{kind: authCertificate, refused: errUnauthenticated("certificate is not one of this domain")}
	}
	p := g.principal(authCertificate, now)
	p.certID = fmt.Sprintf("%x", cert.SerialNumber)
	return p
}

func (g grant) principal(kind string, now time.Time) principal {
	p := principal{kind: kind, identity: g.identity, since: g.since}
	if expires := g.identity.Expires; !expires.IsZero() && !now.Before(expires) {
		p.refused = errUnauthenticated(strings.TrimPrefix(kind, "vault-") + " has expired")
	}
	return p
}

func errUnauthenticated(message string) *refusal {
	return refusef(http.StatusUnauthorized, codeUnauthenticated, "%s", message)
}

// AddToken makes value a token of the identity. An existing token gets the new identity. It fails
// for a value that is not valid in a header, or an unknown action.
func (e *Emulator) AddToken(value string, id Identity) error {
	if err := checkToken(value); err != nil {
		return err
	}
	id, err := id.normalised()
	if err != nil {
		return err
	}
	since := e.now().Add(e.switches.IAMDelay)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.iam.tokens[value] = grant{identity: id, since: since}
	return nil
}

// checkToken returns nil for a value that is valid in a header. The error never repeats the value.
func checkToken(value string) error {
	if value == "" || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("token must be printable ASCII without spaces, and not empty")
	}
	return nil
}

// RevokeToken makes a token invalid immediately, as the deletion of a PAT does. It does nothing for
// an unknown token.
func (e *Emulator) RevokeToken(value string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.iam.tokens, value)
}

// IssueCertificate returns a client certificate for the identity and its new key, both in PEM. Its
// lifetime is the identity's, from now in real time; with an Expires in the past, TLS refuses the
// certificate.
func (e *Emulator) IssueCertificate(id Identity) (certPEM, keyPEM []byte, err error) {
	return e.IssueCertificateFor(id, nil)
}

// IssueCertificateFor does the same for an existing key, as OKMS does for a certificate request.
// keyPEM is key in PEM. A nil key means a new one.
func (e *Emulator) IssueCertificateFor(id Identity, key crypto.Signer) (certPEM, keyPEM []byte, err error) {
	id, err = id.normalised()
	if err != nil {
		return nil, nil, err
	}
	now := e.now()
	lifetime := 365 * 24 * time.Hour
	if !id.Expires.IsZero() {
		lifetime = id.Expires.Sub(now)
	}
	issued, err := e.ca().issueClient(id.Name, e.okmsID, lifetime, key)
	if err != nil {
		return nil, nil, fmt.Errorf("issuing a certificate for %q: %w", id.Name, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.iam.certificates[sha256.Sum256(issued.der)] = grant{identity: id, since: now.Add(e.switches.IAMDelay)}
	return issued.certPEM, issued.keyPEM, nil
}

// admitsCertificate reports whether the handshake accepts the certificate: always, unless
// DeniedCertificateAlert is set and its identity has no permission.
func (e *Emulator) admitsCertificate(cert *x509.Certificate) bool {
	if !e.switches.DeniedCertificateAlert {
		return true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	g, ok := e.iam.certificates[sha256.Sum256(cert.Raw)]
	return ok && len(g.identity.Actions) > 0
}
