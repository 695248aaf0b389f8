// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"cmp"
	"crypto/sha256"
	"slices"
)

// site is an OKMS domain without its CA bundle. A refusal there counts for all classes,
// whatever caBundle they have.
type site struct{ endpoint, id string }

func (k Key) site() site { return site{k.Domain.Endpoint, k.Domain.ID} }

// keyed is what an index holds: pointers to something that has a key.
type keyed interface {
	comparable
	keyed() Key
}

// index finds items by key, and also all items of a credential, of a credential in a site,
// and of a path there, without a look at any others: a refusal would otherwise delay every
// read of the node.
type index[T keyed] struct {
	holders map[[sha256.Size]byte]map[site]shelf[T]
	shelves int
}

// shelf is the items of one credential in one site, by path. The items of a path are
// ordered by compare. No path and no shelf is empty.
type shelf[T keyed] map[string][]T

func newIndex[T keyed]() index[T] {
	return index[T]{holders: map[[sha256.Size]byte]map[site]shelf[T]{}}
}

// compare orders keys of one credential, site and path.
func compare(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Ref.What, b.Ref.What), cmp.Compare(a.Ref.Version, b.Ref.Version),
		cmp.Compare(a.Domain.CABundle, b.Domain.CABundle), cmp.Compare(a.Domain.API, b.Domain.API))
}

func position[T keyed](items []T, k Key) (at int, found bool) {
	return slices.BinarySearchFunc(items, k, func(item T, k Key) int { return compare(item.keyed(), k) })
}

// find returns the item of a key, nil if there is none.
func (x *index[T]) find(k Key) (found T) {
	items := x.holders[k.Credential][k.site()][k.Ref.Path]
	if at, ok := position(items, k); ok {
		return items[at]
	}
	return found
}

// add adds an item. There must be none with its key.
func (x *index[T]) add(item T) {
	k := item.keyed()
	sites := x.holders[k.Credential]
	if sites == nil {
		sites = map[site]shelf[T]{}
		x.holders[k.Credential] = sites
	}
	s := sites[k.site()]
	if s == nil {
		s = shelf[T]{}
		sites[k.site()] = s
		x.shelves++
	}
	at, _ := position(s[k.Ref.Path], k)
	s[k.Ref.Path] = slices.Insert(s[k.Ref.Path], at, item)
}

// remove drops the item of a key, if there is one.
func (x *index[T]) remove(k Key) {
	sites := x.holders[k.Credential]
	s := sites[k.site()]
	at, ok := position(s[k.Ref.Path], k)
	if !ok {
		return
	}
	if s[k.Ref.Path] = slices.Delete(s[k.Ref.Path], at, at+1); len(s[k.Ref.Path]) > 0 {
		return
	}
	if delete(s, k.Ref.Path); len(s) > 0 {
		return
	}
	x.shelves--
	if delete(sites, k.site()); len(sites) > 0 {
		return
	}
	if delete(x.holders, k.Credential); len(x.holders) == 0 {
		*x = newIndex[T]() // a map never shrinks
	}
}

// scope says which of a credential's items a refusal is about.
type scope int

const (
	allOfCredential scope = iota // in all sites
	allOfDomain
	allOfPath
)

// within returns what has the credential of a key and, as far as the scope says, its
// site and path.
func (x *index[T]) within(s scope, k Key) (all []T) {
	switch s {
	case allOfCredential:
		for _, in := range x.holders[k.Credential] {
			all = in.appendTo(all)
		}
	case allOfDomain:
		all = x.holders[k.Credential][k.site()].appendTo(nil)
	case allOfPath:
		all = slices.Clone(x.holders[k.Credential][k.site()][k.Ref.Path])
	}
	return all
}

func (s shelf[T]) appendTo(all []T) []T {
	for _, items := range s {
		all = append(all, items...)
	}
	return all
}
