package provider

import (
	"crypto/sha256"
	"sync"
	"time"

	"ovhcloud-csi-provider/provider/auth"
	"ovhcloud-csi-provider/provider/okms"
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
}

type clientKey struct {
	domain     okms.Domain
	credential [sha256.Size]byte
}

type pooled struct {
	source
	used time.Time
}

// get finds or makes the client of a credential at a domain. A mount that still
// uses a client which is let go of here goes on undisturbed. The texts of the
// domain, its CA bundle above all, are the same memory for all who get it.
func (c *clients) get(domain okms.Domain, credential auth.Credential) (source, error) {
	key := clientKey{domain, credential.ID()}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if p := c.byKey[key]; p != nil {
		p.used = now
		return p.source, nil
	}
	c.sweep(now)
	client, err := okms.New(domain, okms.Login{Token: credential.Token(), Certificate: credential.Certificate()}, c.options)
	if err != nil {
		return source{}, err
	}
	p := &pooled{source: source{client: client, domain: domain, credential: key.credential}, used: now}
	c.byKey[key] = p
	return p.source, nil
}

// sweep lets go of idle clients, and of the longest unused if there are too many.
func (c *clients) sweep(now time.Time) {
	var oldest clientKey
	for key, p := range c.byKey {
		if now.Sub(p.used) > clientIdle {
			c.drop(key)
		} else if o := c.byKey[oldest]; o == nil || p.used.Before(o.used) {
			oldest = key
		}
	}
	if len(c.byKey) >= maxClients {
		c.drop(oldest)
	}
}

// sweepIdle lets go of idle clients only.
func (c *clients) sweepIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, p := range c.byKey {
		if c.now().Sub(p.used) > clientIdle {
			c.drop(key)
		}
	}
}

func (c *clients) drop(key clientKey) {
	c.byKey[key].client.Close()
	delete(c.byKey, key)
}

// close lets go of all.
func (c *clients) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.byKey {
		c.drop(key)
	}
}
