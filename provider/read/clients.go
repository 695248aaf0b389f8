package read

import (
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"sync"
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

// clientIdle is how long a client that nobody asks for is kept. Kubelet asks for each
// volume about once a minute.
const clientIdle = 10 * time.Minute

// What a client takes, in bytes: with its pool of connections, and with a CA bundle the
// authorities of the system once more, and the bundle's in their decoded form. Measured.
const (
	perClient  = 4 << 10
	perBundle  = 36 << 10
	perBundled = 5 // of each byte of the bundle
)

// clientTakes is how many bytes the client of a domain takes.
func clientTakes(d place.Domain) int64 {
	if d.CABundle == "" {
		return perClient
	}
	return perClient + perBundle + perBundled*int64(len(d.CABundle))
}

// errNoClient says that there is no room for a further client.
var errNoClient = errors.New("the mounts of this node use too many credentials at once")

// clients keeps one okms.Client, and so its connections, for each credential and
// domain in use.
type clients struct {
	options okms.Options
	now     func() time.Time
	budget  *budget.Budget

	mu    sync.Mutex
	byKey map[clientKey]*pooled
	// current is the client that each connection of the provider used last.
	current map[string]clientKey
	ended   []*pooled // to be closed by unlock
}

type clientKey struct {
	domain     place.Domain
	credential [sha256.Size]byte
}

type pooled struct {
	source
	tokens *oauth.Tokens // nil unless the credential is an OAuth2 client
	used   time.Time
	users  int  // mounts and reads that use it now
	gone   bool // from the pool: the last user closes it
	// account holds what it takes of the part of the namespace that it was made for; nil
	// for a connection's client, which are few and whose bundles are trusted.
	account *budget.Account
}

// get finds or makes the client of an origin, for a mount of a namespace. release must be
// called at the end of the mount. Evicting a client does not interrupt the mounts that use
// it; the last one closes it. All who get it share the texts of its domain, so that keys
// of the cache hold one copy of a CA bundle and not one for each mount.
func (c *clients) get(o plan.Origin, namespace string) (from source, release func(), err error) {
	key := clientKey{o.Domain, o.Credential.ID()}
	c.mu.Lock()
	defer c.unlock()
	p := c.byKey[key]
	if p == nil {
		account := c.budget.Open(namespace)
		if o.Connection == "" && !c.makeRoom(account, clientTakes(o.Domain)) {
			return source{}, nil, errNoClient
		}
		if p, err = c.open(o); err != nil {
			account.Close()
			return source{}, nil, err
		}
		p.account = account
		c.byKey[key] = p
	}
	c.replace(o.Connection, key)
	p.used = c.now()
	p.users++
	from = p.source
	from.hold = func() func() { return c.hold(p) }
	return from, func() { c.release(p) }, nil
}

// open makes the client of an origin.
func (c *clients) open(o plan.Origin) (*pooled, error) {
	p := &pooled{source: source{domain: o.Domain, credential: o.Credential.ID()}}
	login := okms.Login{Token: o.Credential.Token(), Certificate: o.Credential.Certificate()}
	if o.Credential.Kind() == credential.KindClient {
		roots, err := okms.Roots(o.Domain.CABundle)
		if err != nil {
			return nil, err
		}
		p.tokens = oauth.New(o.Credential.Client(), roots, c.options.Conns.Dial, c.now, func(status int, took time.Duration, failed *oauth.Error) {
			call := okms.Call{API: "oauth2", Operation: "token", Host: p.tokens.Host(), Status: status, Took: took}
			if failed != nil {
				call.Kind = tokenFailure(failed).Kind
			}
			if c.options.Observe != nil {
				c.options.Observe(call)
			}
		})
		login.Hidden = []sensitive.Bytes{o.Credential.Client().Secret}
		login.Tokens = func(ctx context.Context, refused sensitive.Bytes) (sensitive.Bytes, error) {
			token, err := p.tokens.Token(ctx, refused)
			if err != nil {
				return token, tokenFailure(err)
			}
			return token, nil
		}
	}
	var err error
	p.client, err = okms.New(o.Domain, login, c.options)
	return p, err
}

// tokenFailure is a failure of the token endpoint as one of a read.
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
		c.end(p)
	}
}

// sweep evicts idle clients.
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

// makeRoom takes room for a further client. Where there is none, it evicts clients that
// no mount uses, of the namespace that holds the most, the longest unused first: one that
// brings any number of credentials so evicts its own. Those of connections stay.
func (c *clients) makeRoom(account *budget.Account, n int64) (ok bool) {
	for !account.Take(budget.Clients, n) {
		victim, found := c.victim()
		if !found {
			return false
		}
		c.drop(victim)
	}
	return true
}

// victim is the longest unused client of the namespace that holds the most of those
// that no mount uses.
func (c *clients) victim() (victim clientKey, found bool) {
	held := map[string]int64{}
	idle := func(key clientKey, p *pooled) bool {
		return p.users == 0 && p.account.Held(budget.Clients) > 0 && !c.isCurrent(key)
	}
	for key, p := range c.byKey {
		if idle(key, p) {
			held[p.account.Namespace()] += p.account.Held(budget.Clients)
		}
	}
	for key, p := range c.byKey {
		if !idle(key, p) {
			continue
		}
		before := c.byKey[victim]
		more := before == nil || held[p.account.Namespace()] > held[before.account.Namespace()]
		same := before != nil && p.account.Namespace() == before.account.Namespace()
		if more || same && p.used.Before(before.used) {
			victim, found = key, true
		}
	}
	return victim, found
}

// isCurrent says whether a connection used a client last.
func (c *clients) isCurrent(key clientKey) bool {
	for _, current := range c.current {
		if current == key {
			return true
		}
	}
	return false
}

// end has a client closed that nobody uses and nobody finds any more. c.mu is held.
func (c *clients) end(p *pooled) {
	c.ended = append(c.ended, p)
	p.account.Close()
}

func (c *clients) drop(key clientKey) {
	p := c.byKey[key]
	p.gone = true
	if p.users == 0 {
		c.end(p)
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
