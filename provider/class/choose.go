package class

import (
	"fmt"
	"strings"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/place"
)

// defaultConnection is used where a mount states nothing of where its secrets
// are, and brings no credentials.
const defaultConnection = "default"

// chooseConnection gives the name of the connection that a mount uses, unless it
// states itself where its secrets are. A connection has a place and a credential
// of its own: whatever else the mount states of these is an error, because a pod
// can override every parameter of its class. combined says that there is such an error:
// then it is not known what was meant.
func chooseConnection(attributes map[string]string, credentials bool, c *failure.List) (name string, ownPlace, combined bool) {
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

// cannotCombine is what is wrong with a connection where other fields of a place, or
// credentials, are given too. It is one mistake, however many there are.
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
