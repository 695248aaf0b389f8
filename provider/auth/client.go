package auth

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"ovhcloud-csi-provider/provider/sensitive"
)

// Client is an OAuth2 client: a service account of OVHcloud.
type Client struct {
	ID     string
	Secret sensitive.Bytes
	// TokenURL is where it gets access tokens. Empty until Credential.At.
	TokenURL string
}

// The token endpoints of OVHcloud, one for each of its continents. In 2026 its SDKs began
// to move to others (go-ovh 96, python-ovh 148 and four more); the old ones stay the
// defaults while they answer. None is known to replace that of the United States.
const (
	tokenURLOfEurope    = "https://www.ovh.com/auth/oauth2/token"
	tokenURLOfCanada    = "https://ca.ovh.com/auth/oauth2/token"
	tokenURLOfAmerica   = "https://us.ovhcloud.com/auth/oauth2/token"
	newTokenURLOfEurope = "https://auth.eu.ovhcloud.com/oauth2/token"
	newTokenURLOfCanada = "https://auth.ca.ovhcloud.com/oauth2/token"
)

// Successor returns the token endpoint that OVHcloud moves the client's to, "" if it moves
// to none.
func (c Client) Successor() string {
	switch c.TokenURL {
	case tokenURLOfEurope:
		return newTokenURLOfEurope
	case tokenURLOfCanada:
		return newTokenURLOfCanada
	}
	return ""
}

func parseClient(m Material, source string) (Credential, error) {
	id, err := oneLine(m[KeyClientID].Reveal(), KeyClientID)
	if err != nil {
		return Credential{}, err
	}
	secret, err := oneLine(m[KeyClientSecret].Reveal(), KeyClientSecret)
	if err != nil {
		return Credential{}, err
	}
	c := Credential{kind: KindClient, source: source, client: Client{ID: string(id), Secret: sensitive.New(secret)}}
	if given, is := m[KeyTokenURL]; is {
		if c.client.TokenURL, err = parseTokenURL(string(given.Reveal())); err != nil {
			if what := mishap(KeyTokenURL, given.Reveal()); what != "" {
				return Credential{}, errors.New(what)
			}
			return Credential{}, fmt.Errorf("%s: %w", KeyTokenURL, err)
		}
	}
	c.hint = cmp.Or(mishap(KeyClientID, id), mishap(KeyClientSecret, secret))
	c.id = identity(string(KindClient), id, secret)
	c.fingerprint = sha256.Sum256(fmt.Appendf(nil, "%s:%s", id, secret))
	return c, nil
}

// parseTokenURL is the URL in one spelling. Errors do not repeat the text, which
// may hold a password.
func parseTokenURL(text string) (string, error) {
	if len(text) > 2048 {
		return "", fmt.Errorf("is %d bytes long; at most 2048 are read", len(text))
	}
	u, err := url.Parse(strings.TrimSpace(string(withoutMark([]byte(text)))))
	if err != nil {
		return "", errors.New("is not a URL")
	}
	path := u.EscapedPath()
	u.Path, u.RawPath = "", ""
	at, err := parseEndpoint(u.String())
	if err != nil {
		return "", fmt.Errorf("%w; write https://<host>/<path>", err)
	}
	if err := at.checkScheme(); err != nil {
		return "", err
	}
	return at.String() + path, nil
}

// At is the credential for use at an endpoint. For an OAuth2 client without a
// token URL it is one with that of the endpoint's continent, which is right for
// most: an account of another continent must state its own. The other kinds are
// the same everywhere.
func (c Credential) At(endpoint string) (Credential, error) {
	if c.kind != KindClient || c.client.TokenURL != "" {
		return c, nil
	}
	at, err := parseEndpoint(endpoint)
	if err != nil || !ovhHosts.MatchString(at.host) {
		return Credential{}, fmt.Errorf("%s is missing; it has a default only for the regional hosts of OVHcloud", KeyTokenURL)
	}
	switch {
	case strings.HasSuffix(at.host, ".us"):
		c.client.TokenURL = tokenURLOfAmerica
	case strings.HasPrefix(at.host, "ca-") || strings.HasPrefix(at.host, "ap-"):
		// OVHcloud's customers of Asia and the Pacific have their accounts in Canada.
		c.client.TokenURL = tokenURLOfCanada
	default:
		c.client.TokenURL = tokenURLOfEurope
	}
	return c, nil
}

// CheckTokenURL says whether the secret of an OAuth2 client that comes with a
// mount may be sent to its token URL: to those of OVHcloud, and to the hosts
// that its tokens may be sent to.
func (e Endpoints) CheckTokenURL(tokenURL string) error {
	switch tokenURL {
	case tokenURLOfEurope, tokenURLOfCanada, tokenURLOfAmerica, newTokenURLOfEurope, newTokenURLOfCanada:
		return nil
	}
	u, err := url.Parse(tokenURL)
	if err != nil {
		return errors.New("not a URL")
	}
	return e.Check(u.Scheme + "://" + u.Host)
}
