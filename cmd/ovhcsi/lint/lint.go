// Package lint finds mistakes in SecretProviderClasses of the provider, and in the pods that mount
// them, before they reach a cluster. Classes are read by the daemon's own code.
//
// It reads no cluster and no OKMS domain.
package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/yamlnode"
)

// Run returns what is wrong with Kubernetes objects, in the order of the sources and their lines. It
// looks at all sources together: a pod may name a class of another file.
func Run(sources []Source) []Finding {
	l := &linter{}
	for _, source := range sources {
		l.read(source)
	}
	classes := l.classes()
	volumes := l.volumes()
	for _, c := range classes {
		l.checkClass(c, volumes)
	}
	for _, v := range volumes {
		l.checkVolume(v, classes)
	}
	order := map[string]int{}
	for i, source := range sources {
		order[source.Name] = i
	}
	slices.SortStableFunc(l.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return l.findings
}

// read adds the objects of a source.
func (l *linter) read(s Source) {
	documents, err := yamlnode.Documents(s.Text)
	for _, n := range documents {
		l.add(s, n)
	}
	if err != nil {
		what := err.Error()
		if strings.Contains(s.Text, "{{") {
			what += "; of a Helm chart, lint the output of helm template"
		}
		l.findings = append(l.findings, Finding{notYAML.ID, notYAML.Severity, s.Name, max(1, lineIn(what)), 1, what})
	}
}

// lineIn returns the line that a message names, 0 if it names none.
func lineIn(text string) (line int) {
	if _, rest, found := strings.Cut(text, "line "); found {
		_, _ = fmt.Sscanf(rest, "%d", &line)
	}
	return line
}

// add adds an object, or those of a list.
func (l *linter) add(s Source, n *yamlnode.Node) {
	o := &object{source: s, node: n}
	if items := o.at("items"); strings.HasSuffix(o.text("kind"), "List") && items != nil {
		for _, item := range items.Content {
			l.add(s, item)
		}
		return
	}
	l.objects = append(l.objects, o)
}
