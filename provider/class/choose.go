// SPDX-License-Identifier: Apache-2.0

package class

import (
	"fmt"
	"strings"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/place"
)

// defaultConnection is the connection of a mount that says nothing about where its secrets
// are, and brings no credentials.
const defaultConnection = "default"

// chooseConnection returns the name of the connection that a mount uses, or ownPlace if the
// mount says itself where its secrets are. A connection has a domain and a credential of
// its own: it is an error if the mount gives any of these too, because a pod can override
// every parameter of its class. combined reports such an error: it is not known then what
// was meant.
func chooseConnection(attributes map[string]string, credentials bool,
	c *failure.List) (name string, ownPlace, combined bool) {
	var stated []string
	for _, field := range place.Fields() {
		if _, given := attributes[field]; given {
			stated = append(stated, field)
		}
	}
	name, given := attributes[ParamConnection]
	if !given && len(stated) == 0 && !credentials {
		return defaultConnection, false, false
	}
	if !given {
		return "", true, false
	}
	if len(stated) > 0 || credentials {
		c.Add(failure.WholeClass, failure.Invalid, "parameters."+ParamConnection, "%s", cannotCombine(stated, credentials))
		combined = true
	}
	return strings.TrimSpace(name), false, combined
}

// cannotCombine returns the error for a connection that is given with other fields of a
// domain, or with credentials. It is one mistake, however many fields there are.
func cannotCombine(stated []string, credentials bool) string {
	others := stated
	if credentials {
		others = append(others, CredentialSource)
	}
	list := others[len(others)-1]
	if before := others[:len(others)-1]; len(before) > 0 {
		list = strings.Join(before, ", ") + " and " + list
	}
	return fmt.Sprintf("cannot be combined with %s: a connection has its own; drop connection, or drop %s", list, list)
}
