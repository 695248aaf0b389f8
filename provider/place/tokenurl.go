// SPDX-License-Identifier: Apache-2.0

package place

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"ovhcloud-csi-provider/provider/sniff"
)

// The token endpoints of OVHcloud, one for each of its continents. In 2026 OVHcloud's SDKs began
// to use new ones (source: go-ovh 96, python-ovh 148 and four more). The old ones stay the
// defaults while they answer. No new one is known for the United States.
const (
	tokenURLOfEurope    = "https://www.ovh.com/auth/oauth2/token"
	tokenURLOfCanada    = "https://ca.ovh.com/auth/oauth2/token"
	tokenURLOfAmerica   = "https://us.ovhcloud.com/auth/oauth2/token"
	newTokenURLOfEurope = "https://auth.eu.ovhcloud.com/oauth2/token"
	newTokenURLOfCanada = "https://auth.ca.ovhcloud.com/oauth2/token"
)

// SuccessorOf returns the new token endpoint that replaces tokenURL, "" if there is none.
func SuccessorOf(tokenURL string) string {
	switch tokenURL {
	case tokenURLOfEurope:
		return newTokenURLOfEurope
	case tokenURLOfCanada:
		return newTokenURLOfCanada
	}
	return ""
}

// TokenURLFor returns the token endpoint for the continent of an OKMS endpoint, "" if the
// endpoint is not one of OVHcloud's regional hosts.
func TokenURLFor(okms string) string {
	at, err := parseEndpoint(okms)
	switch {
	case err != nil || !ovhHosts.MatchString(at.host):
		return ""
	case strings.HasSuffix(at.host, ".us"):
		return tokenURLOfAmerica
	case strings.HasPrefix(at.host, "ca-") || strings.HasPrefix(at.host, "ap-"):
		// OVHcloud's customers in Asia and the Pacific have their accounts in Canada.
		return tokenURLOfCanada
	}
	return tokenURLOfEurope
}

// ParseTokenURL returns a token URL with its host in the form of Normalize. Errors do not quote
// the text, which may hold a password.
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

// CheckTokenURL returns nil if the secret of a mount's OAuth2 client may be sent to its token
// URL: one of OVHcloud's, or any URL of an endpoint that Check allows.
func (e Endpoints) CheckTokenURL(tokenURL string) error {
	switch tokenURL {
	case tokenURLOfEurope, tokenURLOfCanada, tokenURLOfAmerica, newTokenURLOfEurope, newTokenURLOfCanada:
		return nil
	}
	u, err := url.Parse(tokenURL)
	if err != nil {
		return errors.New("is not a URL")
	}
	return e.Check(u.Scheme + "://" + u.Host)
}
