package nearest

import (
	"fmt"
	"strings"
)

// Synonym is what a name of another program means in this one.
type Synonym struct {
	// Names are the valid ones, in the order in which they are suggested; none if there is
	// no counterpart.
	Names []string
	// Cure is what to do where there is none.
	Cure string
	// Covers is the name that must be given and that whoever follows the cure gives; "" if
	// there is none.
	Covers string
}

// Vocabulary is the names that are valid in one place, and those that are in use there.
type Vocabulary struct {
	Valid    []string
	Synonyms map[string]Synonym // by Canonical name
	// Taken are the names that are given, and those that were suggested for others: a
	// second suggestion of the same name would not work.
	Taken map[string]bool
	// Conflicts are the names that cannot be combined with a name.
	Conflicts map[string][]string
}

// Advise returns what to do about a name that is not valid, and the name that is given by
// whoever does it, "" if none is. It suggests no name that could not be used.
func (v Vocabulary) Advise(name string) (advice, meant string) {
	s, known := v.Synonyms[Canonical(name)]
	if known && len(s.Names) == 0 {
		return s.Cure, s.Covers
	}
	if !known {
		near := Name(name, v.Valid)
		if near == "" {
			return Suggestion(name, v.Valid), ""
		}
		s.Names = []string{near}
	}
	var why string
	for _, candidate := range s.Names {
		obstacle := v.obstacle(candidate)
		if obstacle == "" {
			v.Taken[candidate] = true
			return fmt.Sprintf("did you mean %q?", candidate), candidate
		}
		if why == "" {
			why = obstacle
		}
	}
	return "drop it: " + why, ""
}

// obstacle returns why a valid name cannot be added, "" if it can.
func (v Vocabulary) obstacle(name string) string {
	if v.Taken[name] {
		return name + " is given already"
	}
	for _, other := range v.Conflicts[name] {
		if v.Taken[other] {
			return fmt.Sprintf("%s cannot be combined with %s", name, other)
		}
	}
	return ""
}

// Canonical is a name in the one spelling that tables of synonyms have: without case,
// dashes and underscores. It is "" for a name that is too long to be one.
func Canonical(name string) string {
	if len(name) > 64 {
		return ""
	}
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name))
}

// Synonyms makes a table of its two halves: names that have counterparts, by these, and
// names that have none, by the cure. Names are separated by spaces.
func Synonyms(counterparts, cures map[string]string) map[string]Synonym {
	table := map[string]Synonym{}
	for valid, names := range counterparts {
		for name := range strings.FieldsSeq(names) {
			table[Canonical(name)] = Synonym{Names: strings.Fields(valid)}
		}
	}
	for cure, names := range cures {
		for name := range strings.FieldsSeq(names) {
			table[Canonical(name)] = Synonym{Cure: cure}
		}
	}
	return table
}
