// SPDX-License-Identifier: Apache-2.0

package class

import (
	"path"
	"strconv"
)

// These functions return the objects that one object stands for, once the store has said which
// secrets and versions there are.

// At returns the object of the secret at a path that find selected. below is its path below the
// folder.
func (o Object) At(secretPath, below string) Object {
	o.SecretPath, o.ObjectName, o.Find, o.Derived = secretPath, path.Join(o.ObjectName, below), nil, true
	return o
}

// AtVersion returns the object of one version.
func (o Object) AtVersion(number int) Object {
	o.Version = number
	return o
}

// InHistory returns the object of a version in the history of the secret. The newest one is 0.
func (o Object) InHistory(place, number int) Object {
	o.ObjectName, o.Version, o.History, o.Derived = path.Join(o.File(), strconv.Itoa(place)), number, 0, true
	return o
}
