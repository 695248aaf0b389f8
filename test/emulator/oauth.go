// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// TokenPath is the path of the token endpoint of OVHcloud's OAuth2 clients. The live service has it
// on another host than OKMS. Every Server of the emulator serves both, so a second Server can act
// as the other host.
const TokenPath = "/auth/oauth2/token"

// NewTokenPath is its path on the hosts that OVHcloud moves its token endpoints to,
// auth.eu.ovhcloud.com and auth.ca.ovhcloud.com (source: pull requests of its SDKs).
const NewTokenPath = "/oauth2/token"

// tokenLife is the lifetime of an access token (seen on the live service: expires_in 3599).
const tokenLife = 3599 * time.Second

// operationToken is the operation of a request to the token endpoint in the journal.
const operationToken = "oauth2/token"

// oauthClient is a service account.
type oauthClient struct {
	secret   string
	identity Identity
	issued   []string // access tokens that may still be valid
}

// AddClient adds a service account: an OAuth2 client whose access tokens have the identity. An
// existing client gets the new secret and identity; its earlier tokens stay valid. It fails for an
// id or a secret that is not valid in a file of one line, or an unknown action.
func (e *Emulator) AddClient(id, secret string, identity Identity) error {
	if checkToken(id) != nil || checkToken(secret) != nil {
		return errors.New("client id and secret must be printable ASCII without spaces, and not empty")
	}
	identity, err := identity.normalised()
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	client := &oauthClient{secret: secret, identity: identity}
	if before := e.iam.clients[id]; before != nil {
		client.issued = before.issued
	}
	e.iam.clients[id] = client
	return nil
}

// RevokeAccessTokens makes the access tokens of a client invalid immediately. The client can request
// new ones. It does nothing for an unknown client.
func (e *Emulator) RevokeAccessTokens(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if client := e.iam.clients[id]; client != nil {
		for _, token := range client.issued {
			delete(e.iam.tokens, token)
		}
		client.issued = nil
	}
}

// issueToken returns the answer of the token endpoint (RFC 6749, section 4.4). The caller holds
// e.mu. The status and error of an invalid scope were seen on the live service; the others follow
// the RFC.
func (c *call) issueToken() answer {
	c.operation = operationToken
	form, err := url.ParseQuery(string(c.body))
	if c.method != http.MethodPost {
		return oauthError(http.StatusMethodNotAllowed, "invalid_request")
	}
	if err != nil || form.Get("grant_type") == "" {
		return oauthError(http.StatusBadRequest, "invalid_request")
	}
	if form.Get("grant_type") != "client_credentials" {
		return oauthError(http.StatusBadRequest, "unsupported_grant_type")
	}
	client := c.e.iam.clients[form.Get("client_id")]
	if client == nil || subtle.ConstantTimeCompare([]byte(client.secret), []byte(form.Get("client_secret"))) == 0 {
		return oauthError(http.StatusUnauthorized, "invalid_client")
	}
	c.who = principal{identity: client.identity}
	if form.Get("scope") != "all" {
		return oauthError(http.StatusBadRequest, "invalid_scope")
	}
	token := "oauth2." + rand.Text()
	identity := client.identity
	identity.Expires = c.now.Add(tokenLife)
	c.e.iam.tokens[token] = grant{identity: identity, since: c.now.Add(c.e.switches.IAMDelay)}
	c.forgetExpired(client)
	client.issued = append(client.issued, token)
	return answer{status: http.StatusOK, header: http.Header{"Cache-Control": {"no-store"}}, body: marshal(map[string]any{
		"access_token": token, "token_type": "Bearer", "expires_in": int(tokenLife / time.Second), "scope": "all"})}
}

// forgetExpired drops the client's tokens that are no longer valid.
func (c *call) forgetExpired(client *oauthClient) {
	var good []string
	for _, token := range client.issued {
		if g, known := c.e.iam.tokens[token]; known && c.now.Before(g.identity.Expires) {
			good = append(good, token)
		} else {
			delete(c.e.iam.tokens, token)
		}
	}
	client.issued = good
}

func oauthError(status int, code string) answer {
	return answer{status: status, body: marshal(map[string]string{"error": code})}
}
