// SPDX-License-Identifier: Apache-2.0

// Package lint finds mistakes in SecretProviderClasses of the provider, and in the pods that mount
// them, before they reach a cluster. Classes are read by the daemon's own code.
//
// It reads no cluster and no OKMS domain.
package lint

import (
	"cmp"
	"slices"
)

// Run returns what Check does without options.
func Run(sources []Source) []Finding { return Check(sources, Options{}) }

// Check returns what is wrong with Kubernetes objects, in the order of the sources and their lines. It
// looks at all sources together: a pod may name a class of another file.
func Check(sources []Source, options Options) []Finding {
	l := &linter{options: options}
	l.readAll(sources)
	classes := l.classes()
	volumes := l.volumes()
	l.relate(classes, volumes)
	l.readApplied()
	l.inParallel(len(classes), func(l *linter, i int) { l.checkClass(classes[i], len(volumes) > 0) })
	l.inParallel(len(volumes), func(l *linter, i int) { l.checkVolume(volumes[i], len(classes) > 0) })
	if len(sources) > 0 && len(classes)+len(volumes)+len(l.findings) == 0 {
		l.findings = append(l.findings, nothingIn(sources[0]))
	}
	slices.SortStableFunc(l.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.ID, b.ID))
	})
	return l.findings
}

// nothingIn returns the finding of sources in which nothing was checked. The first one is given.
func nothingIn(first Source) Finding {
	return Finding{nothing.ID, nothing.Severity, first.Name, 1, 1,
		"nothing was checked: the files have no SecretProviderClass with provider: " + providerName +
			", and no volume of the driver " + driverName, 0}
}
