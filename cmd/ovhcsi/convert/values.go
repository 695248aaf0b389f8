// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"maps"
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/message"
)

// Values returns the values of the provider's chart for the connection, as YAML. It is empty if there
// is no connection, or no class that uses it.
func (r Result) Values() string {
	if r.options.Connection == "" || len(r.classes) == 0 {
		return ""
	}
	var w writer
	w.line(0, "# values of the chart of the provider: helm upgrade … --reset-then-reuse-values -f FILE")
	w.line(0, "connections:")
	w.line(2, scalar(r.options.Connection)+":")
	from := origin{domain: domain{comments: comments{"write the region and the okmsId of your OKMS domain"},
		fields: []parameter{{"region", "eu-west-par"}, {"okmsId", unknownID}}}}
	if len(r.origins) > 0 {
		from = r.origins[0]
	}
	w.comments(4, from.domain.comments)
	for _, f := range from.domain.fields {
		w.member(4, "", member{f.name, block(f.value)})
	}
	secret := orDefault(from.login.secret, "okms-"+r.options.Connection)
	w.comments(4, from.login.comments)
	w.comments(4, []string{"A Secret in the namespace of the chart's release, with token; " +
		"or tls.crt and tls.key; or clientId and clientSecret."})
	if from.login.namespace != "" {
		w.comments(4, []string{"Copy it from the namespace " + from.login.namespace + "."})
	}
	if wanted, renamed := from.login.keys(); renamed && from.login.secret != "" {
		for _, key := range slices.Sorted(maps.Keys(wanted)) {
			w.comments(4, []string{"Its key " + message.Name(wanted[key]) + " must have the name " + key + "."})
		}
	}
	w.member(4, "", member{"existingSecret", scalar(secret)})
	w.line(4, "allow:")
	for _, c := range r.classes {
		namespace := scalar(orDefault(c.namespace, "default"))
		if c.namespace == "" {
			w.comments(6, []string{"write the namespace of the pods of " + message.Name(c.name)})
		}
		w.line(6, "- namespaces: ["+namespace+"]")
		w.line(6, `  serviceAccounts: ["*"]`)
		w.line(6, "  paths: ["+strings.Join(c.paths(), ", ")+"]")
	}
	return w.String()
}

// paths returns the paths that the class reads, as rules.
func (c *spc) paths() (all []string) {
	for _, o := range c.objects {
		if len(o.members) > 0 {
			all = append(all, o.reads...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
