// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/message"
)

// write writes the class.
func (c *spc) write(w *writer, connection bool) {
	w.comments(0, append([]string{"From " + c.title() + ". Its pods need:", ""}, indented(c.pod(connection))...))
	if len(c.above) > 0 {
		w.comments(0, append([]string{""}, c.above...))
	}
	w.line(0, "apiVersion: secrets-store.csi.x-k8s.io/v1")
	w.line(0, "kind: SecretProviderClass")
	w.line(0, "metadata:")
	w.member(2, "", member{"name", scalar(c.name)})
	if c.namespace != "" {
		w.member(2, "", member{"namespace", scalar(c.namespace)})
	}
	w.line(0, "spec:")
	w.line(2, "provider: ovhcloud")
	w.line(2, "parameters:")
	w.comments(4, c.notes)
	for _, p := range c.parameters {
		w.member(4, "", member{p.name, block(p.value)})
	}
	objects, _ := list(c.objects)
	w.member(4, "", member{"objects", "|\n" + strings.TrimSuffix(objects, "\n")})
	c.writeMirrors(w)
}

// writeMirrors writes secretObjects.
func (c *spc) writeMirrors(w *writer) {
	some := slices.ContainsFunc(c.mirrors, func(m *mirror) bool { return len(m.data) > 0 })
	if some {
		w.line(2, "secretObjects:")
	}
	for _, m := range c.mirrors {
		w.comments(4, m.comments)
		if len(m.data) == 0 {
			continue
		}
		w.member(4, "- ", member{"secretName", scalar(m.name)})
		w.member(6, "", member{"type", scalar(m.kind)})
		writeMap(w, "labels", m.labels)
		writeMap(w, "annotations", m.annotations)
		w.line(6, "data:")
		for _, k := range m.data {
			w.line(8, fmt.Sprintf("- {objectName: %s, key: %s}", scalar(k.file), scalar(k.key)))
		}
	}
}

// writeMap writes a map of texts of a mirrored Secret, if it has any.
func writeMap(w *writer, name string, all []member) {
	if len(all) > 0 {
		w.line(6, name+":")
	}
	for _, m := range all {
		w.line(8, m.name+": "+m.text)
	}
}

// noLabel matches what a DNS label cannot have.
var noLabel = regexp.MustCompile(`[^a-z0-9-]+`)

// pod returns the lines of the pod's volume and its mount.
func (c *spc) pod(connection bool) (lines []string) {
	volume := strings.Trim(message.Bound(noLabel.ReplaceAllString(strings.ToLower(c.name), "-"), 40), "-…")
	volume = orDefault(noLabel.ReplaceAllString(volume, ""), "secrets")
	secret, todo := c.login.publish(c.namespace)
	if connection {
		todo = nil
	} else {
		todo = append(slices.Clone([]string(c.login.comments)), todo...)
	}
	for _, text := range todo {
		lines = append(lines, "# "+printable(text))
	}
	lines = append(lines, "volumes:", "  - name: "+volume, "    csi:",
		"      driver: secrets-store.csi.k8s.io", "      readOnly: true",
		"      volumeAttributes: {secretProviderClass: "+scalar(c.name)+"}")
	if !connection {
		lines = append(lines, "      nodePublishSecretRef: {name: "+scalar(secret)+"}")
	}
	return append(lines, "volumeMounts: # of a container",
		"  - {name: "+volume+", mountPath: /secrets/"+volume+", readOnly: true}")
}

// indented returns lines that are indented by two.
func indented(lines []string) (all []string) {
	for _, line := range lines {
		all = append(all, "  "+line)
	}
	return all
}
