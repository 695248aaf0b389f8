package pool

import "ovhcloud-csi-provider/provider/budget"

// makeRoom takes room for another client. If there is none, it evicts unused clients of the
// namespace that holds the most, the least recently used first. A namespace that brings any
// number of credentials thus evicts its own. Clients of connections stay.
func (p *Pool) makeRoom(account *budget.Account, n int64) (ok bool) {
	for !account.Take(budget.Clients, n) {
		victim, found := p.victim()
		if !found {
			return false
		}
		p.evict(victim)
	}
	return true
}

// victim returns the least recently used client of the namespace that holds the most of the
// unused clients.
func (p *Pool) victim() (victim key, found bool) {
	held := map[string]int64{}
	unused := func(k key, c *client) bool {
		return c.leases == 0 && c.account.Held(budget.Clients) > 0 && !p.isCurrent(k)
	}
	for k, c := range p.byKey {
		if unused(k, c) {
			held[c.account.Namespace()] += c.account.Held(budget.Clients)
		}
	}
	for k, c := range p.byKey {
		if !unused(k, c) {
			continue
		}
		before := p.byKey[victim]
		more := before == nil || held[c.account.Namespace()] > held[before.account.Namespace()]
		same := before != nil && c.account.Namespace() == before.account.Namespace()
		if more || same && c.used.Before(before.used) {
			victim, found = k, true
		}
	}
	return victim, found
}

// isCurrent reports whether a connection used a client last.
func (p *Pool) isCurrent(k key) bool {
	for _, current := range p.current {
		if current == k {
			return true
		}
	}
	return false
}
