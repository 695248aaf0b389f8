// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// checkVolume checks a volume, and against its class if that is there.
func (l *linter) checkVolume(v *volume, classes bool) {
	if yamlnode.TextAt(v.csi, "readOnly") != "true" {
		l.find(notReadOnly, v.object, v.csi, "set readOnly: true; the driver refuses the volume without it")
	}
	l.subPaths(v)
	switch {
	case v.className() == "":
		l.find(noClass, v.object, v.csi, "volumeAttributes name no %s", class.AttributeClass)
	case v.class == nil && classes:
		l.missing(v)
	case v.class != nil:
		l.overrides(v)
		l.logins(v)
	}
}

// logins checks that a volume brings credentials, or that its class has a connection.
func (l *linter) logins(v *volume) {
	attributes := func(name string) string {
		if given := yamlnode.TextAt(v.csi, "volumeAttributes", name); given != "" {
			return given
		}
		return v.class.parameters[name]
	}
	own := attributes("region") != "" || attributes("endpoint") != ""
	switch {
	case own && attributes(class.ParamConnection) == "" && !v.credentials():
		l.find(noCredentials, v.object, v.csi,
			"name a Secret with a login in nodePublishSecretRef; class %s has no connection", message.Quote(v.className()))
	case attributes(class.ParamConnection) != "" && v.credentials():
		l.find(bothLogins, v.object, yamlnode.Field(v.csi, "nodePublishSecretRef"),
			"drop nodePublishSecretRef: class %s has a connection, which has its own credential", message.Quote(v.className()))
	}
}

// missing adds that a class is not there. Other files may have it, so it is no error.
func (l *linter) missing(v *volume) {
	at := yamlnode.At(v.csi, "volumeAttributes", class.AttributeClass)
	for _, c := range l.byName[v.className()] {
		l.find(otherNamespace, v.object, at, "class %s is in namespace %s; a pod can only name classes of its own",
			message.Quote(v.className()), message.Quote(l.namespace(c.object)))
		return
	}
	l.find(noClass, v.object, at, "there is no class %s in these files%s", message.Quote(v.className()),
		l.similar(v.className()))
}

// similar returns the end of a message that suggests a class with such a name.
func (l *linter) similar(name string) string {
	if len(l.byName) > 200 { // which would all be compared, for each volume
		return ""
	}
	near := nearest.Name(name, slices.Sorted(maps.Keys(l.byName)))
	if near == "" {
		return ""
	}
	return "; did you mean " + message.Quote(near) + "?"
}

// overrides adds the parameters of a class that the volume replaces, and what is wrong with them.
func (l *linter) overrides(v *volume) {
	attributes, changed := yamlnode.Field(v.csi, "volumeAttributes"), false
	merged := maps.Clone(v.class.parameters)
	for _, p := range yamlnode.Pairs(attributes) {
		if p.Key.Value == class.AttributeClass {
			continue
		}
		if _, of := v.class.parameters[p.Key.Value]; of {
			l.find(overridden, v.object, p.Key, "replaces the parameter %s of class %s", message.Quote(p.Key.Value),
				message.Quote(v.className()))
		}
		merged[p.Key.Value], changed = p.Value.Value, true
	}
	if !changed || !v.class.valid {
		return
	}
	_, wrong := class.Parse(merged, class.Given{Credentials: v.credentials(), Mode: defaultMode})
	for _, f := range wrong.All() {
		if name := strings.TrimPrefix(f.Where, "parameters."); f.Object == failure.WholeClass &&
			name != class.CredentialSource {
			key, _ := yamlnode.Entry(attributes, name)
			if key == nil {
				key = attributes
			}
			l.find(wrongAttribute, v.object, key, "class %s with these volumeAttributes: %s: %s", message.Quote(v.className()),
				f.Where, f.Text())
		} else if value := yamlnode.Field(attributes, class.ParamObjects); value != nil && f.Line > 0 {
			l.within(wrongAttribute, v.object, value, f.Line, word(f.Where), f.Where+": "+f.Text())
		}
	}
}

// modes adds the files that the containers of a pod cannot read: files belong to root.
func (l *linter) modes(v *volume) {
	users := []*yamlnode.Node{yamlnode.Field(v.pod, "securityContext")}
	for _, container := range v.containers() {
		users = append(users, yamlnode.Field(container, "securityContext"))
	}
	for _, user := range users {
		if !notRoot(user) {
			continue
		}
		for _, o := range v.class.said.Objects {
			if o.Mode&0o004 == 0 {
				l.find(unreadable, v.object, user,
					"the container does not run as root, and %s of class %s has mode %#o: files belong to root, so set "+
						"filePermission: \"0444\"", message.Quote(o.File()), message.Quote(v.className()), uint32(o.Mode))
			}
		}
		return
	}
}

// notRoot reports whether a securityContext says that a container does not run as root.
func notRoot(context *yamlnode.Node) bool {
	user, err := strconv.Atoi(yamlnode.TextAt(context, "runAsUser"))
	return err == nil && user != 0 || err != nil && strings.EqualFold(yamlnode.TextAt(context, "runAsNonRoot"), "true")
}

// subPaths adds the mounts of single files of the volume: they keep the version of the pod's start.
func (l *linter) subPaths(v *volume) {
	for _, container := range v.containers() {
		for _, mount := range yamlnode.Elements(yamlnode.Field(container, "volumeMounts")) {
			if yamlnode.TextAt(mount, "name") != v.name {
				continue
			}
			for _, name := range []string{"subPath", "subPathExpr"} {
				if key, value := yamlnode.Entry(mount, name); key != nil && value.Value != "" {
					l.find(subPath, v.object, key,
						"new versions do not reach a mount by %s until the pod starts again; mount the whole volume", name)
				}
			}
		}
	}
}
