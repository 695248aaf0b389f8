package provider

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/place"
)

// The parameters of a SecretProviderClass that are ours.
const (
	paramRegion   = place.FieldRegion
	paramEndpoint = place.FieldEndpoint
	paramOKMSID   = place.FieldOKMSID
	paramCABundle = place.FieldCABundle
	paramObjects  = "objects"

	paramConnection = "connection"
)

var parameters = []string{paramConnection, paramRegion, paramEndpoint, paramOKMSID, paramCABundle, paramObjects}

// Attributes of a mount that the driver and kubelet add to the parameters.
const (
	attributePrefix    = "csi.storage.k8s.io/"
	attributeClass     = "secretProviderClass"
	attributeProvider  = "providerName"
	attributePod       = attributePrefix + "pod.name"
	attributeNamespace = attributePrefix + "pod.namespace"
	attributePodUID    = attributePrefix + "pod.uid"
	attributeAccount   = attributePrefix + "serviceAccount.name"
)

// attributes are those of them that a mount needs.
var attributes = []string{attributeClass, attributePod, attributeNamespace, attributePodUID, attributeAccount}

// class is the parameters of a mount in typed form. Each field is right by
// itself; plan checks them against one another.
type class struct {
	connection string       // the name of the connection to use, unless ownPlace
	combined   bool         // it cannot be used, because more is given of what it has
	ownPlace   bool         // the mount states the domain itself
	domain     place.Domain // if ownPlace
	objects    []object
}

// parse reads what is ours of a mount's attributes and collects everything that
// is wrong with it. credentials says whether some came with the mount.
func parse(given map[string]string, credentials bool, defaultMode fs.FileMode, c *failure.List) class {
	unknownParameters(given, credentials, c)
	var cl class
	if cl.connection, cl.ownPlace, cl.combined = chooseConnection(given, credentials, c); cl.ownPlace {
		cl.domain = parseDomain(given, c)
	}
	text, stated := given[paramObjects]
	if !stated {
		c.Field(failure.WholeClass, "parameters."+paramObjects, fmt.Errorf("%w; it lists the secrets to mount", message.ErrMissing))
		return cl
	}
	cl.objects = parseObjects(text, defaultMode, c)
	return cl
}

// unknownParameters collects the names that are not valid.
func unknownParameters(given map[string]string, credentials bool, c *failure.List) {
	known := nearest.Vocabulary{Valid: parameters, Synonyms: parameterSynonyms(), Taken: map[string]bool{credentialSource: credentials}, Conflicts: parameterConflicts}
	for name := range given {
		known.Taken[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		foreign := strings.HasPrefix(name, attributePrefix) || name == attributeClass || name == attributeProvider
		if foreign || slices.Contains(parameters, name) {
			continue
		}
		if c.Stop() {
			break
		}
		advice, meant := known.Advise(name)
		c.Parameter(message.Name(name), "unknown parameter; %s", advice)
		c.Misspelt("parameters." + meant)
		if meant == paramEndpoint { // which is given in place of a region
			c.Misspelt("parameters." + paramRegion)
		}
	}
}

// parseDomain reads where the secrets are: region or endpoint, okmsId, caBundle.
func parseDomain(attributes map[string]string, c *failure.List) place.Domain {
	place := place.Parse(attributes, place.MaxBundleOfMount, func(field string, err error) { c.Field(failure.WholeClass, "parameters."+field, err) })
	return domainOf(place)
}
