// Package provider turns a mount request into files: parse, plan, fetch, render.
//
// It knows SecretProviderClasses and OKMS. It does not know gRPC, flags or the
// file system: the Secrets Store CSI driver writes the files.
package provider

import (
	"context"
	"io/fs"
	"time"

	"ovhcloud-csi-provider/provider/auth"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/sensitive"
)

// Config of a Provider. The zero value works.
type Config struct {
	// Endpoints says where the credentials of a mount may be sent.
	Endpoints auth.Endpoints
	// Connections are the identities that mounts may use without credentials of
	// their own. nil has none.
	Connections *auth.Connections
	// MaxReads is how many reads may be under way at once, over all mounts.
	// 0 means 64.
	MaxReads int
	// UserAgent is what OKMS is told this program is. Empty leaves Go's own.
	UserAgent string
	// Observe is called after each exchange with OKMS; nil observes nothing.
	Observe func(Call)
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// Call is one exchange with OKMS.
type Call = okms.Call

// Reload is a change of a connection; ConnectionsStatus is the state of all.
type (
	Reload            = auth.Reload
	ConnectionsStatus = auth.Status
)

// Provider serves mounts, any number at once. It starts no goroutine that
// outlives the mount which needed it.
type Provider struct {
	endpoints auth.Endpoints
	holds     *auth.Connections
	clients   clients
	room      chan struct{}
	now       func() time.Time
}

// New makes a Provider. The caller closes it after the last mount.
func New(c Config) *Provider {
	if c.MaxReads <= 0 {
		c.MaxReads = 64
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Provider{
		endpoints: c.Endpoints,
		holds:     c.Connections,
		clients: clients{options: okms.Options{UserAgent: c.UserAgent, Observe: c.Observe}, now: c.Now,
			byKey: map[clientKey]*pooled{}, current: map[string]clientKey{}},
		room: make(chan struct{}, c.MaxReads),
		now:  c.Now,
	}
}

// Close lets go of the connections to OKMS.
func (p *Provider) Close() { p.clients.close() }

// Request is one mount as the driver asks for it.
type Request struct {
	// Attributes are the parameters of the SecretProviderClass, overridden by the
	// pod's volumeAttributes, and what kubelet states of the pod.
	Attributes map[string]string
	// Credentials are those of nodePublishSecretRef. nil if the volume has none.
	Credentials auth.Material
	// Mode is for files whose object states none; 0 means 0644.
	Mode fs.FileMode
}

func (r Request) mode() fs.FileMode {
	if r.Mode == 0 {
		return 0o644
	}
	return r.Mode
}

// Pod is whom a mount is for, as kubelet states it. Fields may be empty.
type Pod struct{ Namespace, Name, UID, ServiceAccount string }

// Pod says whom the mount is for.
func (r Request) Pod() Pod {
	return Pod{Namespace: r.Attributes[attributeNamespace], Name: r.Attributes[attributePod],
		UID: r.Attributes[attributePodUID], ServiceAccount: r.Attributes[attributeAccount]}
}

// Class is the SecretProviderClass as namespace/name, as far as it is stated.
func (r Request) Class() string {
	return bounded(r.Attributes[attributeNamespace]+"/"+r.Attributes[attributeClass], 300)
}

// Response is everything that the driver shall write. Versions holds one entry
// for each file, and one for each optional object that does not exist.
type Response struct {
	Files    []File
	Versions []Version
	// Connection is the name of the connection that was asked for, and Credential
	// names the credential that was used, without telling it. Both may be there
	// where a mount fails.
	Connection, Credential string
	// Reads are the secrets that were read, as path@version, for the audit line.
	// Where a mount fails, those stand here that could be read all the same.
	Reads []string
}

// File is one file of the volume. Path is relative to its root.
type File struct {
	Path     string
	Mode     fs.FileMode
	Contents sensitive.Bytes
}

// Version tells the driver whether a file may have changed. IDs are unique.
type Version struct{ ID, Version string }

// Mount reads what the request asks for. The error is an *Error that holds every
// reason for the failure; nothing is delivered then.
func (p *Provider) Mount(ctx context.Context, req Request) (Response, error) {
	pl, failures := makePlan(req, p.endpoints, p.holds, p.now())
	if len(failures) > 0 {
		return Response{Connection: bounded(pl.connection, 80)}, &Error{Class: req.Class(), Failures: failures}
	}
	client, release, err := p.clients.get(pl)
	if err != nil {
		return Response{}, &Error{Class: req.Class(), Failures: []Failure{{Kind: Broken, Object: WholeClass, Where: "parameters", What: err.Error()}}}
	}
	defer release()
	got := p.fetch(ctx, client, pl.reads)
	response, failures := render(ctx, pl, got)
	response.Connection, response.Credential, response.Reads = pl.connection, pl.credential.String(), readsOf(pl, got)
	if len(failures) > 0 {
		return response, &Error{Class: req.Class(), Failures: failures}
	}
	return response, nil
}
