package failure

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"ovhcloud-csi-provider/provider/message"
)

// Most limits how many failures of a mount are looked for: a message holds fewer.
const Most = 200

// List is the failures of a mount. The zero value is empty.
type List struct {
	failures []Failure
	misspelt []string // fields that were misspelt: that they are missing is no further failure
	cut      bool     // there may be more than are kept
	line     int      // that the next failures of objects name; 0 for none
}

// Add adds a failure of an object, or of WholeClass.
func (l *List) Add(object int, kind Kind, where, format string, args ...any) {
	l.Put(Failure{Kind: kind, Object: object, Where: where, What: fmt.Sprintf(format, args...)})
}

// Put adds a failure, unless there are more than a message holds. Those that decide the
// kind of the error, or share a line, are always added: they are few.
func (l *List) Put(f Failure) {
	if f.Object != WholeClass {
		f.Line = l.line
	}
	l.keep(f)
}

func (l *List) keep(f Failure) {
	if len(l.failures) >= Most && f.Object != WholeClass && !f.Kind.Shared() {
		l.cut = true
		return
	}
	l.failures = append(l.failures, f)
}

// Parameter adds what is wrong with a parameter of the class.
func (l *List) Parameter(name, format string, args ...any) {
	l.Add(WholeClass, Invalid, "parameters."+name, format, args...)
}

// Field adds what is wrong with a field or a parameter.
func (l *List) Field(object int, where string, err error) {
	l.Put(Failure{Kind: Invalid, Object: object, Where: where, What: err.Error(), missing: errors.Is(err, message.ErrMissing)})
}

// At sets the line of the parameter objects that the next failures of objects are in; 0 is
// none.
func (l *List) At(line int) { l.line = line }

// Misspelt notes a field that was given under a wrong name, which is a failure itself.
func (l *List) Misspelt(where string) { l.misspelt = append(l.misspelt, where) }

// Stop reports whether there are so many failures that no more should be looked for. The
// list then says that there may be more.
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

// All returns the failures by the number of their object, without those about fields that
// are missing only because they were misspelt. If there may be more, the last one says so.
func (l *List) All() []Failure {
	all := slices.DeleteFunc(slices.Clone(l.failures), func(f Failure) bool { return f.missing && slices.Contains(l.misspelt, f.Where) })
	slices.SortStableFunc(all, func(a, b Failure) int { return cmp.Compare(a.Object, b.Object) })
	if !l.cut || len(all) == 0 {
		return all
	}
	last := all[len(all)-1]
	return append(all, Failure{Kind: last.Kind, Object: last.Object, Where: "objects", What: "there may be more errors; fix these first"})
}
