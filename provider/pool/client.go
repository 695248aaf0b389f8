// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/oauth"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/sensitive"
)

// client is an okms.Client with its state in the pool.
type client struct {
	okms       *okms.Client
	domain     place.Domain
	credential [sha256.Size]byte
	tokens     *oauth.Tokens // nil unless the credential is an OAuth2 client

	// The pool's mutex guards the fields below.
	used    time.Time
	leases  int
	evicted bool // the last lease closes the client
	// account holds the client's memory on behalf of the namespace that the client was created
	// for. It is empty for a connection's client: there are few, and their bundles are trusted.
	account *budget.Account
}

// Memory of a client in bytes, measured. A client with a CA bundle has its own copy of the
// system's authorities and of the bundle's, decoded.
const (
	perClient     = 4 << 10 // with its pool of connections
	perBundle     = 36 << 10
	perBundleByte = 5 // for each byte of the bundle
)

// takes returns the memory of a domain's client in bytes.
func takes(d place.Domain) int64 {
	if d.CABundle == "" {
		return perClient
	}
	return perClient + perBundle + perBundleByte*int64(len(d.CABundle))
}

// Open returns a client of an origin outside of any pool. The caller calls close. The error is
// for a CA bundle without a certificate.
func Open(o plan.Origin, options okms.Options) (c *okms.Client, close func(), err error) {
	one, err := open(o, options, time.Now)
	if err != nil {
		return nil, nil, err
	}
	return one.okms, one.close, nil
}

// open returns a client of an origin that no pool has yet. now is the clock of its tokens.
func open(o plan.Origin, options okms.Options, now func() time.Time) (*client, error) {
	c := &client{domain: o.Domain, credential: o.Credential.ID()}
	login := okms.Login{Token: o.Credential.Token(), Certificate: o.Credential.Certificate()}
	if o.Credential.Kind() == credential.KindClient {
		roots, err := okms.Roots(o.Domain.CABundle)
		if err != nil {
			return nil, err
		}
		c.tokens = oauth.New(o.Credential.Client(), roots, options.Conns.Dial, now,
			func(status int, took time.Duration, failed *oauth.Error) {
				call := okms.Call{API: "oauth2", Operation: "token", Host: c.tokens.Host(), Status: status, Took: took}
				if failed != nil {
					call.Kind = tokenFailure(failed).Kind
				}
				if options.Observe != nil {
					options.Observe(context.Background(), call)
				}
			})
		login.Hidden = []sensitive.Bytes{o.Credential.Client().Secret}
		login.Tokens = func(ctx context.Context, refused sensitive.Bytes) (sensitive.Bytes, error) {
			token, err := c.tokens.Token(ctx, refused)
			if err != nil {
				return token, tokenFailure(err)
			}
			return token, nil
		}
	}
	var err error
	c.okms, err = okms.New(o.Domain, login, options)
	return c, err
}

// tokenFailure returns a failure of the token endpoint as a failure of a read.
func tokenFailure(err error) *okms.Error {
	failed := &okms.Error{Kind: failure.TokenFailing, Text: err.Error()}
	var of *oauth.Error
	if errors.As(err, &of) {
		failed.Status, failed.Cause = of.Status, of.Cause
		switch {
		case of.Refused:
			failed.Kind = failure.ClientRefused
		case of.NodeFull:
			failed.Kind, failed.Text = failure.NodeFull, of.Text
		}
	}
	return failed
}

// close closes the client's connections and tokens, and waits for an exchange in progress to
// end.
func (c *client) close() {
	if c.tokens != nil {
		c.tokens.Close()
	}
	c.okms.Close()
}
