// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// TypeTLS is the type of Secrets whose data the driver takes apart.
const TypeTLS = "kubernetes.io/tls"

// needed are the keys that Kubernetes wants in a Secret, by its type.
var needed = map[string]string{
	TypeTLS:                          "tls.crt tls.key",
	"kubernetes.io/dockerconfigjson": ".dockerconfigjson",
	"kubernetes.io/dockercfg":        ".dockercfg",
	"kubernetes.io/ssh-auth":         "ssh-privatekey",
}

// NeededKeys returns the keys that Kubernetes wants in a Secret of a type; none for other types.
func NeededKeys(kind string) []string { return strings.Fields(needed[kind]) }

// checkMirror checks the Secrets that the driver makes of files.
func (l *linter) checkMirror(c *spc) {
	names := map[string]bool{}
	for _, mirrored := range yamlnode.Elements(c.at("spec", "secretObjects")) {
		for _, name := range []string{"secretName", "type"} {
			if strings.TrimSpace(yamlnode.TextAt(mirrored, name)) == "" {
				l.find(incomplete, c.object, mirrored, "%s is missing; the driver makes no Secret without it", name)
			}
		}
		if name := yamlnode.TextAt(mirrored, "secretName"); name != "" && names[name] {
			l.find(incomplete, c.object, yamlnode.Field(mirrored, "secretName"),
				"Secret %s is given twice; put its data into one entry", message.Quote(name))
		} else {
			names[name] = true
		}
		data := yamlnode.Elements(yamlnode.Field(mirrored, "data"))
		if len(data) == 0 {
			l.find(incomplete, c.object, mirrored, "data is missing; it lists the files and their keys in the Secret")
			continue
		}
		l.checkData(c, mirrored, data)
	}
}

// checkData checks the keys of a Secret, and the files that they are made of.
func (l *linter) checkData(c *spc, mirrored *yamlnode.Node, data []*yamlnode.Node) {
	kind, keys := yamlnode.TextAt(mirrored, "type"), map[string]bool{}
	for _, one := range data {
		key, file := yamlnode.TextAt(one, "key"), yamlnode.Field(one, "objectName")
		switch {
		case strings.TrimSpace(key) == "":
			l.find(incomplete, c.object, one, "key is missing; it names the data in the Secret")
		case keys[key]:
			l.find(incomplete, c.object, yamlnode.Field(one, "key"), "key %s is given twice", message.Quote(key))
		case kind == TypeTLS && key != "tls.crt" && key != "tls.key":
			l.find(wrongType, c.object, yamlnode.Field(one, "key"),
				"the driver mirrors tls.crt and tls.key only to a Secret of the type %s, not %s; set the type Opaque, or a "+
					"Secret of its own", kind, message.Quote(key))
		}
		keys[key] = true
		if file == nil || strings.TrimSpace(file.Value) == "" {
			l.find(incomplete, c.object, one, "objectName is missing; it names the file in the volume")
			continue
		}
		l.checkFile(c, file, kind)
	}
	lacking := slices.DeleteFunc(NeededKeys(kind), func(key string) bool { return keys[key] })
	if len(lacking) > 0 {
		l.find(wrongType, c.object, mirrored, "Kubernetes refuses a Secret of the type %s without %s", kind,
			strings.Join(lacking, " and "))
	}
}

// checkFile checks one file that secretObjects names.
func (l *linter) checkFile(c *spc, named *yamlnode.Node, kind string) {
	var files []string
	path := strings.TrimSpace(named.Value)
	for _, o := range c.said.Objects {
		file := o.File()
		switch {
		case o.IsFolder() && (file == "" || strings.HasPrefix(path, file+"/")):
			return // which files it makes is only known to the store
		case file == path && o.Optional:
			l.find(optionalFile, c.object, named,
				"objects[%d] is optional: while its secret does not exist, the driver mirrors nothing of this Secret; give an "+
					"optional file a Secret of its own", o.Number)
		case file == path && kind == TypeTLS && o.Output() == class.Whole:
			l.find(wrongType, c.object, named,
				"objects[%d] is a whole secret as JSON, of which the driver makes no certificate; give it secretKey, or use "+
					"allKeys", o.Number)
		}
		if file == path {
			return
		}
		if !o.IsFolder() {
			files = append(files, message.Quote(file))
		}
	}
	if len(files) == 0 {
		files = []string{"files in folders only"}
	}
	l.find(noSuchFile, c.object, named, "the class makes no file %s; it makes %s", message.Quote(named.Value),
		message.Bound(strings.Join(slices.Compact(files), ", "), 300))
}
