// SPDX-License-Identifier: Apache-2.0

package pool

import "ovhcloud-csi-provider/provider/budget"

// makeRoom takes n bytes of the budget for another client. If the budget is used up, it evicts
// unused clients of the namespace that holds the most, the least recently used first. A
// namespace with too many credentials therefore evicts its own clients. Clients of connections
// are never evicted. ok is false if nothing is left to evict. p.mu is held.
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

// victim returns the client to evict: the least recently used of the namespace whose unused
// clients hold the most memory. found is false if all clients are in use. p.mu is held.
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

// isCurrent reports whether a client is the current one of a connection. p.mu is held.
func (p *Pool) isCurrent(k key) bool {
	for _, current := range p.current {
		if current == k {
			return true
		}
	}
	return false
}
