// Package class reads what a SecretProviderClass says: its parameters and the list of
// objects, every mistake with its line and its cure. It knows no pod, no credential and no
// store.
package class

import (
	"fmt"
	"io/fs"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/volume"
)

// Class is the parameters of a mount in typed form. Each field is right by itself, and so
// are the objects against one another.
type Class struct {
	Connection string       // the name of the connection to use, unless OwnPlace
	Combined   bool         // it cannot be used, because more is given of what it has
	OwnPlace   bool         // the mount states the domain itself
	Domain     place.Domain // if OwnPlace
	Objects    []Object
}

// Given is what comes with a class's parameters in a mount.
type Given struct {
	// Credentials says whether some came with the mount.
	Credentials bool
	// Mode is for files whose object states none.
	Mode fs.FileMode
}

// Parse reads what is ours of a mount's attributes: the parameters of its class, which a
// pod's volumeAttributes override. It returns everything that is wrong with it. What could
// be read is returned all the same, for further failures.
func Parse(attributes map[string]string, with Given) (Class, *failure.List) {
	var cl Class
	c := &failure.List{}
	unknownParameters(attributes, with.Credentials, c)
	if cl.Connection, cl.OwnPlace, cl.Combined = chooseConnection(attributes, with.Credentials, c); cl.OwnPlace {
		cl.Domain = parseDomain(attributes, c)
	}
	text, stated := attributes[ParamObjects]
	if !stated {
		c.Field(failure.WholeClass, "parameters."+ParamObjects, fmt.Errorf("%w; it lists the secrets to mount", message.ErrMissing))
		return cl, c
	}
	cl.Objects = parseObjects(text, with.Mode, c)
	tree := volume.NewLayout()
	for _, o := range cl.Objects {
		checkObject(o, tree, c)
	}
	return cl, c
}

// parseDomain reads where the secrets are: region or endpoint, okmsId, caBundle.
func parseDomain(attributes map[string]string, c *failure.List) place.Domain {
	return place.Parse(attributes, place.MaxBundleOfMount, func(field string, err error) { c.Field(failure.WholeClass, "parameters."+field, err) })
}
