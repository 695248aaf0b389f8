// SPDX-License-Identifier: Apache-2.0

package class

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"time"

	"ovhcloud-csi-provider/provider/encoding"
	"ovhcloud-csi-provider/provider/format"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/template"
)

// Object is one entry of the parameter objects. What it is made of is a secret (SecretPath), or
// the secrets below a folder (Find).
type Object struct {
	Number     int    // from 0
	Connection string // "" = that of the class
	SecretPath string // "" = none
	Find       *Find  // nil = none
	// More are the further secrets that the object is made of.
	More       []Source
	ObjectName string // "" = by default
	SecretKey  string // "" = none
	AllKeys    bool
	Keys       []string // of a format or a certificate
	Format     format.Format
	// Certificate is what is made of PEM, nil for none.
	Certificate *Certificate
	// Template makes the file of More; nil for none. Its text is TemplateText.
	Template     *template.Template
	TemplateText string
	Version      int // or Latest, or LatestActive
	History      int // so many versions, a file of each; 0 = one version
	Encoding     encoding.Encoding
	Mode         fs.FileMode
	Optional     bool
	// Refresh is how old a value may be for a pod that has one already; 0 = as for other pods.
	Refresh time.Duration
	// Derived says that the object is one of those that an entry stands for.
	Derived bool
	line    int            // of the text
	given   map[string]int // the lines of its fields
}

// Source is a secret that an object is made of.
type Source struct {
	Name    string // in the object; "" if it needs none
	Path    string
	Version int // as that of an object
}

// Count returns the number of the sources of the object, and so of its parts; 1 for one that finds
// its secrets.
func (o Object) Count() int {
	if o.SecretPath != "" || o.Find != nil {
		return 1 + len(o.More)
	}
	return len(o.More)
}

// Source returns the source with a number below Count. One that finds its secrets has none.
func (o Object) Source(n int) Source {
	switch {
	case o.SecretPath == "":
		return o.More[n]
	case n == 0:
		return Source{Path: o.SecretPath, Version: o.Version}
	}
	return o.More[n-1]
}

// Part returns the object as if it were made of the source with a number alone. Whatever has to be
// read is the Ref of a part; messages about it name the part.
func (o Object) Part(n int) Object {
	if o.Find != nil || o.History > 0 {
		return o
	}
	return o.Of(o.Source(n))
}

// Of returns the object as if it were made of one source alone.
func (o Object) Of(s Source) Object {
	o.SecretPath, o.Version, o.More = s.Path, s.Version, nil
	return o
}

// FieldOf returns the field that names a source.
func (o Object) FieldOf(s Source) string {
	switch {
	case s.Name == "":
		return "secretPath"
	case s.Name == PasswordSource:
		return "certificate"
	}
	return "secrets"
}

// Versions of an object that are not numbers.
const (
	Latest       = 0
	LatestActive = -1 // the newest one that is not deactivated
)

// Output is what files an object makes of its secret.
type Output int

// The outputs.
const (
	Whole    Output = iota // one file, the whole secret as JSON
	Key                    // one file, of a key or path
	AllKeys                // a file for each key
	Keys                   // one file, of several keys in a format
	PEM                    // one file, of the certificates and the private key in some keys
	Template               // one file, of several secrets
)

// Output returns what files the object makes.
func (o Object) Output() Output {
	switch {
	case o.Template != nil:
		return Template
	case o.Certificate != nil:
		return PEM
	case o.Format != "" && (o.Format != format.JSON || len(o.Keys) > 0):
		return Keys
	case o.AllKeys:
		return AllKeys
	case o.SecretKey != "":
		return Key
	}
	return Whole
}

// Ref returns what has to be read for the object first: its secret, or the list that says which
// secrets or versions it stands for. The latest active version is the latest one until that is
// known to be deactivated.
func (o Object) Ref() okms.Ref {
	switch {
	case o.Find != nil:
		return okms.Ref{What: okms.Folder, Path: o.Find.Path}
	case o.History > 0:
		return okms.Ref{What: okms.Versions, Path: o.SecretPath}
	}
	return okms.Ref{Path: o.SecretPath, Version: max(o.Version, Latest)}
}

// Where names the object in messages about its secret.
func (o Object) Where() string {
	switch {
	case o.Find != nil:
		return fmt.Sprintf("objects[%d] (the secrets below %s)", o.Number, o.Find.Folder())
	case len(o.More) > 0 && o.SecretPath == "":
		return fmt.Sprintf("objects[%d] %s (template)", o.Number, message.Quote(o.File()))
	case o.Output() == AllKeys:
		return fmt.Sprintf("objects[%d] (all keys of secret %q, %s)", o.Number, o.SecretPath, o.version())
	}
	return fmt.Sprintf("objects[%d] %s (secret %q, %s)", o.Number, message.Quote(o.File()), o.SecretPath, o.version())
}

func (o Object) version() string {
	switch {
	case o.History > 0:
		return "its history"
	case o.Version == Latest:
		return "latest version"
	case o.Version == LatestActive:
		return "latest active version"
	}
	return fmt.Sprintf("version %d", o.Version)
}

// File returns the path of the object's file in the volume. If it makes several files, this is
// their folder, where "" is the root.
func (o Object) File() string {
	switch {
	case o.ObjectName != "" || o.AllKeys || o.Find != nil || o.SecretPath == "" ||
		o.Certificate != nil && o.SecretKey == "":
		return o.ObjectName
	case o.SecretKey != "":
		return path.Base(FileOfKey(o.SecretKey))
	}
	return path.Base(o.SecretPath)
}

// IsFolder reports whether File is a folder.
func (o Object) IsFolder() bool { return o.AllKeys || o.Find != nil || o.History > 0 }

// LineOf returns the line of a field of the object, or the object's own if it is not given.
func (o Object) LineOf(field string) int { return cmp.Or(o.given[field], o.line) }

// has reports whether a field is given and has a meaning.
func (o Object) has(field string) bool {
	return o.given[field] > 0 && (field != "allKeys" || o.AllKeys) && (field != "encoding" || o.Encoding != encoding.UTF8)
}
