// SPDX-License-Identifier: Apache-2.0

// Package convert makes SecretProviderClasses of what other programs have for secrets of OKMS: the
// SecretStores and ExternalSecrets of External Secrets Operator, and the classes of the vault
// provider.
//
// It reads no cluster and no OKMS domain. What has no counterpart is a comment in the result, and a
// note with its place in the source.
package convert

import (
	"fmt"
	"strings"

	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// MaxInput bounds the texts of all sources together, in bytes.
const MaxInput = 16 << 20

// converter is the state of Convert.
type converter struct {
	*report
	options Options
	stores  stores
	classes []*spc
	origins origins
}

// Convert converts the objects of all sources. It looks at them together: an ExternalSecret may name a
// store of another file.
func Convert(sources []lint.Source, options Options) Result {
	c := &converter{report: &report{}, options: options, stores: stores{}}
	items := c.read(sources, MaxInput)
	for _, i := range items {
		c.stores.add(i)
	}
	for _, i := range items {
		if made, from := c.convert(i); made != nil {
			c.classes = append(c.classes, made)
			c.origins.add(from...)
		}
	}
	if options.Connection != "" {
		c.origins.check(c.report)
	}
	result := Result{Notes: c.notes, classes: c.classes, origins: c.origins, options: options}
	result.check()
	return result
}

// read returns the objects of all sources.
func (c *converter) read(sources []lint.Source, most int) (items []*item) {
	size := 0
	for _, s := range sources {
		if size += len(s.Text); size > most {
			c.add(lint.Warning, s.Name, 1, "the files hold more than %d MiB; convert them in parts", most>>20)
			return items
		}
		documents, err := yamlnode.Documents(s.Text)
		for _, document := range documents {
			for _, n := range yamlnode.Objects(document) {
				items = append(items, &item{c.report, c.options, s.Name, n})
			}
		}
		if err != nil {
			c.add(lint.Warning, s.Name, lineIn(err.Error()), "%s; the documents before it are converted", err)
		}
	}
	return items
}

// lineIn returns the line that an error of YAML names, 1 if it names none.
func lineIn(text string) int {
	line := 1
	if _, after, found := strings.Cut(text, "line "); found {
		_, _ = fmt.Sscanf(after, "%d", &line)
	}
	return max(1, line)
}

// convert converts an object. It returns nil if that makes no class. Stores have been read before.
func (c *converter) convert(i *item) (*spc, []origin) {
	group, version, _ := strings.Cut(i.text("apiVersion"), "/")
	kind := i.text("kind")
	switch {
	case kind == "SecretProviderClass":
		return i.convertClass()
	case group == "kubernetes-client.io":
		i.lose(nil, i.node,
			"%s of %s is of another program than External Secrets Operator and is not converted", kind, group)
	case group == "generators.external-secrets.io":
		i.lose(nil, i.node, "%s: generators have no counterpart; store a value in Secret Manager instead", kind)
	case group != "external-secrets.io":
	case kind == "PushSecret" || kind == "ClusterPushSecret":
		i.lose(nil, i.node, "%s: nothing writes to Secret Manager here; keep it with External Secrets Operator", kind)
	case kind != "ExternalSecret" && kind != "ClusterExternalSecret":
	case version != "v1" && version != "v1beta1":
		i.lose(nil, i.at("apiVersion"), "%s: apiVersion %s is not read; v1 and v1beta1 are", kind, group+"/"+version)
	case kind == "ExternalSecret":
		return convertExternal(i, c.stores, i.at("spec"), i.text("metadata", "namespace"), i.text("metadata", "name"))
	default:
		return convertForAll(i, c.stores)
	}
	return nil, nil
}
