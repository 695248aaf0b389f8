// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"runtime"
	"sync"

	"ovhcloud-csi-provider/provider/yamlnode"
)

// linter is the state of Check.
type linter struct {
	options  Options
	findings []Finding
	objects  []*object
	byName   map[string][]*spc  // classes, by their names without a namespace
	applied  map[[2]string]*spc // classes that running pods have, by namespace and name
}

// inParallel calls check for each number below n, on all processors. Each call has a linter of its
// own, whose findings are added.
func (l *linter) inParallel(n int, check func(l *linter, i int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	all := make([]linter, workers)
	var running sync.WaitGroup
	for w := range all {
		all[w] = linter{options: l.options, byName: l.byName, applied: l.applied}
		running.Go(func() {
			for i := w; i < n; i += workers {
				check(&all[w], i)
			}
		})
	}
	running.Wait()
	for _, one := range all {
		l.findings = append(l.findings, one.findings...)
	}
}

// find adds a finding about a node of an object, unless an annotation of the object accepts it.
func (l *linter) find(r Rule, o *object, n *yamlnode.Node, format string, args ...any) {
	if n == nil {
		n = o.node
	}
	l.findAt(r, o, n.Line, n.Column, format, args...)
}

// findAt adds a finding at a place of the object's file.
func (l *linter) findAt(r Rule, o *object, line, column int, format string, args ...any) {
	if !o.ignores(r) {
		l.findings = append(l.findings,
			Finding{r.ID, r.Severity, o.source.Name, line, max(1, column), fmt.Sprintf(format, args...), o.source.number})
	}
}

// within adds a finding at a word in a line of a value's text.
func (l *linter) within(r Rule, o *object, value *yamlnode.Node, line int, word, text string) {
	sourceLine, column := o.source.within(value, line, word)
	l.findAt(r, o, sourceLine, column, "%s", text)
}

// namespace returns the namespace of an object, "" if it is not known.
func (l *linter) namespace(o *object) string {
	if namespace, _ := o.name(); namespace != "" {
		return namespace
	}
	return l.options.Namespace
}
