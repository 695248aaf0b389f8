// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"io/fs"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// providerName is the provider in a SecretProviderClass.
const providerName = "ovhcloud"

// defaultMode is that of files whose object has none.
const defaultMode fs.FileMode = 0o644

// spc is a SecretProviderClass of the provider.
type spc struct {
	*object
	parameters map[string]string
	notText    map[string]bool // the parameters that Kubernetes does not take
	volumes    []*volume       // those that name it
	said       class.Class     // only during checkClass
	valid      bool            // known after checkClass
}

func newClass(o *object) *spc {
	c := &spc{object: o, parameters: map[string]string{}, notText: map[string]bool{}}
	for _, p := range yamlnode.Pairs(o.at("spec", "parameters")) {
		if _, given := c.parameters[p.Key.Value]; !given {
			c.parameters[p.Key.Value] = p.Value.Value
			c.notText[p.Key.Value] = !yamlnode.IsString(p.Value)
		}
	}
	return c
}

// ownDomain reports whether a class says itself where its secrets are.
func (c *spc) ownDomain() bool { return c.parameters["region"] != "" || c.parameters["endpoint"] != "" }

// credentials reports whether credentials come with the mounts of a class.
func (c *spc) credentials() bool {
	if len(c.volumes) == 0 {
		return c.ownDomain()
	}
	return c.volumes[len(c.volumes)-1].credentials()
}

const driverName = "secrets-store.csi.k8s.io"

// volume is a volume of the driver in a pod, or in a template of pods.
type volume struct {
	*object
	pod   *yamlnode.Node // its spec
	name  string
	csi   *yamlnode.Node
	class *spc // nil if it is not there
}

// className returns the name of the class that the volume names.
func (v *volume) className() string {
	return yamlnode.TextAt(v.csi, "volumeAttributes", class.AttributeClass)
}

// credentials reports whether the volume names a Secret with credentials.
func (v *volume) credentials() bool {
	return yamlnode.TextAt(v.csi, "nodePublishSecretRef", "name") != ""
}

// containers returns the containers of the pod.
func (v *volume) containers() (all []*yamlnode.Node) {
	for _, list := range []string{"initContainers", "containers"} {
		all = append(all, yamlnode.Elements(yamlnode.Field(v.pod, list))...)
	}
	return all
}
