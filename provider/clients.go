package provider

import (
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"ovhcloud-csi-provider/provider/auth"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/sensitive"
)

// How long a client that nobody asks for is kept, and how many there are at the
// most. Kubelet asks for each volume about once a minute.
const (
	clientIdle = 10 * time.Minute
	maxClients = 256
)

// clients keeps one okms.Client, and so its connections, for each credential and
// domain in use.
type clients struct {
	options okms.Options
	now     func() time.Time

	mu    sync.Mutex
	byKey map[clientKey]*pooled
	// current is the client that each connection of the provider used last.
	current map[string]clientKey
	ended   []*pooled // to be closed by unlock
}

type clientKey struct {
	domain     okms.Domain
	credential [sha256.Size]byte
}

type pooled struct {
	source
	tokens *auth.Tokens // nil unless the credential is an OAuth2 client
	used   time.Time
	users  int  // mounts and reads that use it now
	gone   bool // from the pool: the last user closes it
}

// get finds or makes the client of an origin. release must be called at the end of
// the mount. A mount that still uses a client which is let go of goes on
// undisturbed, and its connections are closed when it ends. All who
// get it share the texts of its domain, so that keys of the cache hold one copy of a
// CA bundle and not one for each mount.
func (c *clients) get(o origin) (from source, release func(), err error) {
	key := clientKey{o.domain, o.credential.ID()}
	c.mu.Lock()
	defer c.unlock()
	now := c.now()
	p := c.byKey[key]
	if p == nil {
		c.makeRoom()
		if p, err = c.open(o); err != nil {
			return source{}, nil, err
		}
		c.byKey[key] = p
	}
	c.replace(o.connection, key)
	p.used = now
	p.users++
	from = p.source
	from.hold = func() func() { return c.hold(p) }
	return from, func() { c.release(p) }, nil
}

// open makes the client of an origin.
func (c *clients) open(o origin) (*pooled, error) {
	p := &pooled{source: source{domain: o.domain, credential: o.credential.ID()}}
	login := okms.Login{Token: o.credential.Token(), Certificate: o.credential.Certificate()}
	if o.credential.Kind() == auth.KindClient {
		roots, err := okms.Roots(o.domain.CABundle)
		if err != nil {
			return nil, err
		}
		p.tokens = auth.NewTokens(o.credential.Client(), roots, c.now, func(status int, took time.Duration, failed *auth.TokenError) {
			call := okms.Call{API: "oauth2", Operation: "token", Host: p.tokens.Host(), Status: status, Took: took}
			if failed != nil {
				call.Kind = tokenFailure(failed).Kind
			}
			if c.options.Observe != nil {
				c.options.Observe(call)
			}
		})
		login.Tokens = func(ctx context.Context, refused sensitive.Bytes) (sensitive.Bytes, error) {
			token, err := p.tokens.Token(ctx, refused)
			if err != nil {
				return token, tokenFailure(err)
			}
			return token, nil
		}
	}
	var err error
	p.client, err = okms.New(o.domain, login, c.options)
	return p, err
}

// tokenFailure is a failure of the token endpoint as one of a read.
func tokenFailure(err error) *okms.Error {
	failed := &okms.Error{Kind: okms.TokenFailing, Text: err.Error()}
	var of *auth.TokenError
	if errors.As(err, &of) {
		failed.Status = of.Status
		if of.Refused {
			failed.Kind = okms.ClientRefused
		}
	}
	return failed
}

// close lets go of the client's connections and tokens, and waits for an exchange
// under way to end.
func (p *pooled) close() {
	if p.tokens != nil {
		p.tokens.Close()
	}
	p.client.Close()
}

// unlock closes what was let go of, but not under the lock: nobody waits for that.
func (c *clients) unlock() {
	ended := c.ended
	c.ended = nil
	c.mu.Unlock()
	for _, p := range ended {
		p.close()
	}
}

// replace lets go of the client that a connection used before its credential or
// place changed, unless another connection uses it. A mount that brings the same
// credential makes it anew.
func (c *clients) replace(connection string, key clientKey) {
	if connection == "" {
		return
	}
	before, known := c.current[connection]
	c.current[connection] = key
	if known && before != key && c.byKey[before] != nil && !slices.Contains(slices.Collect(maps.Values(c.current)), before) {
		c.drop(before)
	}
}

// hold adds a user; the returned function takes it away.
func (c *clients) hold(p *pooled) (release func()) {
	c.mu.Lock()
	defer c.unlock()
	p.users++
	return func() { c.release(p) }
}

func (c *clients) release(p *pooled) {
	c.mu.Lock()
	defer c.unlock()
	if p.users--; p.users == 0 && p.gone {
		c.ended = append(c.ended, p)
	}
}

// sweep lets go of idle clients.
func (c *clients) sweep() {
	c.mu.Lock()
	defer c.unlock()
	now := c.now()
	for key, p := range c.byKey {
		if now.Sub(p.used) > clientIdle {
			c.drop(key)
		}
	}
}

// makeRoom lets go of the longest unused client if there are too many. Those of
// connections, which are few, stay: a pod may bring any number of credentials.
func (c *clients) makeRoom() {
	if len(c.byKey)-len(c.current) < maxClients {
		return
	}
	held := map[clientKey]bool{}
	for _, key := range c.current {
		held[key] = true
	}
	var oldest clientKey
	for key, p := range c.byKey {
		if o := c.byKey[oldest]; !held[key] && (o == nil || p.used.Before(o.used)) {
			oldest = key
		}
	}
	if c.byKey[oldest] != nil {
		c.drop(oldest)
	}
}

func (c *clients) drop(key clientKey) {
	p := c.byKey[key]
	p.gone = true
	if p.users == 0 {
		c.ended = append(c.ended, p)
	}
	delete(c.byKey, key)
}

// close lets go of all.
func (c *clients) close() {
	c.mu.Lock()
	defer c.unlock()
	for key := range c.byKey {
		c.drop(key)
	}
}
