// SPDX-License-Identifier: Apache-2.0

package class

import (
	"maps"
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
)

// unknownParameters adds the parameters that are not valid.
func unknownParameters(given map[string]string, credentials bool, c *failure.List) {
	known := nearest.Vocabulary{Valid: parameters, Synonyms: parameterSynonyms(),
		Taken: map[string]bool{CredentialSource: credentials}, Conflicts: parameterConflicts}
	for name := range given {
		known.Taken[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		foreign := strings.HasPrefix(name, AttributePrefix) || name == AttributeClass || name == attributeProvider
		if foreign || slices.Contains(parameters, name) {
			continue
		}
		if c.Stop() {
			break
		}
		advice, meant := known.Advise(name)
		c.Parameter(message.Name(name), "unknown parameter; %s", advice)
		c.Misspelt("parameters." + meant)
		if meant == ParamEndpoint { // which is given in place of a region
			c.Misspelt("parameters." + paramRegion)
		}
	}
}
