package provider

import (
	"fmt"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/place"
)

// defaultConnection is used where a mount states nothing of where its secrets
// are, and brings no credentials.
const defaultConnection = "default"

// chooseConnection gives the name of the connection that a mount uses, unless it
// states itself where its secrets are. A connection has a place and a credential
// of its own: whatever else the mount states of these is an error, because a pod
// can override every parameter of its class. combined says that there is such an error:
// then it is not known what was meant.
func chooseConnection(attributes map[string]string, credentials bool, c *failure.List) (name string, ownPlace, combined bool) {
	var stated []string
	for _, field := range place.Fields() {
		if _, given := attributes[field]; given {
			stated = append(stated, field)
		}
	}
	name, given := attributes[paramConnection]
	if !given && len(stated) == 0 && !credentials {
		return defaultConnection, false, false
	}
	if !given {
		return "", true, false
	}
	if len(stated) > 0 || credentials {
		c.Add(failure.WholeClass, failure.Invalid, "parameters."+paramConnection, "%s", cannotCombine(stated, credentials))
		combined = true
	}
	return strings.TrimSpace(name), false, combined
}

// cannotCombine is what is wrong with a connection where other fields of a place, or
// credentials, are given too. It is one mistake, however many there are.
func cannotCombine(stated []string, credentials bool) string {
	others := stated
	if credentials {
		others = append(others, credentialSource)
	}
	list := others[len(others)-1]
	if before := others[:len(others)-1]; len(before) > 0 {
		list = strings.Join(before, ", ") + " and " + list
	}
	return fmt.Sprintf("cannot be combined with %s: a connection has its own; drop connection, or drop %s", list, list)
}

// useConnection makes the plan one with a connection's place and credential, if
// the connection allows that to the pod that kubelet states. What does not exist
// and what the pod may not use look alike to the pod: the difference is for the
// log alone.
func (p *plan) useConnection(req Request, cl class, all *connections.Set, c *failure.List) {
	pod := req.Pod()
	connection := all.Find(cl.connection)
	var grant connections.Grant
	if connection != nil {
		grant = connection.Grant(pod.Namespace, pod.ServiceAccount)
	}
	if !grant.Any() {
		c.Put(notAllowed(req, cl, connection, all))
		return
	}
	for _, o := range cl.objects {
		c.At(o.given["secretPath"])
		if !grant.Allows(o.secretPath) {
			c.Add(o.number, failure.NotAllowed, fmt.Sprintf("objects[%d].secretPath", o.number), "connection %q does not allow %s to %s; it allows %s%s",
				connection.Name(), message.Quote(o.secretPath), caller(pod), message.Bound(strings.Join(grant.Paths(), ", "), 300), allowedHint(grant, o.secretPath))
		}
	}
	c.At(0)
	credential, err := connection.Credential()
	if err != nil {
		c.Put(failure.Failure{Kind: failure.NoCredential, Object: failure.WholeClass, Where: "parameters." + paramConnection,
			What:   fmt.Sprintf("connection %q has no usable credential at the moment", connection.Name()),
			Advice: "who runs the provider finds the reason in its log and at /readyz", Hidden: err.Error()})
		return
	}
	p.origin = originOf(connection, credential)
	p.fallback, p.noFallback = fallbackOf(p.origin, all, pod)
}

// notAllowed is the one answer for connections that do not exist and for those
// that the pod may not use.
func notAllowed(req Request, cl class, connection *connections.Connection, connections *connections.Set) failure.Failure {
	f := failure.Failure{Kind: failure.NotAllowed, Object: failure.WholeClass, Where: "parameters." + paramConnection,
		What:   fmt.Sprintf("there is no connection %s that %s may use", message.Quote(cl.connection), caller(req.Pod())),
		Advice: "check the name, or ask who runs the provider to allow it"}
	if _, stated := req.Attributes[paramConnection]; !stated {
		f.What = "neither region nor endpoint nor credentials are given, and " + f.What
		f.Advice = "give region, okmsId and " + credentialSource + ", or ask who runs the provider for a connection"
	}
	switch {
	case connection != nil:
		f.Hidden = "the connection exists, and no rule of its allow matches the namespace and service account"
	case connections.Problem() != nil:
		f.Hidden = "there is no such connection; the configuration's newest state is not in use: " + connections.Problem().Error()
	default:
		f.Hidden = "there is no such connection"
	}
	return f
}

// caller names whom kubelet states the mount is for.
func caller(pod Pod) string {
	account := "a service account that is not stated"
	if pod.ServiceAccount != "" {
		account = "service account " + message.Quote(pod.ServiceAccount)
	}
	if pod.Namespace == "" {
		return account + " of a namespace that is not stated"
	}
	return fmt.Sprintf("%s of namespace %s", account, message.Quote(pod.Namespace))
}

// useOwn makes the plan one with the place that the mount states and the
// credential that it brings, if that credential may go there.
func (p *plan) useOwn(req Request, cl class, endpoints place.Endpoints, now time.Time, c *failure.List) {
	p.domain = cl.domain
	if cl.domain.Endpoint != "" {
		if err := endpoints.Check(cl.domain.Endpoint); err != nil {
			c.Add(failure.WholeClass, failure.EndpointRefused, "parameters."+paramEndpoint, "no credential is sent there: %s", err)
		}
	}
	if len(req.Credentials) == 0 {
		c.Add(failure.WholeClass, failure.NoCredential, credentialSource, "no credentials came with the mount; name a Secret with a token, with tls.crt and tls.key, "+
			"or with clientId and clientSecret in nodePublishSecretRef of the pod's volume")
		return
	}
	own, err := credential.Parse(req.Credentials, credentialSource, now)
	if err == nil && cl.domain.Endpoint != "" {
		own, err = own.At(cl.domain.Endpoint)
	}
	if err != nil {
		c.Add(failure.WholeClass, failure.NoCredential, credentialSource, "%s", err)
		return
	}
	if url := own.Client().TokenURL; url != "" {
		if err := endpoints.CheckTokenURL(url); err != nil {
			c.Add(failure.WholeClass, failure.EndpointRefused, credentialSource+"."+credential.KeyTokenURL, "no credential is sent there: %s", err)
		}
	}
	p.credential = own
}
