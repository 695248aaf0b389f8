// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Rules returns the smallest rules that allow what was read, as the allow of each connection in the
// file of connections. Pods that read the same secrets share a rule.
func (r *Reads) Rules() string {
	var b strings.Builder
	b.WriteString("connections:\n")
	connections := map[string][]Read{}
	for read := range r.All {
		connections[read.Connection] = append(connections[read.Connection], read)
	}
	for _, name := range slices.Sorted(maps.Keys(connections)) {
		fmt.Fprintf(&b, "  %s:\n    allow:\n", name)
		for _, rule := range smallest(connections[name]) {
			fmt.Fprintf(&b, "      - namespaces: [%s]\n        serviceAccounts: [%s]\n        paths:\n", list(rule.namespaces),
				list(rule.accounts))
			for _, path := range rule.paths {
				fmt.Fprintf(&b, "          - %s\n", word(path))
			}
		}
	}
	return b.String()
}

// rule allows paths to the service accounts of namespaces.
type rule struct{ namespaces, accounts, paths []string }

// smallest returns rules that allow exactly the reads: first the service accounts of a namespace
// that read the same paths are joined, then the namespaces with the same service accounts and paths.
func smallest(reads []Read) (all []rule) {
	paths := map[[2]string][]string{} // by namespace and service account
	for _, read := range reads {
		caller := [2]string{read.Namespace, read.Account}
		paths[caller] = append(paths[caller], read.Path)
	}
	byPaths := map[[2]string][]string{} // service accounts, by namespace and paths
	for caller, list := range paths {
		key := [2]string{caller[0], joined(list)}
		byPaths[key] = append(byPaths[key], caller[1])
	}
	byBoth := map[[2]string][]string{} // namespaces, by service accounts and paths
	for key, accounts := range byPaths {
		both := [2]string{joined(accounts), key[1]}
		byBoth[both] = append(byBoth[both], key[0])
	}
	for both, namespaces := range byBoth {
		slices.Sort(namespaces)
		all = append(all, rule{namespaces, split(both[0]), split(both[1])})
	}
	slices.SortFunc(all, func(a, b rule) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return all
}

// joined returns a sorted list as one text. No name or path has a space.
func joined(list []string) string {
	slices.Sort(list)
	return strings.Join(list, " ")
}

func split(text string) []string { return strings.Split(text, " ") }

// list returns names as the elements of a YAML list. A mount without a service account is matched by
// * alone.
func list(names []string) string {
	var words []string
	for _, name := range names {
		if name == "" {
			name = "*"
		}
		words = append(words, word(name))
	}
	return strings.Join(words, ", ")
}

// word returns a name in quotes if YAML may read it as something else.
func word(name string) string {
	if strings.ContainsAny(name, "*:@=") || strings.Trim(name, "0123456789._-") == "" ||
		slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(name)) {
		return `"` + name + `"`
	}
	return name
}
