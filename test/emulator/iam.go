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

// IAM actions of the data plane, as OKMS's API description names them.
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

// AllActions is an Identity's Actions for every right.
const AllActions = "okms:*"

// Kinds of credential, as Request.Auth and the journal spell them.
const (
	authNone        = ""
	authBearer      = "bearer"
	authVaultToken  = "vault-token"
	authCertificate = "certificate"
)

// Identity is who a token or a client certificate stands for, and what it may do.
type Identity struct {
	// Name appears in refusals and in the request log; "" means "unnamed".
	Name string
	// Actions are the IAM actions allowed, such as
	// okms:apikms:secret/version/getData; one may end in * to stand for all
	// that begin so. nil means reading: okms:apikms:secret/get and
	// okms:apikms:secret/version/getData. Empty and not nil means none.
	Actions []string
	// Paths restricts the actions to secrets whose path begins with one of
	// these ("prod/" is all below prod). nil means every secret.
	Paths []string
	// Expires is when the credential stops working, by Options.Now; the zero
	// time means never for a token, and in 365 days for a certificate.
	Expires time.Time
}

// allows tells whether the identity has the action on the secret path.
// Paths do not restrict what concerns the domain itself (path "").
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

// normalised is a copy with the defaults filled in, or an error for an action
// of the data plane that does not exist: a typing error there would only show
// as a refusal.
func (i Identity) normalised() (Identity, error) {
	if i.Name == "" {
		i.Name = "unnamed"
	}
	if i.Actions == nil {
		i.Actions = []string{actionGet, actionGetData}
	}
	for _, a := range i.Actions {
		if !strings.HasPrefix(a, "okms:") {
			return Identity{}, fmt.Errorf("action %q does not begin with the word okms", a)
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

// grant is an identity with the moment from which its rights hold.
type grant struct {
	identity Identity
	since    time.Time
}

// iam holds the credentials. Its owner guards it with a mutex.
type iam struct {
	tokens       map[string]grant
	certificates map[[sha256.Size]byte]grant // by the hash of the DER
	clients      map[string]*oauthClient
}

func newIAM() *iam {
	return &iam{tokens: map[string]grant{}, certificates: map[[sha256.Size]byte]grant{}, clients: map[string]*oauthClient{}}
}

// principal is the caller of one request.
type principal struct {
	kind     string // one of the auth constants
	identity Identity
	since    time.Time
	certID   string   // for the log, of a certificate
	refused  *refusal // not nil: not authenticated
}

// identify finds the caller: an Authorization header counts before a Vault
// token, and both before a client certificate, so an explicit bad token is
// refused even beside a good certificate.
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

// AddToken makes value a token of the identity; a token already there gets
// the new identity. It fails for a value that cannot stand in a header, or an
// unknown action.
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

// checkToken returns nil for what can stand in a header. It never repeats the
// value.
func checkToken(value string) error {
	if value == "" || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("token must be printable ASCII without spaces, and not empty")
	}
	return nil
}

// RevokeToken makes value unknown at once, as deleting a PAT does. A value that
// is unknown already is no error.
func (e *Emulator) RevokeToken(value string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.iam.tokens, value)
}

// IssueCertificate signs a client certificate for the identity, with a new
// key. Both come as PEM. Its lifetime is the identity's, counted from now in
// real time; an Expires in the past gives a certificate that TLS refuses.
func (e *Emulator) IssueCertificate(id Identity) (certPEM, keyPEM []byte, err error) {
	return e.IssueCertificateFor(id, nil)
}

// IssueCertificateFor is IssueCertificate for a key that exists, as OKMS signs a
// request that a user made.
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
	issued, err := e.ca.issueClient(id.Name, e.okmsID, lifetime, key)
	if err != nil {
		return nil, nil, fmt.Errorf("issuing a certificate for %q: %w", id.Name, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.iam.certificates[sha256.Sum256(issued.der)] = grant{identity: id, since: now.Add(e.switches.IAMDelay)}
	return issued.certPEM, issued.keyPEM, nil
}

// admitsCertificate tells whether the handshake lets the certificate through:
// always, unless the switch refuses those without rights.
func (e *Emulator) admitsCertificate(cert *x509.Certificate) bool {
	if !e.switches.DeniedCertificateAlert {
		return true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	g, ok := e.iam.certificates[sha256.Sum256(cert.Raw)]
	return ok && len(g.identity.Actions) > 0
}
