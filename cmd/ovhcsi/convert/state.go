// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// external is an ExternalSecret while it is converted.
type external struct {
	*item
	stores  stores
	origins []origin // that the class uses
	class   *spc
	spec    *yamlnode.Node
	store   *store // that of secretStoreRef; nil if only the connection is known
	values  []noted
	bulk    []bulk
	objects []*object // of bulk, and comments
}

// noted is a value with the comments that belong to it.
type noted struct {
	value
	comments comments
}

// bulk is what makes files whose names are not known.
type bulk struct {
	remote
	advice string // how the names can be given
}

// findStore returns the store that a reference names. It returns nil and true if the store is not
// among the sources, but the connection is given.
func (e *external) findStore(ref *yamlnode.Node, where string) (s *store, ok bool) {
	key := storeKey{yamlnode.TextAt(ref, "kind"), e.class.namespace, yamlnode.TextAt(ref, "name")}
	key.kind = orDefault(key.kind, namespacedStore)
	if key.kind != namespacedStore {
		key.namespace = ""
	}
	s = e.stores[key]
	if s == nil && key.namespace != "" { // a store without a namespace has that of kubectl
		s = e.stores[storeKey{key.kind, "", key.name}]
	}
	byConnection := e.options.Connection != ""
	switch {
	case s == nil && byConnection:
		return nil, true
	case s == nil:
		e.lose(nil, ref,
			"%s: %s %s is not in these files; give its file too, or a connection: --connection NAME",
			where, message.Name(key.kind), message.Name(key.name))
		return nil, false
	case s.why != "" && !byConnection:
		e.lose(nil, ref, "%s: the secrets of %s %s are not in OKMS: %s", where, key.kind, message.Name(key.name), s.why)
		return nil, false
	case s.why != "":
		e.lose(&e.class.above, ref,
			"%s: the secrets of %s %s are not in OKMS yet: %s; the connection needs them at the same paths",
			where, key.kind, message.Name(key.name), s.why)
	}
	if s.why == "" {
		e.origins = append(e.origins, origin{s.item, s.domain, s.login, s.title()})
	}
	return s, true
}

// storeOf returns the store of an entry of data or dataFrom, which may have one of its own.
func (e *external) storeOf(entry *yamlnode.Node, notes *comments) (s *store, ok bool) {
	source := yamlnode.Field(entry, "sourceRef")
	if generator := yamlnode.Field(source, "generatorRef"); generator != nil {
		e.lose(notes, generator,
			"sourceRef.generatorRef: generators have no counterpart; store a value in Secret Manager instead")
		return nil, false
	}
	ref := yamlnode.Field(source, "storeRef")
	if ref == nil {
		return e.store, true
	}
	if s, ok = e.findStore(ref, "sourceRef.storeRef"); ok && s != e.store {
		e.lose(notes, ref, "sourceRef.storeRef: a second store needs a connection: add connection: NAME to the object")
		return nil, false
	}
	return s, ok
}
