package provider

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

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

// mostFailures bounds how many failures of a mount are looked for: a message holds
// fewer.
const mostFailures = 200

// collector gathers the failures of a mount.
type collector struct {
	failures []Failure
	misspelt []string // where a field is missing by the word, but only by that
	cut      bool     // there were more than are kept
	line     int      // of the parameter objects, which the failures of its objects name; 0 for none
}

func (c *collector) add(object int, kind Kind, where, format string, args ...any) {
	c.put(Failure{Kind: kind, Object: object, Where: where, What: fmt.Sprintf(format, args...)})
}

// put adds a failure, unless there are more than a message holds. Those that decide
// the kind of the whole, or share a line, are added all the same: they are few.
func (c *collector) put(f Failure) {
	if c.full() && f.Object != WholeClass && !slices.Contains(ofTheStore, f.Kind) {
		c.cut = true
		return
	}
	if c.line > 0 && f.Object != WholeClass {
		f.What = fmt.Sprintf("%s (line %d)", f.What, c.line)
	}
	c.failures = append(c.failures, f)
}

// all are the failures, and that there are more if so.
func (c *collector) all() []Failure {
	slices.SortStableFunc(c.failures, func(a, b Failure) int { return cmp.Compare(a.Object, b.Object) })
	if !c.cut {
		return c.failures
	}
	last := c.failures[len(c.failures)-1]
	return append(c.failures, Failure{Kind: last.Kind, Object: last.Object, Where: "objects", What: "there may be more errors; fix these first"})
}

// full says that it makes no sense to look for more failures.
func (c *collector) full() bool { return len(c.failures) >= mostFailures }

func (c *collector) parameter(name, format string, args ...any) {
	c.add(WholeClass, Invalid, "parameters."+name, format, args...)
}

// field adds what is wrong with a field or parameter.
func (c *collector) field(object int, where string, err error) {
	c.put(Failure{Kind: Invalid, Object: object, Where: where, What: err.Error(), missing: errors.Is(err, place.ErrMissing)})
}

// dropMisspelt takes out that what was only misspelt is missing.
func (c *collector) dropMisspelt() {
	c.failures = slices.DeleteFunc(c.failures, func(f Failure) bool { return f.missing && slices.Contains(c.misspelt, f.Where) })
}

// parse reads what is ours of a mount's attributes and collects everything that
// is wrong with it. credentials says whether some came with the mount.
func parse(given map[string]string, credentials bool, defaultMode fs.FileMode, c *collector) class {
	defer c.dropMisspelt()
	unknownParameters(given, credentials, c)
	var cl class
	if cl.connection, cl.ownPlace, cl.combined = chooseConnection(given, credentials, c); cl.ownPlace {
		cl.domain = parseDomain(given, c)
	}
	text, stated := given[paramObjects]
	if !stated {
		c.field(WholeClass, "parameters."+paramObjects, fmt.Errorf("%w; it lists the secrets to mount", place.ErrMissing))
		return cl
	}
	cl.objects = parseObjects(text, defaultMode, c)
	return cl
}

// unknownParameters collects the names that are not valid.
func unknownParameters(given map[string]string, credentials bool, c *collector) {
	known := nearest.Vocabulary{Valid: parameters, Synonyms: parameterSynonyms(), Taken: map[string]bool{credentialSource: credentials}, Conflicts: parameterConflicts}
	for name := range given {
		known.Taken[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		foreign := strings.HasPrefix(name, attributePrefix) || name == attributeClass || name == attributeProvider
		if foreign || slices.Contains(parameters, name) {
			continue
		}
		if c.cut = c.full(); c.cut {
			break
		}
		advice, meant := known.Advise(name)
		c.parameter(message.Name(name), "unknown parameter; %s", advice)
		c.misspelt = append(c.misspelt, "parameters."+meant)
		if meant == paramEndpoint { // which is given in place of a region
			c.misspelt = append(c.misspelt, "parameters."+paramRegion)
		}
	}
}

// parseDomain reads where the secrets are: region or endpoint, okmsId, caBundle.
func parseDomain(attributes map[string]string, c *collector) place.Domain {
	place := place.Parse(attributes, place.MaxBundleOfMount, func(field string, err error) { c.field(WholeClass, "parameters."+field, err) })
	return domainOf(place)
}
