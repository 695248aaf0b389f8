// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/rules"
)

// route returns how the objects read over their connection. It adds a failure to c if the
// connection does not allow that to the pod that kubelet names. A pod gets the same message for a
// connection that does not exist and for one that it may not use: only the log has the difference.
func (u *use) route(req Request, all *connections.Set, c *failure.List) Route {
	refused := Route{Origin: Origin{Connection: u.connection}}
	pod := req.Pod()
	connection := all.Find(u.connection)
	var grant rules.Grant
	if connection != nil {
		grant = connection.Grant(pod.Namespace, pod.ServiceAccount)
	}
	if !grant.Any() {
		u.put(u.notAllowed(req, connection, all), c)
		return refused
	}
	u.checkPaths(pod, connection.Name(), grant, c)
	credential, err := connection.Credential()
	if err != nil {
		u.put(failure.Failure{Kind: failure.NoCredential,
			What:   fmt.Sprintf("connection %q has no usable credential at the moment", connection.Name()),
			Advice: "ask the cluster's administrator: the reason is in the provider's log and at /readyz",
			Hidden: err.Error()}, c)
		return refused
	}
	r := Route{Origin: OriginOf(connection, credential), grant: &grant}
	r.Fallback, r.noFallback = fallbackOf(r.Origin, all, pod)
	return r
}

// checkPaths adds a failure for each secret of the objects that the connection does not allow.
func (u *use) checkPaths(pod Pod, connection string, grant rules.Grant, c *failure.List) {
	refuse := func(o class.Object, field, what, hint string) {
		c.At(o.LineOf(field))
		c.Add(o.Number, failure.NotAllowed, fmt.Sprintf("objects[%d].%s", o.Number, field),
			"connection %q does not allow %s to %s; it allows %s%s",
			connection, what, caller(pod), message.Bound(strings.Join(grant.Paths(), ", "), 300), hint)
	}
	for _, o := range u.objects {
		if o.Find != nil {
			if !grant.AllowsBelow(o.Find.Path) {
				refuse(o, "find", "all secrets below "+o.Find.Folder(), "")
			}
			continue
		}
		for n := range o.Count() {
			if source := o.Source(n); !grant.Allows(source.Path) {
				refuse(o, o.FieldOf(source), message.Quote(source.Path), allowedHint(grant, source.Path))
			}
		}
	}
	c.At(0)
}

// notAllowed returns the failure for a connection that does not exist (connection is nil) or that
// the pod may not use. Only Hidden, which is for the log, differs between the two.
func (u *use) notAllowed(req Request, connection *connections.Connection,
	connections *connections.Set) failure.Failure {
	f := failure.Failure{Kind: failure.NotAllowed,
		What:   fmt.Sprintf("there is no connection %s that %s may use", message.Quote(u.connection), caller(req.Pod())),
		Advice: "check the name, or ask the cluster's administrator to allow it"}
	if _, stated := req.Attributes[class.ParamConnection]; !stated && u.from == nil {
		f.What = "neither region nor endpoint nor credentials are given, and " + f.What
		f.Advice = "give region, okmsId and " + class.CredentialSource +
			", or ask the cluster's administrator for a connection"
	}
	switch {
	case connection != nil:
		f.Hidden = "the connection exists, and no rule of its allow matches the namespace and service account"
	case connections.Problem() != nil:
		f.Hidden = "there is no such connection; the configuration's newest state is not in use: " +
			connections.Problem().Error()
	default:
		f.Hidden = "there is no such connection"
	}
	return f
}

// caller returns the service account and namespace of a pod, for messages.
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

// useOwn sets the plan's origin from the mount: the domain of its class and the credential of its
// Secret. It adds a failure to c if the credential may not be sent to that domain.
func (p *Plan) useOwn(req Request, cl class.Class, endpoints place.Endpoints, now time.Time, c *failure.List) {
	p.Domain = cl.Domain
	if cl.Domain.Endpoint != "" {
		if err := endpoints.Check(cl.Domain.Endpoint); err != nil {
			c.Add(failure.WholeClass, failure.EndpointRefused, "parameters."+class.ParamEndpoint,
				"no credential is sent there: %s", err)
		}
	}
	if len(req.Credentials) == 0 {
		c.Add(failure.WholeClass, failure.NoCredential, class.CredentialSource,
			"no credentials came with the mount; name a Secret with a token, with tls.crt and tls.key, "+
				"or with clientId and clientSecret in nodePublishSecretRef of the pod's volume")
		return
	}
	own, err := credential.Parse(req.Credentials, class.CredentialSource, now)
	if err == nil && cl.Domain.Endpoint != "" {
		own, err = own.At(cl.Domain.Endpoint)
	}
	if err != nil {
		c.Add(failure.WholeClass, failure.NoCredential, class.CredentialSource, "%s", err)
		return
	}
	if url := own.Client().TokenURL; url != "" {
		if err := endpoints.CheckTokenURL(url); err != nil {
			c.Add(failure.WholeClass, failure.EndpointRefused, class.CredentialSource+"."+credential.KeyTokenURL,
				"no credential is sent there: %s", err)
		}
	}
	p.Credential = own
}

// allowedHint returns the cure for a path that is written as for Vault: what to drop, if the
// grant allows the rest. It returns "" for other paths.
func allowedHint(grant rules.Grant, path string) string {
	if dropped, rest := class.PathWithoutVault(path); dropped == "" || !grant.Allows(rest) {
		return ""
	}
	return "; " + class.VaultHint(path)
}
