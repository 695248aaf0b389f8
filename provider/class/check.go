package class

import (
	"fmt"

	"ovhcloud-csi-provider/provider/encoding"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/volume"
)

// checkObject checks the fields of an object against each other, and its path in the volume
// against those of the objects before it.
func checkObject(o Object, tree volume.Layout, c *failure.List) {
	at := func(field string) string { return fmt.Sprintf("objects[%d].%s", o.Number, field) }
	defer func() { c.At(0) }()
	if o.AllKeys && o.SecretKey != "" {
		c.At(o.LineOf("allKeys"))
		c.Add(o.Number, failure.Invalid, at("allKeys"), "cannot be combined with secretKey; drop one of them")
		return
	}
	c.At(o.LineOf("encoding"))
	if o.given["encoding"] > 0 && o.Encoding != encoding.UTF8 && !o.AllKeys && o.SecretKey == "" {
		c.Add(o.Number, failure.Invalid, at("encoding"), "applies to the value of a key; give secretKey or allKeys too")
	}
	c.At(o.LineOf("objectName"))
	if o.AllKeys {
		if err := tree.AddFolder(o.File(), o.Number); err != nil {
			c.Add(o.Number, failure.Invalid, at("objectName"), "%s", err)
		}
		return
	}
	if o.ObjectName == "" && !checkDefaultName(o, c) {
		return
	}
	if err := tree.AddFile(o.File(), o.Number); err != nil {
		c.Add(o.Number, failure.Invalid, at("objectName"), "%s", err)
	}
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
