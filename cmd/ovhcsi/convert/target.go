// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"strings"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// readTarget adds the objects of the values, and the Secret that the driver makes of them.
func (e *external) readTarget(n *yamlnode.Node) {
	notes := &e.class.above
	e.only(notes, n, "target", "name", "creationPolicy", "deletionPolicy", "template", "immutable", "manifest")
	template := yamlnode.Field(n, "template")
	e.readTemplate(template)
	for _, v := range e.values {
		e.objects = append(e.objects, v.object(v.key, v.comments))
	}
	e.keepNamed()
	if key, manifest := yamlnode.Entry(n, "manifest"); manifest != nil {
		e.lose(notes, key, "target.manifest: the driver makes Secrets only")
		return
	}
	m := &mirror{of: orNode(n, e.spec), name: orDefault(yamlnode.TextAt(n, "name"), e.class.name)}
	m.kind = orDefault(yamlnode.TextAt(template, "type"), "Opaque")
	if !e.wantsSecret(n, m) {
		return
	}
	e.readMetadata(yamlnode.Field(template, "metadata"), m)
	for _, o := range e.objects {
		if o.file != "" {
			m.data = append(m.data, keyed{o.file, o.file})
		}
	}
	for _, b := range e.bulk {
		e.lose(&m.comments, b.of,
			"the driver mirrors only keys that are named: those of %s are files and not in the Secret %s; %s",
			message.Name(b.path), message.Name(m.name), b.advice)
	}
	e.class.mirrors = append(e.class.mirrors, m)
}

// wantsSecret reports whether the driver makes a Secret, by the policies of the target.
func (e *external) wantsSecret(n *yamlnode.Node, m *mirror) bool {
	policy := yamlnode.Field(n, "creationPolicy")
	switch text := yamlnode.TextAt(n, "creationPolicy"); text {
	case "", "Owner":
	case "Orphan":
		e.lose(&m.comments, policy,
			"target.creationPolicy Orphan: the driver deletes the Secret with the last pod that mounts the volume")
	case "None":
		return false
	default:
		e.lose(&e.class.above, policy,
			"target.creationPolicy %s: the driver adds nothing to a Secret of others; there are files only",
			message.Name(text))
		return false
	}
	if text := yamlnode.TextAt(n, "deletionPolicy"); text != "" && text != "Retain" {
		e.lose(&m.comments, yamlnode.Field(n, "deletionPolicy"),
			"target.deletionPolicy %s: while a secret is absent, mounts fail and the Secret stays; "+
				"optional: true leaves a file out",
			message.Name(text))
	}
	if yamlnode.TextAt(n, "immutable") == "true" {
		e.lose(&m.comments, yamlnode.Field(n, "immutable"), "target.immutable: the driver's Secrets can be changed")
	}
	return true
}

// readMetadata reads labels and annotations of the Secret.
func (e *external) readMetadata(n *yamlnode.Node, m *mirror) {
	e.only(&m.comments, n, "template.metadata", "labels", "annotations", "finalizers")
	e.drop(&m.comments, n, "template.metadata", "the driver sets no finalizers", "finalizers")
	read := func(where string) (all []member) {
		for _, p := range yamlnode.Pairs(yamlnode.Field(n, where)) {
			if strings.Contains(p.Value.Value, "{{") {
				e.lose(&m.comments, p.Key, "template.metadata.%s: the driver renders no templates", where)
			} else {
				all = append(all, member{scalar(p.Key.Value), scalar(p.Value.Value)})
			}
		}
		return all
	}
	m.labels, m.annotations = read("labels"), read("annotations")
}

// keepNamed adds the file of a key that an object with allKeys leaves to another object, under its own
// name: both are in the Secret of External Secrets Operator.
func (e *external) keepNamed() {
	made := map[string]bool{}
	for _, v := range e.values {
		made[v.key] = true
	}
	for _, b := range e.bulk {
		for _, v := range e.values {
			other := v.path != b.path || v.version != b.version
			if other || v.property == "" || strings.Contains(v.property, ".") || made[v.property] {
				continue
			}
			made[v.property] = true
			own := b.remote
			own.property = v.property
			e.objects = append(e.objects, own.object(v.property, nil))
		}
	}
}
