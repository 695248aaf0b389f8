// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"maps"
	"path"
	"slices"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// readApplied reads the classes that running pods have.
func (l *linter) readApplied() {
	applied := &linter{options: l.options}
	applied.readAll(l.options.Applied)
	l.applied = map[[2]string]*spc{}
	for _, c := range applied.classes() {
		_, name := c.name()
		l.applied[[2]string{l.namespace(c.object), name}] = c
	}
}

// checkApplied compares a class with the one of its name that running pods have. The driver does not
// update a volume in which a file becomes a folder, or a folder a file.
func (l *linter) checkApplied(c *spc) {
	_, name := c.name()
	old := l.applied[[2]string{l.namespace(c.object), name}]
	if old == nil {
		return
	}
	before, _ := class.Parse(old.parameters, class.Given{Credentials: old.credentials(), Mode: defaultMode})
	l.compare(c, treeOf(before), treeOf(c.said))
}

// tree is the files and folders of a volume, each with the object that makes it.
type tree struct{ files, folders map[string]class.Object }

// treeOf returns the tree of a class, as far as it is known without the store.
func treeOf(said class.Class) tree {
	t := tree{map[string]class.Object{}, map[string]class.Object{}}
	for _, o := range said.Objects {
		name := o.File()
		if o.IsFolder() {
			t.folders[name] = o
		} else {
			t.files[name] = o
		}
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			t.folders[dir] = o
		}
	}
	return t
}

// compare adds the paths that change between file and folder.
func (l *linter) compare(c *spc, before, after tree) {
	tell := func(name string, o class.Object, was, is string) {
		l.within(fileAndFolder, c.object, yamlnode.Field(c.at("spec", "parameters"), class.ParamObjects),
			o.LineOf("objectName"), "objectName",
			fmt.Sprintf("objects[%d]: %s is a %s in the applied class and becomes a %s: the driver does not update volumes of "+
				"running pods then; use another name, or start the pods again",
				o.Number, message.Quote(name), was, is))
	}
	for _, name := range slices.Sorted(maps.Keys(after.files)) {
		if _, was := before.folders[name]; was {
			tell(name, after.files[name], "folder", "file")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after.folders)) {
		if _, was := before.files[name]; was {
			tell(name, after.folders[name], "file", "folder")
		}
	}
}
