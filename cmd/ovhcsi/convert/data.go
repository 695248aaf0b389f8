// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"slices"
	"strings"
	"unicode"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// encodings are our names of decoding strategies. "Auto" has none.
var encodings = map[string]string{"": "", "None": "", "Base64": "base64", "Base64URL": "base64url"}

// readRemote reads a remoteRef, or an extract. It returns false if there is no counterpart.
func (e *external) readRemote(n *yamlnode.Node, where string, s *store, notes *comments) (r remote, ok bool) {
	e.only(notes, n, where, "key", "property", "version", "decodingStrategy", "conversionStrategy",
		"metadataPolicy", "nullBytePolicy")
	r = remote{of: n, store: s, path: s.path(yamlnode.TextAt(n, "key")), property: yamlnode.TextAt(n, "property")}
	if policy := yamlnode.TextAt(n, "metadataPolicy"); policy != "" && policy != "None" {
		e.lose(notes, yamlnode.Field(n, "metadataPolicy"),
			"%s.metadataPolicy: the provider does not read metadata of secrets", where)
		return r, false
	}
	if r.path == "" {
		e.lose(notes, n, "%s.key is missing", where)
		return r, false
	}
	if version := yamlnode.TextAt(n, "version"); version != "" && version != "0" && version != "latest" {
		r.version = version
	}
	strategy := yamlnode.TextAt(n, "decodingStrategy")
	encoding, known := encodings[strategy]
	switch {
	case !known && strategy == "Auto":
		e.lose(notes, yamlnode.Field(n, "decodingStrategy"),
			"%s.decodingStrategy Auto: the file gets the value as it is stored; add encoding: base64 if it is", where)
	case !known:
		e.lose(notes, yamlnode.Field(n, "decodingStrategy"),
			"%s.decodingStrategy %s is unknown; valid are None, Base64, Base64URL and Auto", where, message.Name(strategy))
	}
	r.encoding = encoding
	if strategy := yamlnode.TextAt(n, "conversionStrategy"); strategy == "Unicode" && where != "remoteRef" {
		e.lose(notes, yamlnode.Field(n, "conversionStrategy"),
			"%s.conversionStrategy Unicode: files have the names of the keys as they are", where)
	}
	return r, true
}

// readData reads the entries of data.
func (e *external) readData(n *yamlnode.Node) {
	for number, entry := range yamlnode.Elements(n) {
		if number >= mostEntries {
			e.lose(&e.class.above, entry, "data has more than %d entries; split it", mostEntries)
			return
		}
		o := &object{of: entry}
		e.only(&o.comments, entry, "data", "secretKey", "remoteRef", "sourceRef")
		key := yamlnode.TextAt(entry, "secretKey")
		s, ok := e.storeOf(entry, &o.comments)
		if ok {
			var r remote
			if r, ok = e.readRemote(yamlnode.Field(entry, "remoteRef"), "remoteRef", s, &o.comments); ok && key != "" {
				e.add(value{key, r}, o.comments)
				continue
			}
		}
		if key == "" {
			e.lose(&o.comments, entry, "data.secretKey is missing")
		}
		e.objects = append(e.objects, o) // a comment
	}
}

// mostEntries bounds the entries of data and dataFrom: a class has fewer objects.
const mostEntries = 2000

// add adds a value of the Secret. It replaces an earlier one of the same key.
func (e *external) add(v value, notes comments) {
	e.values = slices.DeleteFunc(e.values, func(earlier noted) bool { return earlier.key == v.key })
	e.values = append(e.values, noted{v, notes})
}

// readFrom reads the entries of dataFrom.
func (e *external) readFrom(n *yamlnode.Node) {
	for number, entry := range yamlnode.Elements(n) {
		if number >= mostEntries {
			e.lose(&e.class.above, entry, "dataFrom has more than %d entries; split it", mostEntries)
			return
		}
		o := &object{of: entry}
		e.only(&o.comments, entry, "dataFrom", "extract", "find", "rewrite", "sourceRef")
		s, ok := e.storeOf(entry, &o.comments)
		switch extract, find := yamlnode.Field(entry, "extract"), yamlnode.Field(entry, "find"); {
		case !ok:
		case extract != nil:
			e.extract(extract, yamlnode.Field(entry, "rewrite"), s, o)
		case find != nil:
			e.find(find, yamlnode.Field(entry, "rewrite"), s, o)
		default:
			e.lose(&o.comments, entry, "dataFrom: neither extract nor find is given")
		}
		if len(o.comments) > 0 || len(o.members) > 0 {
			e.objects = append(e.objects, o)
		}
	}
}

// extract adds the keys of a secret: each by its name if these are given, otherwise all as they are.
func (e *external) extract(n, rewrite *yamlnode.Node, s *store, o *object) {
	r, ok := e.readRemote(n, "extract", s, &o.comments)
	if !ok {
		return
	}
	name := r.path
	if r.property != "" {
		name += "#" + r.property
	}
	keys, given := e.options.Keys[name]
	if given {
		e.extractKeys(r, keys, rewrite, o)
		return
	}
	advice := "give its keys: --keys " + shell(name+"=KEY,KEY")
	switch {
	case r.property != "":
		e.lose(&o.comments, n, "extract of the property %s: %s", message.Name(r.property), advice)
		return
	case len(yamlnode.Elements(rewrite)) > 0:
		e.lose(&o.comments, rewrite, "rewrite: files have the names of the keys; %s", advice)
	}
	o.members = []member{{"secretPath", scalar(r.path)}, {"allKeys", "true"}}
	if r.version != "" {
		o.members = append(o.members, member{"objectVersion", number(r.version)})
	}
	if r.encoding != "" {
		o.members = append(o.members, member{"encoding", r.encoding})
	}
	o.reads = []string{scalar(r.path)}
	e.bulk = append(e.bulk, bulk{r, advice})
}

// extractKeys adds the keys of a secret, or of a property of it, that are known.
func (e *external) extractKeys(r remote, keys []string, rewrite *yamlnode.Node, o *object) {
	for _, key := range keys {
		one := r
		switch {
		case r.property != "":
			one.property = r.property + "." + escapeKey(key)
		default:
			one.property = key
		}
		name, ok := e.rewritten(key, rewrite, &o.comments)
		if !ok {
			return
		}
		if rewrite == nil {
			name = convertKey(name)
		}
		e.add(value{name, one}, nil)
	}
}

// special are the signs that have a meaning in a path into JSON.
const special = `\.|#@*?!{}[]()=<>%"`

// escapeKey returns a key as a part of a path into JSON.
func escapeKey(key string) string {
	var b strings.Builder
	for _, r := range key {
		if strings.ContainsRune(special, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// convertKey returns the key of a Secret for a key of a secret, as ESO's conversion strategy Default.
func convertKey(key string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) || strings.ContainsRune("-._", r) {
			return r
		}
		return '_'
	}, key)
}
