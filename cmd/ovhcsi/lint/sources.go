// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"regexp"
	"strings"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// readAll adds the objects of all sources, in their order.
func (l *linter) readAll(sources []Source) {
	found := make([][]*object, len(sources))
	l.inParallel(len(sources), func(l *linter, i int) { found[i] = l.read(i, sources[i]) })
	for _, objects := range found {
		l.objects = append(l.objects, objects...)
	}
}

// read returns the objects of a source, which is the number-th.
func (l *linter) read(number int, s Source) (objects []*object) {
	documents, err := yamlnode.Documents(s.Text)
	from := &text{Source: s, number: number}
	mayAlias := strings.Contains(s.Text, "*")
	for _, n := range documents {
		if mayAlias {
			if alias, why := checkAliases(n); alias != nil {
				l.findings = append(l.findings,
					Finding{notYAML.ID, notYAML.Severity, s.Name, alias.Line, alias.Column, why, number})
				continue
			}
		}
		for _, o := range yamlnode.Objects(n) {
			objects = append(objects, &object{source: from, node: o})
		}
	}
	if err != nil {
		what := err.Error()
		line, column := placeIn(what)
		if actionLine.MatchString(s.Text) {
			what += "; of a Helm chart, lint the output of helm template"
		}
		l.findings = append(l.findings,
			Finding{notYAML.ID, notYAML.Severity, s.Name, max(1, line), max(1, column), what, number})
	}
	return objects
}

// actionLine matches a line of a Helm chart that is no YAML.
var actionLine = regexp.MustCompile(`(?m)^\s*\{\{`)

// classes returns the SecretProviderClasses of the provider.
func (l *linter) classes() (all []*spc) {
	for _, o := range l.objects {
		if o.text("kind") != "SecretProviderClass" {
			continue
		}
		if provider := o.text("spec", "provider"); provider != providerName {
			l.checkProvider(o, provider)
			continue
		}
		all = append(all, newClass(o))
	}
	return all
}

// checkProvider checks whether the provider of a class is another one, or probably misspelt.
func (l *linter) checkProvider(o *object, provider string) {
	at := o.at("spec", "provider")
	if at == nil {
		at = o.at("spec")
	}
	near := nearest.Name(provider, []string{providerName, "vault", "azure", "aws", "gcp"}) == providerName
	switch {
	case near || strings.Contains(strings.ToLower(provider), "ovh"):
		l.find(otherProvider, o, at, "did you mean provider: %s? Otherwise the driver asks another provider", providerName)
	case o.text("spec", "parameters", place.FieldOKMSID) != "":
		l.find(otherProvider, o, at, "the class has an okmsId: did you mean provider: %s?", providerName)
	case provider == "":
		l.find(otherProvider, o, at, "spec.provider is missing; write provider: %s if the class is of this provider",
			providerName)
	}
}

// podSpecs are where the kinds of Kubernetes have the spec of their pods.
var podSpecs = map[string][]string{
	"Pod": {"spec"}, "Deployment": {"spec", "template", "spec"}, "StatefulSet": {"spec", "template", "spec"},
	"DaemonSet":  {"spec", "template", "spec"},
	"ReplicaSet": {"spec", "template", "spec"}, "ReplicationController": {"spec", "template", "spec"},
	"Job":     {"spec", "template", "spec"},
	"CronJob": {"spec", "jobTemplate", "spec", "template", "spec"}, "PodTemplate": {"template", "spec"},
	"Rollout": {"spec", "template", "spec"}, // of Argo
}

// volumes returns the volumes of the driver.
func (l *linter) volumes() (all []*volume) {
	for _, o := range l.objects {
		path, known := podSpecs[o.text("kind")]
		if !known {
			continue
		}
		pod := o.at(path...)
		for _, v := range yamlnode.Elements(yamlnode.Field(pod, "volumes")) {
			if csi := yamlnode.Field(v, "csi"); yamlnode.TextAt(csi, "driver") == driverName {
				all = append(all, &volume{o, pod, yamlnode.TextAt(v, "name"), csi, nil})
			}
		}
	}
	return all
}

// relate joins volumes with the classes that they name.
func (l *linter) relate(classes []*spc, volumes []*volume) {
	l.byName = map[string][]*spc{}
	for _, c := range classes {
		_, name := c.name()
		for _, other := range l.byName[name] {
			if l.namespace(c.object) == l.namespace(other.object) {
				l.find(sameName, c.object, c.at("metadata", "name"), "class %s is in %s:%d too; kubectl apply leaves one of them",
					message.Quote(name), other.source.Name, other.node.Line)
				break
			}
		}
		l.byName[name] = append(l.byName[name], c)
	}
	for _, v := range volumes {
		for _, c := range l.byName[v.className()] {
			if of, in := l.namespace(c.object), l.namespace(v.object); of == in || of == "" || in == "" {
				v.class = c
				c.volumes = append(c.volumes, v)
				break
			}
		}
	}
}

// Class is a SecretProviderClass of the provider as it stands in a file.
type Class struct {
	File            string
	Namespace, Name string // the namespace may be empty
	Parameters      map[string]string
}

// Classes returns the SecretProviderClasses of the provider in the sources. The error is why a source
// cannot be read.
func Classes(sources []Source) (all []Class, err error) {
	l := &linter{}
	l.readAll(sources)
	for _, f := range l.findings {
		return nil, fmt.Errorf("%s:%d: %s", f.File, f.Line, f.Message)
	}
	for _, c := range l.classes() {
		namespace, name := c.name()
		all = append(all, Class{c.source.Name, namespace, name, c.parameters})
	}
	return all, nil
}
