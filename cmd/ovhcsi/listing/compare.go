// SPDX-License-Identifier: Apache-2.0

package listing

import (
	"cmp"
	"maps"
	"path"
	"slices"
)

// Change is a file that differs between two volumes.
type Change struct {
	// Before and After describe the file; nil if a volume does not have it. One of them is set.
	Before, After *File
	// Refolded reports that a path changes between file and folder. The driver does not update the
	// volumes of running pods then.
	Refolded bool
}

// Path returns the path of the file.
func (c Change) Path() string { return cmp.Or(c.After, c.Before).Path }

// Content reports whether the file has another content.
func (c Change) Content() bool {
	return c.Before != nil && c.After != nil && c.Before.sum != c.After.sum
}

// Mode reports whether the file has another mode.
func (c Change) Mode() bool {
	return c.Before != nil && c.After != nil && c.Before.Mode != c.After.Mode && c.Before.Mode != 0 && c.After.Mode != 0
}

// Compare returns the files that differ, in the order of their paths, and how many are the same. Both
// volumes are described by one Marker.
func Compare(before, after []File) (changes []Change, same int) {
	byPath := map[string]Change{}
	for i, f := range before {
		byPath[f.Path] = Change{Before: &before[i]}
	}
	for i, f := range after {
		byPath[f.Path] = Change{Before: byPath[f.Path].Before, After: &after[i]}
	}
	was, is := foldersOf(before), foldersOf(after)
	for _, name := range slices.Sorted(maps.Keys(byPath)) {
		c := byPath[name]
		if c.Before != nil && c.After != nil && !c.Content() && !c.Mode() {
			same++
			continue
		}
		c.Refolded = c.Before == nil && was[name] || c.After == nil && is[name]
		changes = append(changes, c)
	}
	return changes, same
}

// foldersOf returns the folders that a volume has.
func foldersOf(files []File) map[string]bool {
	all := map[string]bool{}
	for _, f := range files {
		for dir := path.Dir(f.Path); dir != "." && !all[dir]; dir = path.Dir(dir) {
			all[dir] = true
		}
	}
	return all
}
