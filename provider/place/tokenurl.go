package place

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"ovhcloud-csi-provider/provider/sniff"
)

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

// SuccessorOf returns the token endpoint that OVHcloud moves one to, "" if it moves it to
// none.
func SuccessorOf(tokenURL string) string {
	switch tokenURL {
	case tokenURLOfEurope:
		return newTokenURLOfEurope
	case tokenURLOfCanada:
		return newTokenURLOfCanada
	}
	return ""
}

// TokenURLFor returns the token endpoint of an OKMS endpoint's continent, "" if the
// endpoint is not one of OVHcloud's regional hosts.
func TokenURLFor(okms string) string {
	at, err := parseEndpoint(okms)
	switch {
	case err != nil || !ovhHosts.MatchString(at.host):
		return ""
	case strings.HasSuffix(at.host, ".us"):
		return tokenURLOfAmerica
	case strings.HasPrefix(at.host, "ca-") || strings.HasPrefix(at.host, "ap-"):
		// OVHcloud's customers of Asia and the Pacific have their accounts in Canada.
		return tokenURLOfCanada
	}
	return tokenURLOfEurope
}

// ParseTokenURL returns the URL in one spelling. Errors do not repeat the text, which
// may hold a password.
func ParseTokenURL(text string) (string, error) {
	if len(text) > 2048 {
		return "", fmt.Errorf("is %d bytes long; at most 2048 are read", len(text))
	}
	u, err := url.Parse(strings.TrimSpace(string(sniff.WithoutMark([]byte(text)))))
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

// CheckTokenURL returns an error unless the secret of an OAuth2 client that comes with a
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
