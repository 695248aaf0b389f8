package class

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"

	"ovhcloud-csi-provider/provider/encoding"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/okms"
)

// Object is one entry of the parameter objects.
type Object struct {
	Number     int // from 0
	SecretPath string
	ObjectName string // "" = by default
	SecretKey  string // "" = none
	AllKeys    bool
	Version    int // 0 = the latest
	Encoding   encoding.Encoding
	Mode       fs.FileMode
	Optional   bool
	line       int            // of the text
	given      map[string]int // the lines of its fields
}

// Output is what files an object makes of its secret.
type Output int

// The outputs.
const (
	Whole   Output = iota // one file, the whole secret as JSON
	Key                   // one file, of a key or path
	AllKeys               // a file for each key
)

// Output returns what files the object makes.
func (o Object) Output() Output {
	switch {
	case o.AllKeys:
		return AllKeys
	case o.SecretKey != "":
		return Key
	}
	return Whole
}

// Ref returns what has to be read for the object.
func (o Object) Ref() okms.Ref { return okms.Ref{Path: o.SecretPath, Version: o.Version} }

// Where names the object in messages about its secret.
func (o Object) Where() string {
	version := "latest version"
	if o.Version != 0 {
		version = fmt.Sprintf("version %d", o.Version)
	}
	if o.Output() == AllKeys {
		return fmt.Sprintf("objects[%d] (all keys of secret %q, %s)", o.Number, o.SecretPath, version)
	}
	return fmt.Sprintf("objects[%d] %s (secret %q, %s)", o.Number, message.Quote(o.File()), o.SecretPath, version)
}

// File returns the path of the file in the volume, or with allKeys that of the folder, ""
// for the root. The default is the last segment of the key or of the secret's path. Dots do
// not separate segments: the keys tls.crt and tls\.crt make the file tls.crt.
func (o Object) File() string {
	switch {
	case o.ObjectName != "" || o.AllKeys:
		return o.ObjectName
	case o.SecretKey != "":
		return path.Base(FileOfKey(o.SecretKey))
	}
	return path.Base(o.SecretPath)
}

// LineOf returns the line of a field of the object, or the object's own if it is not given.
func (o Object) LineOf(field string) int { return cmp.Or(o.given[field], o.line) }
