// SPDX-License-Identifier: Apache-2.0

package class

import (
	"fmt"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/volume"
)

// checkObject checks the fields of an object against each other, and its path in the volume
// against those of the objects before it.
func checkObject(o Object, tree volume.Layout, c *failure.List) {
	defer func() { c.At(0) }()
	if !checkCombination(o, c) {
		return
	}
	wrong := func(field, format string, args ...any) {
		c.At(o.LineOf(field))
		c.Add(o.Number, failure.Invalid, fmt.Sprintf("objects[%d].%s", o.Number, field), format, args...)
	}
	if !checkRequirements(o, wrong) {
		return
	}
	c.At(o.LineOf("objectName"))
	if o.ObjectName == "" && !o.AllKeys && o.Find == nil && !checkDefaultName(o, c) {
		return
	}
	add := tree.AddFile
	if o.IsFolder() {
		add = tree.AddFolder
	}
	if err := add(o.File(), o.Number); err != nil {
		wrong("objectName", "%s", err)
	}
}

// checkRequirements checks that the fields are there that others need.
func checkRequirements(o Object, wrong func(field, format string, args ...any)) (ok bool) {
	switch {
	case o.has("template") && !o.has("secrets"):
		wrong("template", "has no secrets; give secrets: {name: path/of/the/secret}")
	case o.has("secrets") && !o.has("template"):
		wrong("secrets", "are for a template; give template, or secretPath for one secret")
	case o.has("keys") && !o.has("format") && o.Certificate == nil:
		wrong("keys", "are for format and certificate; give one of them, or secretKey for one key")
	case o.Certificate != nil && o.SecretKey == "" && !o.has("keys"):
		wrong("certificate", "is made of keys that hold PEM; give secretKey for one, or keys for several")
	case o.ObjectName == "" && (o.has("template") || o.Certificate != nil && o.SecretKey == ""):
		wrong("objectName", "is required: a file of several secrets or keys has no name of its own")
	default:
		if o.has("encoding") && !o.AllKeys && o.SecretKey == "" && o.Certificate == nil {
			wrong("encoding", "applies to the value of a key; give secretKey or allKeys too")
		}
		if o.Find != nil && o.Version > 0 {
			wrong("objectVersion", "cannot be a number where find selects several secrets; use latest or latest-active")
		}
		return true
	}
	return false
}

// checkCombination adds a failure for the first two fields that cannot be combined.
func checkCombination(o Object, c *failure.List) (ok bool) {
	for _, f := range fields {
		if !o.has(f.Name) {
			continue
		}
		for _, other := range f.Conflicts {
			if o.has(other) && placeOf(other) < placeOf(f.Name) {
				c.At(o.LineOf(f.Name))
				c.Add(o.Number, failure.Invalid, fmt.Sprintf("objects[%d].%s", o.Number, f.Name),
					"cannot be combined with %s; drop one of them", other)
				return false
			}
		}
	}
	return true
}

// checkDefaultName checks a file name that is made of the key or the path.
func checkDefaultName(o Object, c *failure.List) (ok bool) {
	err, space := volume.CheckName(o.File()), SpaceAtEnds(o.SecretKey)
	wrong := func(field, format string, args ...any) {
		c.Add(o.Number, failure.Invalid, fmt.Sprintf("objects[%d].%s", o.Number, field), format, args...)
	}
	switch {
	case err != nil && space != "":
		c.At(o.LineOf("secretKey"))
		wrong("secretKey", "%s; %s. If the key really has it, give objectName", space, WriteKey(o.SecretKey))
	case pathOperators.MatchString(o.SecretKey):
		wrong("objectName", "is required where secretKey is a path with operators (#), which makes no name of a file")
	case err != nil:
		wrong("objectName", "is required: the default, %s, %s", message.Quote(o.File()), err)
	default:
		return true
	}
	return false
}
