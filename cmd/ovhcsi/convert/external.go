// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"time"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// convertForAll converts a ClusterExternalSecret: what each namespace would have.
func convertForAll(i *item, all stores) (*spc, []origin) {
	name := orDefault(i.text("spec", "externalSecretName"), i.text("metadata", "name"))
	c, from := convertExternal(i, all, i.at("spec", "externalSecretSpec"), "", name)
	if c != nil {
		i.lose(&c.above, nil, "ClusterExternalSecret: apply the class in each namespace that has pods with it")
	}
	return c, from
}

// convertExternal makes a class of the spec of an ExternalSecret. It returns nil if there is none.
func convertExternal(i *item, all stores, spec *yamlnode.Node, namespace, name string) (*spc, []origin) {
	if name == "" || spec == nil {
		i.lose(nil, nil, "%s has no name, or no spec", i.text("kind"))
		return nil, nil
	}
	e := &external{item: i, stores: all, spec: spec, class: &spc{item: i, namespace: namespace, name: name}}
	e.only(&e.class.above, spec, "spec", "secretStoreRef", "target", "refreshInterval",
		"refreshPolicy", "syncWindows", "data", "dataFrom")
	e.drop(&e.class.above, spec, "spec", "files follow new versions at any time", "syncWindows")
	s, ok := e.findStore(yamlnode.Field(spec, "secretStoreRef"), "secretStoreRef")
	if !ok {
		return nil, nil
	}
	e.store = s
	from := domain{}
	if s != nil {
		from, e.class.login = s.domain, s.login
	}
	e.class.notes, e.class.parameters = i.use(from)
	e.readRefresh()
	e.readFrom(yamlnode.Field(spec, "dataFrom"))
	e.readData(yamlnode.Field(spec, "data"))
	e.readTarget(yamlnode.Field(spec, "target"))
	e.class.objects = e.objects
	if !e.class.settle() {
		return nil, nil
	}
	return e.class, e.origins
}

// mostRefresh is the longest interval of the provider; ESO's default is one hour.
const mostRefresh, defaultRefresh = 168 * time.Hour, "1h"

// readRefresh adds the parameter refreshInterval.
func (e *external) readRefresh() {
	notes := &e.class.notes
	if policy := yamlnode.TextAt(e.spec, "refreshPolicy"); policy != "" && policy != "Periodic" {
		e.lose(notes, yamlnode.Field(e.spec, "refreshPolicy"),
			"refreshPolicy %s: files follow new versions; name an objectVersion to keep one", message.Name(policy))
	}
	at := yamlnode.Field(e.spec, "refreshInterval")
	text := orDefault(yamlnode.TextAt(e.spec, "refreshInterval"), defaultRefresh)
	interval, err := time.ParseDuration(text)
	switch {
	case err != nil || interval < 0:
		e.lose(notes, at, "refreshInterval %s is not a duration", message.Name(text))
		return
	case interval == 0:
		e.lose(notes, at, "refreshInterval 0: files follow new versions; name an objectVersion to keep one")
		return
	case interval > mostRefresh:
		e.advise(notes, at, "refreshInterval %s: the longest is 168h", message.Name(text))
		text = "168h"
	}
	e.class.parameters = append(e.class.parameters, parameter{"refreshInterval", text})
}
