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
	// TokenURL is where it gets access tokens. Empty until Credential.At.
	TokenURL string
}

// Successor returns the token endpoint that OVHcloud moves the client's to, "" if it moves
// to none.
func (c Client) Successor() string { return place.SuccessorOf(c.TokenURL) }

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

// At returns the credential for use at an endpoint. An OAuth2 client without a token URL
// gets that of the endpoint's continent, which is right for most: an account of another
// continent must state its own. It is an error if the endpoint is not one of OVHcloud's
// regional hosts. Credentials of other kinds are the same everywhere.
func (c Credential) At(endpoint string) (Credential, error) {
	if c.kind != KindClient || c.client.TokenURL != "" {
		return c, nil
	}
	if c.client.TokenURL = place.TokenURLFor(endpoint); c.client.TokenURL == "" {
		return Credential{}, fmt.Errorf("%s is missing; it has a default only for the regional hosts of OVHcloud", KeyTokenURL)
	}
	return c, nil
}
