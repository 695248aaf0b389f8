// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"io/fs"
	"slices"
	"strings"

	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// spc is a SecretProviderClass that is made of an object.
type spc struct {
	*item
	namespace, name string
	above           comments // before the class
	notes           comments // within its parameters
	parameters      []parameter
	objects         []*object
	mirrors         []*mirror
	login           login // of its pods, unless it has a connection
}

// object is an entry of objects. Without members it is a comment only.
type object struct {
	of       *yamlnode.Node // of the source
	comments comments
	members  []member
	file     string   // the path of its file; "" if it makes several
	reads    []string // paths of secrets, and patterns for folders, as YAML
}

// mirror is an entry of secretObjects.
type mirror struct {
	of                  *yamlnode.Node
	comments            comments
	name, kind          string
	labels, annotations []member
	data                []keyed
}

// keyed is a key of a mirrored Secret, and the file that it is made of.
type keyed struct{ file, key string }

// list returns the objects as the text of the parameter. checked has only those that are no comments.
func list(objects []*object) (text string, checked []*object) {
	var w writer
	for _, o := range objects {
		w.comments(0, o.comments)
		prefix := "- "
		for _, m := range o.members {
			w.member(0, prefix, m)
			prefix = "  "
		}
		if len(o.members) > 0 {
			checked = append(checked, o)
		}
	}
	return w.String(), checked
}

// defaultMode is that of files whose object has none.
const defaultMode fs.FileMode = 0o644

// refused returns what the provider refuses of the class.
func (c *spc) refused(objects string) []failure.Failure {
	attributes := map[string]string{class.ParamObjects: objects}
	for _, p := range c.parameters {
		attributes[p.name] = p.value
	}
	given := class.Given{Credentials: c.options.Connection == "", Mode: defaultMode}
	_, wrong := class.Parse(attributes, given)
	return wrong.All()
}

// settle turns the objects that the provider would refuse into comments with its reasons, and takes
// keys without a file out of the mirrored Secrets. It reports whether there is a class left.
func (c *spc) settle() bool {
	for {
		text, checked := list(c.objects)
		wrong := c.refused(text)
		taken := false
		for _, f := range wrong {
			if f.Object >= 0 && f.Object < len(checked) && len(checked[f.Object].members) > 0 {
				o := checked[f.Object]
				c.lose(&o.comments, o.of, "%s: %s", lastPart(f.Where), f.What)
				o.members, o.file, taken = nil, "", true
			}
		}
		switch {
		case taken:
			continue
		case len(checked) == 0:
			c.lose(nil, nil, "%s: nothing of it can be a file; there is no class", c.title())
			return false
		case len(wrong) > 0:
			c.lose(&c.above, nil, "%s: %s", wrong[0].Where, wrong[0].What)
			return false
		}
		c.settleMirrors(checked)
		return true
	}
}

// lastPart returns a place within an object without the object's number, which nobody sees.
func lastPart(where string) string {
	if _, after, found := strings.Cut(where, "]."); found {
		return after
	}
	return "the object"
}

// settleMirrors takes out of secretObjects what the driver or Kubernetes would refuse.
func (c *spc) settleMirrors(objects []*object) {
	made, folder := map[string]bool{}, false
	for _, o := range objects {
		made[o.file] = true
		folder = folder || o.file == ""
	}
	for _, m := range c.mirrors {
		m.data = slices.DeleteFunc(m.data, func(k keyed) bool {
			lost := !made[k.file] && !folder
			if lost {
				c.lose(&m.comments, m.of, "the key %s of the Secret %s has no file", message.Name(k.key), message.Name(m.name))
			}
			return lost
		})
		for _, key := range lint.NeededKeys(m.kind) {
			has := func(k keyed) bool { return k.key == key }
			if len(m.data) > 0 && !slices.ContainsFunc(m.data, has) {
				c.lose(&m.comments, m.of,
					"Kubernetes refuses a Secret of the type %s without the key %s; the Secret %s is left out",
					m.kind, key, message.Name(m.name))
				m.data = nil
			}
		}
		if m.kind == lint.TypeTLS {
			m.data = slices.DeleteFunc(m.data, func(k keyed) bool {
				other := k.key != "tls.crt" && k.key != "tls.key"
				if other {
					c.lose(&m.comments, m.of,
						"the driver mirrors tls.crt and tls.key only to a Secret of the type %s; the key %s is left out",
						m.kind, message.Name(k.key))
				}
				return other
			})
		}
	}
}
