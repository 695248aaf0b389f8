// SPDX-License-Identifier: Apache-2.0

package pace

import (
	"container/list"
	"crypto/sha256"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/place"
)

// Limits on what is remembered, over the whole node: a pod chooses its okmsId and its
// credential freely.
const (
	mostDomains   = 1024 // unless more are being read from
	mostHistories = 4096 // of all domains together
)

// forgotten is how long an unused domain, and a failure, is remembered.
const forgotten = 10 * time.Minute

// domain is what is known about one OKMS domain. Pace.mu guards all but room.
type domain struct {
	of   place.Domain // as siteOf returns it
	room *room
	// asking is how many calls of Do are in progress. If there are none, the domain is in
	// Pace.idle at idle, since used.
	asking int
	idle   *list.Element
	used   time.Time
	// retries is the retry budget of all, namespaces that of each namespace.
	retries    bucket
	namespaces map[string]*bucket
	histories  map[[sha256.Size]byte]*history // by credential
}

// history is what followed from the failures of one credential's reads of one domain.
type history struct {
	domain     *domain
	credential [sha256.Size]byte
	since      time.Time // when the last failure was
	place      *list.Element
	breakers   breakers
	retries    bucket
}

// siteOf returns a domain without its CA bundle and its API. They do not make other domains: a pod
// may choose both, but not how often OKMS is asked.
func siteOf(d place.Domain) place.Domain { return place.Domain{Endpoint: d.Endpoint, ID: d.ID} }

// arrive returns the domain, which it makes if needed, and counts a call of Do in it.
func (p *Pace) arrive(of place.Domain) *domain {
	of = siteOf(of)
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.domains[of]
	if d == nil {
		d = p.newDomain(of)
	}
	if d.asking++; d.idle != nil {
		p.idle.Remove(d.idle)
		d.idle = nil
	}
	return d
}

// newDomain adds a domain. If there are too many, the one that has been idle for the
// longest time is evicted.
func (p *Pace) newDomain(of place.Domain) *domain {
	if longest := p.idle.Front(); longest != nil && len(p.domains) >= mostDomains {
		p.forget(longest.Value.(*domain))
	}
	// The texts may be small parts of large ones, which they would keep in memory.
	of.Endpoint, of.ID = strings.Clone(of.Endpoint), strings.Clone(of.ID)
	d := &domain{of: of, room: newRoom(p.reads),
		namespaces: map[string]*bucket{}, histories: map[[sha256.Size]byte]*history{}}
	p.domains[of] = d
	return d
}

// depart ends what arrive began.
func (p *Pace) depart(d *domain) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d.asking--; d.asking > 0 {
		return
	}
	d.idle, d.used = p.idle.PushBack(d), p.now()
	if len(p.domains) > mostDomains { // no idle one could be evicted
		p.forget(d)
	}
}

// forget drops an idle domain and all that is known about it.
func (p *Pace) forget(d *domain) {
	for _, h := range d.histories {
		p.drop(h)
	}
	p.idle.Remove(d.idle)
	delete(p.domains, d.of)
}

// history returns the history of a credential in a domain for a new failure, and makes it
// if needed. If there are too many, the one with the oldest last failure is evicted.
func (p *Pace) history(d *domain, credential [sha256.Size]byte, now time.Time) *history {
	h := d.histories[credential]
	if h == nil {
		if p.histories.Len() >= mostHistories {
			p.drop(p.histories.Front().Value.(*history))
		}
		h = &history{domain: d, credential: credential}
		h.place = p.histories.PushBack(h)
		d.histories[credential] = h
	}
	h.since = now
	p.histories.MoveToBack(h.place)
	return h
}

func (p *Pace) drop(h *history) {
	p.histories.Remove(h.place)
	delete(h.domain.histories, h.credential)
}

// Breakers returns how many circuit breakers are open, and how many are half-open. The others are
// closed.
func (p *Pace) Breakers() (opened, halfOpened int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for place := p.histories.Front(); place != nil; place = place.Next() {
		for _, b := range place.Value.(*history).breakers {
			switch {
			case b == nil || b.state == closed:
			case b.state == open:
				opened++
			default:
				halfOpened++
			}
		}
	}
	return opened, halfOpened
}

// over reports whether nothing follows from the history any more.
func (h *history) over(now time.Time) bool {
	return h.breakers == breakers{} && h.retries.left(ofCredential, now) == ofCredential.most
}

// breakersOf returns the circuit breakers of a credential in a domain.
func (d *domain) breakersOf(credential [sha256.Size]byte) breakers {
	if h := d.histories[credential]; h != nil {
		return h.breakers
	}
	return breakers{}
}

// Sweep drops unused domains, and failures from which nothing follows any more. The owner
// calls it every few seconds.
func (p *Pace) Sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for _, d := range p.domains {
		for _, h := range d.histories {
			if h.over(now) || now.Sub(h.since) > forgotten {
				p.drop(h)
			}
		}
		for name, b := range d.namespaces {
			if b.left(ofNamespace, now) == ofNamespace.most {
				delete(d.namespaces, name)
			}
		}
		if d.asking == 0 && now.Sub(d.used) > forgotten {
			p.forget(d)
		}
	}
}
