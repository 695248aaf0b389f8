// SPDX-License-Identifier: Apache-2.0

package nearest

import (
	"fmt"
	"strings"
)

// Synonym maps a name that another program uses to the names of this one.
type Synonym struct {
	// Names are the valid names in the order of suggestion; empty if there is no
	// counterpart.
	Names []string
	// Cure is the advice if Names is empty.
	Cure string
	// Covers is the required name that is given when Cure is followed; "" if there is
	// none.
	Covers string
}

// Vocabulary holds the names that are valid in a map of fields, and those that are in use.
type Vocabulary struct {
	Valid    []string
	Synonyms map[string]Synonym // by Canonical name
	// Taken holds the names that are given, and those that Advise has suggested: a name can
	// only be used once.
	Taken map[string]bool
	// Conflicts lists, by name, the names that cannot be combined with it.
	Conflicts map[string][]string
}

// Advise returns what to do about an invalid name, and the name that is given when the
// advice is followed; "" if none is. It never suggests a name that is taken or in conflict,
// and adds the suggested name to v.Taken.
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

// obstacle returns why a valid name cannot be added; "" if it can.
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

// Canonical returns the spelling of a name that is the key of tables of synonyms: in
// lower case, without dashes and underscores. It returns "" for a name of more than 64
// bytes.
func Canonical(name string) string {
	if len(name) > 64 {
		return ""
	}
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name))
}

// Synonyms returns a table by Canonical name. The keys of counterparts are valid names,
// the keys of cures are cures; the values are the synonyms. Names are separated by spaces.
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
