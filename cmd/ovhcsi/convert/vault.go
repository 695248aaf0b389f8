// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"fmt"
	"strconv"
	"strings"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// vaultProviders are the providers whose classes are converted: vault, and its fork.
var vaultProviders = map[string]bool{"vault": true, "openbao": true}

// reasons says why parameters of the vault provider have no counterpart.
var reasons = map[string]string{
	"vaultNamespace":         "OKMS has no namespaces of Vault Enterprise",
	"vaultSkipTLSVerify":     "the provider always verifies the server",
	"vaultCACertPath":        "copy the certificates into the parameter caBundle",
	"vaultCADirectory":       "copy the certificates into the parameter caBundle",
	"vaultTLSServerName":     "the name in the address is verified",
	"vaultTLSClientCertPath": "put the certificate into a Secret for nodePublishSecretRef, as tls.crt and tls.key",
	"vaultTLSClientKeyPath":  "put the certificate into a Secret for nodePublishSecretRef, as tls.crt and tls.key",
}

// logins are the parameters of the vault provider's login with Kubernetes.
var logins = []string{"roleName", "vaultKubernetesMountPath", "vaultAuthMountPath", "audience"}

// convertClass converts a SecretProviderClass of the vault provider.
func (i *item) convertClass() (*spc, []origin) {
	switch provider := i.text("spec", "provider"); {
	case provider == "ovhcloud":
		i.advise(nil, nil,
			"SecretProviderClass %s is one of this provider already", message.Name(i.text("metadata", "name")))
		return nil, nil
	case !vaultProviders[provider]:
		i.lose(nil, i.at("spec", "provider"),
			"SecretProviderClass %s is of the provider %s; only those of vault are converted",
			message.Name(i.text("metadata", "name")), message.Name(provider))
		return nil, nil
	}
	c := &spc{item: i, namespace: i.text("metadata", "namespace"), name: i.text("metadata", "name")}
	if c.name == "" {
		i.lose(nil, nil, "SecretProviderClass has no name")
		return nil, nil
	}
	parameters := i.at("spec", "parameters")
	from, ok := i.readParameters(c, parameters)
	if !ok {
		return nil, nil
	}
	i.readVaultObjects(c, yamlnode.Field(parameters, "objects"))
	for _, n := range yamlnode.Elements(i.at("spec", "secretObjects")) {
		i.copyMirror(c, n)
	}
	if !c.settle() {
		return nil, nil
	}
	return c, from
}

// readParameters reads the parameters of a class but its objects. It returns false if its secrets are
// not in OKMS.
func (i *item) readParameters(c *spc, n *yamlnode.Node) (from []origin, ok bool) {
	known := append([]string{"vaultAddress", "vaultCAPem", "objects"}, logins...)
	for name := range reasons {
		known = append(known, name)
	}
	at, server := yamlnode.Field(n, "vaultAddress"), yamlnode.TextAt(n, "vaultAddress")
	d, why := domain{}, "vaultAddress is not given; it is in the configuration of the vault provider"
	if server != "" {
		d, why = i.readDomain(at, server, "")
	}
	switch {
	case why != "" && i.options.Connection == "":
		i.lose(nil, orNode(at, n),
			"SecretProviderClass %s: its secrets are not in OKMS: %s; give a connection: --connection NAME",
			message.Name(c.name), why)
		return nil, false
	case why != "":
		i.lose(&c.above, orNode(at, n),
			"the secrets may not be in OKMS yet: %s; the connection needs them at the same paths", why)
	}
	i.only(&d.comments, n, "parameters", known...)
	if pem := yamlnode.Field(n, "vaultCAPem"); pem != nil && pem.Value != "" {
		d.addBundle(i, pem, pem.Value)
	}
	for _, name := range known {
		if reason := reasons[name]; reason != "" {
			i.drop(&d.comments, n, "parameters", reason, name)
		}
	}
	for _, name := range logins {
		if key, _ := yamlnode.Entry(n, name); key != nil {
			i.advise(&d.comments, key,
				"parameters.%s: OKMS has no logins of Kubernetes; the pods bring a credential, or the class has a "+
					"connection", name)
		}
	}
	c.notes, c.parameters = i.use(d)
	if why == "" {
		from = append(from, origin{i, d, c.login, i.title()})
	}
	return from, true
}

// readVaultObjects reads the list of objects within a class.
func (i *item) readVaultObjects(c *spc, at *yamlnode.Node) {
	if at == nil {
		i.lose(&c.above, nil, "parameters.objects is missing")
		return
	}
	documents, err := yamlnode.Documents(at.Value)
	if err != nil {
		i.lose(&c.above, at, "parameters.objects %s", err)
	}
	for _, document := range documents {
		for _, n := range yamlnode.Elements(document) {
			place := *n // the object's line in the source
			if place.Line += at.Line - 1; yamlnode.IsBlock(at) {
				place.Line++
			}
			c.objects = append(c.objects, i.vaultObject(n, &place))
		}
	}
}

// vaultObject converts an object. Messages are about place.
func (i *item) vaultObject(n, place *yamlnode.Node) *object {
	name, key := yamlnode.TextAt(n, "objectName"), yamlnode.TextAt(n, "secretKey")
	o := &object{of: place, file: name}
	for _, p := range yamlnode.Pairs(n) {
		switch p.Key.Value {
		case "objectName", "secretPath", "secretKey", "encoding", "filePermission", "secretArgs", "method":
		default:
			i.lose(&o.comments, place, "%s: unknown field", message.Name(p.Key.Value))
		}
	}
	s := &store{item: i}
	path := scalar(s.path(strings.TrimPrefix(yamlnode.TextAt(n, "secretPath"), "/")))
	o.members, o.reads = append(o.members, member{"secretPath", path}), []string{path}
	if key != "" {
		o.members = append(o.members, member{"secretKey", scalar(key)})
	} else {
		i.lose(&o.comments, place,
			"without secretKey, the vault provider writes the answer of Vault with its metadata; the file is the "+
				"secret as JSON")
	}
	if method := yamlnode.TextAt(n, "method"); method != "" && !strings.EqualFold(method, "GET") {
		i.lose(&o.comments, place, "method %s: secrets are read only", message.Name(method))
	}
	for _, p := range yamlnode.Pairs(yamlnode.Field(n, "secretArgs")) {
		if p.Key.Value == "version" {
			o.members = append(o.members, member{"objectVersion", number(p.Value.Value)})
		} else {
			i.lose(&o.comments, place, "secretArgs.%s: OKMS has no such argument", message.Name(p.Key.Value))
		}
	}
	if encoding := strings.ToLower(yamlnode.TextAt(n, "encoding")); encoding != "" && key != "" {
		o.members = append(o.members, member{"encoding", scalar(encoding)})
	}
	if name != "" {
		o.members = append(o.members, member{"objectName", scalar(name)})
	}
	if mode := yamlnode.Field(n, "filePermission"); mode != nil && mode.Value != "" && mode.Value != "0" {
		o.members = append(o.members, member{"filePermission", strconv.Quote(octal(mode.Value))})
	}
	return o
}

// octal returns a mode in octal: a number of YAML is decimal unless it begins with 0.
func octal(text string) string {
	if n, err := strconv.ParseUint(text, 10, 32); err == nil && !strings.HasPrefix(text, "0") {
		return fmt.Sprintf("0%o", n)
	}
	return text
}

// copyMirror copies an entry of secretObjects.
func (i *item) copyMirror(c *spc, n *yamlnode.Node) {
	m := &mirror{of: n, name: yamlnode.TextAt(n, "secretName"), kind: yamlnode.TextAt(n, "type")}
	i.only(&m.comments, n, "secretObjects", "secretName", "type", "labels", "annotations", "data")
	copied := func(name string) (all []member) {
		for _, p := range yamlnode.Pairs(yamlnode.Field(n, name)) {
			all = append(all, member{scalar(p.Key.Value), scalar(p.Value.Value)})
		}
		return all
	}
	m.labels, m.annotations = copied("labels"), copied("annotations")
	for _, one := range yamlnode.Elements(yamlnode.Field(n, "data")) {
		m.data = append(m.data, keyed{strings.TrimSpace(yamlnode.TextAt(one, "objectName")), yamlnode.TextAt(one, "key")})
	}
	c.mirrors = append(c.mirrors, m)
}
