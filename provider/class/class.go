// SPDX-License-Identifier: Apache-2.0

// Package class reads what a SecretProviderClass says: its parameters and the list of
// objects, every mistake with its line and its cure. It knows no pod, no credential and no
// store.
package class

import (
	"fmt"
	"io/fs"
	"time"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/volume"
)

// Class is the parameters of a mount in typed form. Each field is valid, and so are the
// objects together.
type Class struct {
	Connection string       // the name of the connection to use, unless OwnPlace is true
	Combined   bool         // it cannot be used, because what it has is also given itself
	OwnPlace   bool         // the mount gives the domain itself
	Domain     place.Domain // if OwnPlace
	Objects    []Object
}

// Given is what comes with the parameters of a class in a mount.
type Given struct {
	// Credentials says whether there are credentials.
	Credentials bool
	// Mode is for files whose object states none.
	Mode fs.FileMode
}

// maxSecrets bounds the secrets of all objects, each counted as often as it is named.
const maxSecrets = 2 * MaxObjects

// Parse reads the attributes of a mount: the parameters of its class, which the pod's
// volumeAttributes override. It returns everything that is wrong with them. What could be
// read is returned even then, so that later steps can find further mistakes.
func Parse(attributes map[string]string, with Given) (Class, *failure.List) {
	var cl Class
	c := &failure.List{}
	unknownParameters(attributes, with.Credentials, c)
	if cl.Connection, cl.OwnPlace, cl.Combined = chooseConnection(attributes, with.Credentials, c); cl.OwnPlace {
		cl.Domain = parseDomain(attributes, c)
	}
	refresh := parseRefreshOf(attributes, c)
	text, stated := attributes[ParamObjects]
	if !stated {
		c.Field(failure.WholeClass, "parameters."+ParamObjects,
			fmt.Errorf("%w; it lists the secrets to mount", message.ErrMissing))
		return cl, c
	}
	cl.Objects = parseObjects(text, with.Mode, c)
	sources := 0
	for _, o := range cl.Objects {
		sources += o.Count()
	}
	if sources > maxSecrets {
		c.Parameter(ParamObjects, "names %d secrets; at most %d are read; split the list over several classes", sources,
			maxSecrets)
	}
	tree := volume.NewLayout()
	for i, o := range cl.Objects {
		if !o.has("refreshInterval") {
			cl.Objects[i].Refresh = refresh
		}
		checkObject(o, tree, c)
	}
	return cl, c
}

// parseRefreshOf reads how old values may be for pods that have some already.
func parseRefreshOf(attributes map[string]string, c *failure.List) (refresh time.Duration) {
	text, stated := attributes[paramRefresh]
	if !stated || text == "" {
		return 0
	}
	refresh, err := parseRefresh(text)
	if err != nil {
		c.Field(failure.WholeClass, "parameters."+paramRefresh, err)
	}
	return refresh
}

// parseDomain reads where the secrets are: region or endpoint, okmsId, caBundle.
func parseDomain(attributes map[string]string, c *failure.List) place.Domain {
	return place.Parse(attributes, place.MaxBundleOfMount,
		func(field string, err error) { c.Field(failure.WholeClass, "parameters."+field, err) })
}
