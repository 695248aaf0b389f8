// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"ovhcloud-csi-provider/provider/message"
)

// Most is how many failures of a mount are searched for. A message has room for fewer.
const Most = 200

// List is the failures of a mount. The zero value is empty.
type List struct {
	failures []Failure
	misspelt []string // fields that were misspelt, and are therefore not reported as missing
	cut      bool     // there may be more failures than are kept
	line     int      // of the next failures of objects; 0 for none
}

// Add adds a failure of an object, or of WholeClass.
func (l *List) Add(object int, kind Kind, where, format string, args ...any) {
	l.Put(Failure{Kind: kind, Object: object, Where: where, What: fmt.Sprintf(format, args...)})
}

// Put adds a failure, unless the list has Most already. Failures of WholeClass and of Shared kinds
// are always added: they are few, and may decide the kind of the error.
func (l *List) Put(f Failure) {
	if f.Object != WholeClass {
		f.Line = l.line
	}
	l.keep(f)
}

// keep adds a failure within the limit of Put.
func (l *List) keep(f Failure) {
	if len(l.failures) >= Most && f.Object != WholeClass && !f.Kind.Shared() {
		l.cut = true
		return
	}
	l.failures = append(l.failures, f)
}

// Parameter adds a failure about a parameter of the class.
func (l *List) Parameter(name, format string, args ...any) {
	l.Add(WholeClass, Invalid, "parameters."+name, format, args...)
}

// Field adds a failure about a field or a parameter. An error that wraps message.ErrMissing is
// dropped by All if the field is misspelt.
func (l *List) Field(object int, where string, err error) {
	l.Put(Failure{Kind: Invalid, Object: object, Where: where, What: err.Error(),
		missing: errors.Is(err, message.ErrMissing)})
}

// At sets the line, in the parameter objects, of the next failures of objects; 0 for none.
func (l *List) At(line int) { l.line = line }

// Misspelt records that a field was given under a wrong name. The caller reports that failure
// itself.
func (l *List) Misspelt(where string) { l.misspelt = append(l.misspelt, where) }

// Stop reports whether there are Most failures, so that the caller should stop searching. All
// then reports that there may be more.
func (l *List) Stop() bool {
	if len(l.failures) < Most {
		return false
	}
	l.cut = true
	return true
}

// Join adds the failures of another list, within the same limit.
func (l *List) Join(other *List) {
	for _, f := range other.failures {
		l.keep(f)
	}
	l.misspelt = append(l.misspelt, other.misspelt...)
	l.cut = l.cut || other.cut
}

// Len returns how many failures there are.
func (l *List) Len() int { return len(l.failures) }

// All returns the failures in the order of their objects, without those about fields that are
// missing only because they were misspelt. If there may be more, the last one is about that.
func (l *List) All() []Failure {
	all := slices.DeleteFunc(slices.Clone(l.failures),
		func(f Failure) bool { return f.missing && slices.Contains(l.misspelt, f.Where) })
	slices.SortStableFunc(all, func(a, b Failure) int { return cmp.Compare(a.Object, b.Object) })
	if !l.cut || len(all) == 0 {
		return all
	}
	last := all[len(all)-1]
	return append(all,
		Failure{Kind: last.Kind, Object: last.Object, Where: "objects", What: "there may be more errors; fix these first"})
}
