package provider

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/auth"
	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/okms"
)

// The parameters of a SecretProviderClass that are ours.
const (
	paramRegion   = auth.FieldRegion
	paramEndpoint = auth.FieldEndpoint
	paramOKMSID   = auth.FieldOKMSID
	paramCABundle = auth.FieldCABundle
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

// class is the parameters of a mount in typed form. Each field is right by
// itself; plan checks them against one another.
type class struct {
	connection string      // the name of the connection to use, unless ownPlace
	ownPlace   bool        // the mount states the domain itself
	domain     okms.Domain // if ownPlace
	objects    []object
}

// collector gathers the failures of a mount.
type collector struct{ failures []Failure }

func (c *collector) add(object int, kind Kind, where, format string, args ...any) {
	c.failures = append(c.failures, Failure{Kind: kind, Object: object, Where: where, What: fmt.Sprintf(format, args...)})
}

func (c *collector) parameter(name, format string, args ...any) {
	c.add(WholeClass, Invalid, "parameters."+name, format, args...)
}

// withoutMissing leaves out that what was only misspelt is missing.
func withoutMissing(failures []Failure, misspelt []string) []Failure {
	return slices.DeleteFunc(failures, func(f Failure) bool {
		return strings.HasPrefix(f.What, "is missing") && slices.Contains(misspelt, f.Where)
	})
}

// parse reads what is ours of a mount's attributes and collects everything that
// is wrong with it. credentials says whether some came with the mount.
func parse(attributes map[string]string, credentials bool, defaultMode fs.FileMode, c *collector) class {
	var misspelt []string
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		foreign := strings.HasPrefix(name, attributePrefix) || name == attributeClass || name == attributeProvider
		if !foreign && !slices.Contains(parameters, name) {
			c.parameter(plain(name), "unknown parameter; %s", nearest.Suggestion(name, parameters))
			misspelt = append(misspelt, "parameters."+nearest.Name(name, parameters))
		}
	}
	defer func() { c.failures = withoutMissing(c.failures, misspelt) }()
	var cl class
	if cl.connection, cl.ownPlace = chooseConnection(attributes, credentials, c); cl.ownPlace {
		cl.domain = parseDomain(attributes, c)
	}
	text, given := attributes[paramObjects]
	if !given {
		c.parameter(paramObjects, "is missing; it lists the secrets to mount")
		return cl
	}
	cl.objects = parseObjects(text, defaultMode, c)
	return cl
}

// parseDomain reads where the secrets are: region or endpoint, okmsId, caBundle.
func parseDomain(attributes map[string]string, c *collector) okms.Domain {
	place := auth.ParsePlace(attributes, func(field string, err error) { c.parameter(field, "%s", err) })
	return okms.Domain{Endpoint: place.Endpoint, ID: place.OKMSID, CABundle: place.CABundle}
}
