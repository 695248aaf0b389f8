package provider

import (
	"cmp"
	"fmt"
	"path"
	"time"

	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
)

// plan is a mount that is known to be right as far as that can be known without
// asking the store. It is immutable.
type plan struct {
	origin
	// fallback is who is asked where the origin cannot be reached; nil for nobody.
	// noFallback is why it is nobody though the connection names one.
	fallback   *fallback
	noFallback string
	objects    []object
	// reads are the distinct reads of the objects, in their order. Objects of one
	// secret and version share one read, and so see one version.
	reads []okms.Ref
}

// origin is where a mount's secrets come from, and with what right.
type origin struct {
	domain     place.Domain
	credential credential.Credential
	// connection is its name, "" if the credential came with the mount. Where a mount
	// fails it may be one that does not exist, for the audit line.
	connection string
	// via is the connection, nil if the credential came with the mount.
	via *connections.Connection
}

// originOf is the origin that a connection is.
func originOf(c *connections.Connection, credential credential.Credential) origin {
	return origin{domain: c.Place(), credential: credential, connection: c.Name(), via: c}
}

// domainOf is a place as the store's client knows it.
func domainOf(p place.Domain) place.Domain {
	return place.Domain{Endpoint: p.Endpoint, ID: p.ID, CABundle: p.CABundle}
}

// maxStale is how old a secret may be that is served while the domain cannot be
// asked; daemons is the bound of those who have none of their own.
func (o origin) maxStale(daemons time.Duration) time.Duration {
	if o.via == nil {
		return daemons
	}
	return o.via.MaxStale(daemons)
}

// ref is what has to be read for the object.
func (o object) ref() okms.Ref { return okms.Ref{Path: o.secretPath, Version: o.version} }

// where names the object in messages about its content.
func (o object) where() string {
	version := "latest version"
	if o.version != 0 {
		version = fmt.Sprintf("version %d", o.version)
	}
	if o.allKeys {
		return fmt.Sprintf("objects[%d] (all keys of secret %q, %s)", o.number, o.secretPath, version)
	}
	return fmt.Sprintf("objects[%d] %s (secret %q, %s)", o.number, message.Quote(o.file()), o.secretPath, version)
}

// file is the path in the volume, or with allKeys the folder, "" for the root.
// By default it is the last element of the key or of the secret's path. Dots do
// not separate elements: the keys tls.crt and tls\.crt make the file tls.crt.
func (o object) file() string {
	switch {
	case o.objectName != "" || o.allKeys:
		return o.objectName
	case o.secretKey != "":
		return path.Base(fileOfKey(o.secretKey))
	}
	return path.Base(o.secretPath)
}

// makePlan parses a request and checks its parts against one another. It does no
// I/O. Everything that is wrong is returned; of the plan only connection counts
// then, for the audit line.
func makePlan(req Request, endpoints place.Endpoints, connections *connections.Set, now time.Time) (plan, []failure.Failure) {
	var c failure.List
	cl := parse(req.Attributes, len(req.Credentials) > 0, req.mode(), &c)
	p := plan{origin: origin{connection: cl.connection}, objects: cl.objects}
	switch {
	case cl.ownPlace:
		p.useOwn(req, cl, endpoints, now, &c)
	case !cl.combined:
		p.useConnection(req, cl, connections, &c)
	}
	tree, known := newLayout(), map[okms.Ref]bool{}
	for _, o := range cl.objects {
		checkObject(o, tree, &c)
		if !known[o.ref()] {
			known[o.ref()] = true
			p.reads = append(p.reads, o.ref())
		}
	}
	return p, c.All()
}

// credentialSource is where the credentials of a mount come from, in messages.
const credentialSource = "nodePublishSecretRef"

// checkObject checks the fields of an object against one another, and its place
// in the volume against that of the objects before it.
func checkObject(o object, tree layout, c *failure.List) {
	at := func(field string) string { return fmt.Sprintf("objects[%d].%s", o.number, field) }
	lineOf := func(field string) int { return cmp.Or(o.given[field], o.line) }
	defer func() { c.At(0) }()
	if o.allKeys && o.secretKey != "" {
		c.At(lineOf("allKeys"))
		c.Add(o.number, failure.Invalid, at("allKeys"), "cannot be combined with secretKey; drop one of them")
		return
	}
	c.At(lineOf("encoding"))
	if o.given["encoding"] > 0 && o.encoding != utf8Text && !o.allKeys && o.secretKey == "" {
		c.Add(o.number, failure.Invalid, at("encoding"), "applies to the value of a key; give secretKey or allKeys too")
	}
	c.At(lineOf("objectName"))
	if o.allKeys {
		if err := tree.addFolder(o.file(), o.number); err != nil {
			c.Add(o.number, failure.Invalid, at("objectName"), "%s", err)
		}
		return
	}
	if o.objectName == "" && !checkDefaultName(o, c) {
		return
	}
	if err := tree.addFile(o.file(), o.number); err != nil {
		c.Add(o.number, failure.Invalid, at("objectName"), "%s", err)
	}
}

// checkDefaultName checks the name of a file that is made of the key or the path.
func checkDefaultName(o object, c *failure.List) (ok bool) {
	err, space := checkFileName(o.file()), spaceAtEnds(o.secretKey)
	wrong := func(field, format string, args ...any) {
		c.Add(o.number, failure.Invalid, fmt.Sprintf("objects[%d].%s", o.number, field), format, args...)
	}
	switch {
	case err != nil && space != "":
		c.At(cmp.Or(o.given["secretKey"], o.line))
		wrong("secretKey", "%s; %s. If the key really has it, give objectName", space, writeKey(o.secretKey))
	case pathOperators.MatchString(o.secretKey):
		wrong("objectName", "is required where secretKey is a path with operators (#), which makes no name of a file")
	case err != nil:
		wrong("objectName", "is required: the default, %s, %s", message.Quote(o.file()), err)
	default:
		return true
	}
	return false
}
