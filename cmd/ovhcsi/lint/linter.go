package lint

import (
	"fmt"
	"strings"

	"ovhcloud-csi-provider/provider/yamlnode"
)

// linter is the state of Run.
type linter struct {
	findings []Finding
	objects  []*object
}

// find adds a finding about a node of an object, unless an annotation of the object accepts it.
func (l *linter) find(r Rule, o *object, n *yamlnode.Node, format string, args ...any) {
	if n == nil {
		n = o.node
	}
	l.findAt(r, o, n.Line, n.Column, format, args...)
}

// findAt adds a finding at a line. Column 0 is the first sign of the line that is none of its own.
func (l *linter) findAt(r Rule, o *object, line, column int, format string, args ...any) {
	if o.ignores(r) {
		return
	}
	if lines := strings.Split(o.source.Text, "\n"); column == 0 && line >= 1 && line <= len(lines) {
		column = 1 + len(lines[line-1]) - len(strings.TrimLeft(lines[line-1], " -"))
	}
	l.findings = append(l.findings, Finding{r.ID, r.Severity, o.source.Name, line, max(1, column), fmt.Sprintf(format, args...)})
}
