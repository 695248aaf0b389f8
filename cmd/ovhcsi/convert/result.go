// SPDX-License-Identifier: Apache-2.0

package convert

import "ovhcloud-csi-provider/cmd/ovhcsi/lint"

// Result is what became of the sources.
type Result struct {
	// Notes are in the order of the conversion: stores first.
	Notes   []Note
	classes []*spc
	origins origins
	options Options
}

// Lossless reports whether all of the sources has a counterpart, and there was something to convert.
func (r Result) Lossless() bool {
	for _, n := range r.Notes {
		if n.Severity != lint.Note {
			return false
		}
	}
	return !r.Empty()
}

// Empty reports whether there is no class.
func (r Result) Empty() bool { return len(r.classes) == 0 }

// Classes returns the SecretProviderClasses as YAML, each below a comment with the volume of its pods.
// It is empty if there is none.
func (r Result) Classes() string {
	var w writer
	for n, c := range r.classes {
		if n > 0 {
			w.line(0, "---")
		}
		c.write(&w, r.options.Connection != "")
	}
	return w.String()
}

// Pods returns, for each class, the parts that its pods need, as YAML: a document with volumes and
// volumeMounts.
func (r Result) Pods() string {
	var w writer
	for n, c := range r.classes {
		if n > 0 {
			w.line(0, "---")
		}
		w.comments(0, []string{"for the pods of " + c.title()})
		for _, line := range c.pod(r.options.Connection != "") {
			w.line(0, line)
		}
	}
	return w.String()
}

// check lints the result, and adds what is wrong with it to the notes.
func (r *Result) check() {
	for _, f := range lint.Run([]lint.Source{{Name: "the result", Text: r.Classes()}}) {
		if f.ID != "OVH104" && (f.Severity == lint.Error || f.Severity == lint.Warning) {
			r.Notes = append(r.Notes, Note{f.Severity, f.File, f.Line, f.ID + ": " + f.Message})
		}
	}
}
