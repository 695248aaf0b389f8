// SPDX-License-Identifier: Apache-2.0

package config

import (
	"maps"
	"path/filepath"
	"slices"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// stated is the unparsed form of a connection in the file.
type stated struct {
	node  *yamlnode.Node
	where string // such as connections.default
	// fields are the nodes of its fields by name. texts are their values; the text is "" if the
	// value is not a single text.
	fields map[string]*yamlnode.Node
	texts  map[string]string
}

// at returns the node of a field, and that of the connection if the field is missing.
func (s stated) at(field string) *yamlnode.Node {
	if n := s.fields[field]; n != nil {
		return n
	}
	return s.node
}

// connection returns the connection of a node. It is incomplete if it has problems.
func (r *reader) connection(name string, n *yamlnode.Node) Connection {
	from := stated{node: n, where: "connections." + name, texts: map[string]string{}}
	from.fields = r.fields(n, from.where, append(place.Fields(), fieldDir, fieldMaxStale, fieldFallback, fieldAllow))
	s := Connection{Name: name}
	if !yamlnode.IsMap(n) {
		return s
	}
	for _, field := range slices.Sorted(maps.Keys(from.fields)) {
		if field == fieldAllow {
			continue
		}
		text, err := yamlnode.Scalar(from.fields[field])
		if err != nil {
			r.field(from.fields[field], from.where+"."+field, err)
		}
		from.texts[field] = text
	}
	s.Place = r.place(from)
	s.Dir = r.dir(from)
	s.Outage = r.outage(name, from)
	if allow := from.fields[fieldAllow]; allow != nil {
		s.Rules = r.rules(allow, from.where+"."+fieldAllow)
	} else {
		r.field(n, from.where+"."+fieldAllow,
			message.Missing("add at least one rule: without rules no pod may use the connection"))
	}
	return s
}

// place returns the domain of a connection. It returns the zero value if one of the fields is not
// a text: that is a problem already, and would make false problems of the other fields.
func (r *reader) place(s stated) place.Domain {
	for _, field := range place.Fields() {
		if s.fields[field] != nil && s.texts[field] == "" {
			return place.Domain{}
		}
	}
	p := place.Parse(s.texts, place.MaxBundleOfConnection,
		func(field string, err error) { r.field(s.at(field), s.where+"."+field, err) })
	if err := p.CheckScheme(); err != nil {
		r.field(s.at(place.FieldEndpoint), s.where+"."+place.FieldEndpoint, err)
	}
	return p
}

// dir returns the folder of the credential.
func (r *reader) dir(s stated) string {
	dir := s.texts[fieldDir]
	switch {
	case s.fields[fieldDir] == nil:
		r.field(s.node, s.where+"."+fieldDir, message.Missing("it is the folder with the files of the credential"))
	case dir != "" && (!filepath.IsAbs(dir) || filepath.Clean(dir) != dir):
		r.wrong(s.fields[fieldDir], s.where+"."+fieldDir, "%s is not a clean absolute path; "+
			"begin it with /, and drop . and .. segments and extra slashes", message.Quote(dir))
	}
	return dir
}
