package lint

import (
	"slices"
	"strconv"
	"strings"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/yamlnode"
)

const driverName = "secrets-store.csi.k8s.io"

// volume is a volume of the driver in a pod, or in a template of pods.
type volume struct {
	*object
	pod *yamlnode.Node // its spec
	csi *yamlnode.Node
}

// podSpecs are where the kinds of Kubernetes have the spec of their pods.
var podSpecs = map[string][]string{
	"Pod": {"spec"}, "Deployment": {"spec", "template", "spec"}, "StatefulSet": {"spec", "template", "spec"}, "DaemonSet": {"spec", "template", "spec"},
	"ReplicaSet": {"spec", "template", "spec"}, "ReplicationController": {"spec", "template", "spec"}, "Job": {"spec", "template", "spec"},
	"CronJob": {"spec", "jobTemplate", "spec", "template", "spec"},
}

// volumes returns the volumes of the driver.
func (l *linter) volumes() (all []*volume) {
	for _, o := range l.objects {
		path, known := podSpecs[o.text("kind")]
		if !known {
			continue
		}
		pod := o.at(path...)
		for _, v := range elements(field(pod, "volumes")) {
			if csi := field(v, "csi"); text(csi, "driver") == driverName {
				all = append(all, &volume{o, pod, csi})
			}
		}
	}
	return all
}

// class returns the name of the class that the volume names.
func (v *volume) class() string { return text(v.csi, "volumeAttributes", class.AttributeClass) }

// names reports whether the volume names a class, in its namespace.
func (v *volume) names(c *spc) bool {
	of, name := c.name()
	in, _ := v.name()
	return name == v.class() && (of == in || of == "" || in == "")
}

// credentials reports whether the volume names a Secret with credentials.
func (v *volume) credentials() bool { return text(v.csi, "nodePublishSecretRef", "name") != "" }

// checkVolume checks a volume, and against its class if that is there.
func (l *linter) checkVolume(v *volume, classes []*spc) {
	if text(v.csi, "readOnly") != "true" {
		l.find(notReadOnly, v.object, v.csi, "set readOnly: true; the driver refuses the volume without it")
	}
	if v.class() == "" {
		l.find(noClass, v.object, v.csi, "volumeAttributes name no %s", class.AttributeClass)
		return
	}
	i := slices.IndexFunc(classes, v.names)
	if i < 0 {
		l.missing(v, classes)
		return
	}
	c := classes[i]
	l.overrides(v, c)
	attributes := func(name string) string {
		if given := text(v.csi, "volumeAttributes", name); given != "" {
			return given
		}
		return c.parameters[name]
	}
	own := attributes("region") != "" || attributes("endpoint") != ""
	switch {
	case own && attributes(class.ParamConnection) == "" && !v.credentials():
		l.find(noCredentials, v.object, v.csi, "name a Secret with a login in nodePublishSecretRef; class %s has no connection", message.Quote(v.class()))
	case attributes(class.ParamConnection) != "" && v.credentials():
		l.find(bothLogins, v.object, field(v.csi, "nodePublishSecretRef"), "drop nodePublishSecretRef: class %s has a connection, which has its own credential", message.Quote(v.class()))
	}
	if c.valid {
		l.modes(v, c)
	}
}

// missing adds that a class is not there. Other files may have it, so it is no error.
func (l *linter) missing(v *volume, classes []*spc) {
	at := at(v.csi, "volumeAttributes", class.AttributeClass)
	for _, c := range classes {
		if namespace, name := c.name(); name == v.class() {
			l.find(otherNamespace, v.object, at, "class %s is in namespace %s; a pod can only name classes of its own", message.Quote(name), message.Quote(namespace))
			return
		}
	}
	if len(classes) > 0 {
		l.find(noClass, v.object, at, "there is no class %s in these files", message.Quote(v.class()))
	}
}

// overrides adds the parameters of a class that the volume replaces.
func (l *linter) overrides(v *volume, c *spc) {
	attributes := field(v.csi, "volumeAttributes")
	for i := 0; attributes != nil && i+1 < len(attributes.Content); i += 2 {
		key := attributes.Content[i]
		if _, of := c.parameters[key.Value]; of {
			l.find(overridden, v.object, key, "replaces the parameter %s of class %s", message.Quote(key.Value), message.Quote(v.class()))
		}
	}
}

// modes adds the files that the containers of a pod cannot read: files belong to root.
func (l *linter) modes(v *volume, c *spc) {
	users := []*yamlnode.Node{field(v.pod, "securityContext")}
	for _, list := range []string{"containers", "initContainers"} {
		for _, container := range elements(field(v.pod, list)) {
			users = append(users, field(container, "securityContext"))
		}
	}
	for _, user := range users {
		if !notRoot(user) {
			continue
		}
		for _, o := range c.said.Objects {
			if o.Mode&0o004 == 0 {
				l.find(unreadable, v.object, user, "the container does not run as root, and %s of class %s has mode %#o: files belong to root, so set filePermission: \"0444\"", message.Quote(o.File()), message.Quote(v.class()), uint32(o.Mode))
			}
		}
		return
	}
}

// notRoot reports whether a securityContext says that a container does not run as root.
func notRoot(context *yamlnode.Node) bool {
	user, err := strconv.Atoi(text(context, "runAsUser"))
	return err == nil && user != 0 || err != nil && strings.EqualFold(text(context, "runAsNonRoot"), "true")
}
