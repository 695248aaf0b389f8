// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"slices"

	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
)

// origin is a domain with its login that classes use.
type origin struct {
	of     *item
	domain domain
	login  login
	title  string
}

// origins are the domains and logins that classes use, each once.
type origins []origin

func (all *origins) add(some ...origin) {
	for _, o := range some {
		same := func(other origin) bool {
			logins := o.login.secret == other.login.secret && o.login.namespace == other.login.namespace
			return slices.Equal(o.domain.fields, other.domain.fields) &&
				(logins || o.login.secret == "" || other.login.secret == "")
		}
		if !slices.ContainsFunc(*all, same) {
			*all = append(*all, o)
		}
	}
}

// check says if one connection takes the place of several stores.
func (all origins) check(r *report) {
	for _, other := range all[min(1, len(all)):] {
		r.add(lint.Warning, other.of.file, other.of.node.Line,
			"%s has another domain or credential than %s; convert them apart, with a connection for each",
			other.title, all[0].title)
	}
}
