// SPDX-License-Identifier: Apache-2.0

package volume

import (
	"fmt"
	"path"

	"ovhcloud-csi-provider/provider/message"
)

// Layout is the planned tree of a volume: the files and folders, each with the number of its
// object. Only NewLayout returns a usable one.
type Layout struct{ files, folders map[string]int }

// NewLayout returns an empty Layout.
func NewLayout() Layout { return Layout{files: map[string]int{}, folders: map[string]int{}} }

// AddFile adds an object's file. It returns an error if another object has the path.
func (l Layout) AddFile(name string, object int) error {
	if owner, taken := l.files[name]; taken {
		return fmt.Errorf("%s already writes the file %s; give another objectName", by(owner, object), message.Quote(name))
	}
	if owner, taken := l.folders[name]; taken {
		return fmt.Errorf("%s is a folder of %s and cannot be a file too; give another objectName", message.Quote(name),
			by(owner, object))
	}
	if err := l.addParents(name, object); err != nil {
		return err
	}
	l.files[name] = object
	return nil
}

// AddFolder adds the folder of an object's files; "" is the root. Objects may share a
// folder.
func (l Layout) AddFolder(name string, object int) error {
	if name == "" {
		return nil
	}
	if owner, taken := l.files[name]; taken {
		return fmt.Errorf("%s is a file of %s and cannot be a folder too; give another objectName", message.Quote(name),
			by(owner, object))
	}
	if err := l.addParents(name, object); err != nil {
		return err
	}
	if _, taken := l.folders[name]; !taken {
		l.folders[name] = object
	}
	return nil
}

// addParents adds the folders above a path. It returns an error if one of them is a file.
func (l Layout) addParents(name string, object int) error {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if owner, taken := l.files[dir]; taken {
			return fmt.Errorf("%s is a file of %s and cannot be a folder too; give another objectName", message.Quote(dir),
				by(owner, object))
		}
		if _, taken := l.folders[dir]; !taken {
			l.folders[dir] = object
		}
	}
	return nil
}

// by names the owner of a path in an error about object.
func by(owner, object int) string {
	if owner == object {
		return "the same object"
	}
	return fmt.Sprintf("objects[%d]", owner)
}
