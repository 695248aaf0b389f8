// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"

	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/sensitive"
)

// Client is an OAuth2 client: a service account of OVHcloud.
type Client struct {
	ID     string
	Secret sensitive.Bytes
	// TokenURL is the token endpoint. It is empty if the material has none, until Credential.At
	// sets the default.
	TokenURL string
}

// Successor returns the new token endpoint of OVHcloud that replaces the client's, "" if there
// is none.
func (c Client) Successor() string { return place.SuccessorOf(c.TokenURL) }

// parseClient returns the credential of an OAuth2 client. The token URL is optional.
func parseClient(m Material, source string) (Credential, error) {
	id, err := OneLine(m[KeyClientID].Reveal(), KeyClientID)
	if err != nil {
		return Credential{}, err
	}
	secret, err := OneLine(m[KeyClientSecret].Reveal(), KeyClientSecret)
	if err != nil {
		return Credential{}, err
	}
	c := Credential{kind: KindClient, source: source, client: Client{ID: string(id), Secret: sensitive.New(secret)}}
	if given, is := m[KeyTokenURL]; is {
		if c.client.TokenURL, err = place.ParseTokenURL(string(given.Reveal())); err != nil {
			if text := mistake(KeyTokenURL, given.Reveal()); text != "" {
				return Credential{}, errors.New(text)
			}
			return Credential{}, fmt.Errorf("%s: %w", KeyTokenURL, err)
		}
	}
	c.hint = cmp.Or(mistake(KeyClientID, id), mistake(KeyClientSecret, secret))
	c.id = identity(string(KindClient), id, secret)
	c.fingerprint = sha256.Sum256(fmt.Appendf(nil, "%s:%s", id, secret))
	return c, nil
}

// At returns the credential for an endpoint. It sets the token URL of an OAuth2 client that has
// none to that of the endpoint's continent; an account of another continent needs a token URL of
// its own. The error is for a client without a token URL at an endpoint that is not one of
// OVHcloud's regional hosts. At does not change credentials of other kinds.
func (c Credential) At(endpoint string) (Credential, error) {
	if c.kind != KindClient || c.client.TokenURL != "" {
		return c, nil
	}
	if c.client.TokenURL = place.TokenURLFor(endpoint); c.client.TokenURL == "" {
		return Credential{}, fmt.Errorf("%s is missing; add it: only the regional hosts of OVHcloud have a default",
			KeyTokenURL)
	}
	return c, nil
}
