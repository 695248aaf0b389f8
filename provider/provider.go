// SPDX-License-Identifier: Apache-2.0

// Package provider turns a mount request into files: class, plan, read, render.
//
// It knows SecretProviderClasses and OKMS. It does not know gRPC, flags or the file system:
// the Secrets Store CSI driver writes the files.
package provider

import (
	"context"
	"time"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/read"
	"ovhcloud-csi-provider/provider/render"
)

// Config of a Provider. The zero value works.
type Config struct {
	// Endpoints says where the credentials of a mount may be sent.
	Endpoints place.Endpoints
	// Connections are the identities that mounts may use without credentials of their own.
	// nil has none.
	Connections *connections.Set
	// Reader is how secrets are read, with the budget and the clock of all. If its Budget
	// is nil, the provider makes one with budget.DefaultLimit.
	Reader read.Config
}

// ReaderConfig is how secrets are read.
type ReaderConfig = read.Config

// Call is one exchange with OKMS.
type Call = okms.Call

// Reload is a change of a connection; ConnectionsStatus is the state of all.
type (
	Reload            = connections.Reload
	ConnectionsStatus = connections.Status
)

// Provider serves mounts, any number at once.
type Provider struct {
	rights plan.Rights
	reader *read.Reader
	budget *budget.Budget
	given  *volumes
	now    func() time.Time
}

// New makes a Provider. The caller closes it after the last mount.
func New(c Config) *Provider {
	if c.Reader.Now == nil {
		c.Reader.Now = time.Now
	}
	if c.Reader.Budget == nil {
		c.Reader.Budget = budget.New(0)
	}
	return &Provider{rights: plan.Rights{Endpoints: c.Endpoints, Connections: c.Connections}, reader: read.New(c.Reader),
		budget: c.Reader.Budget, given: newVolumes(), now: c.Reader.Now}
}

// sweepEvery is how often Run drops what is unused.
const sweepEvery = 10 * time.Second

// Run drops what mounts do not use any more, until ctx ends. Mounts do not need it; memory
// does.
func (p *Provider) Run(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			p.Sweep()
		}
	}
}

// Sweep does once what Run repeats.
func (p *Provider) Sweep() { p.reader.Sweep() }

// Breakers returns how many circuit breakers of domains and credentials are open, and how many are
// half-open.
func (p *Provider) Breakers() (opened, halfOpened int) { return p.reader.Breakers() }

// Close closes the connections to OKMS, and ends exchanges for tokens.
func (p *Provider) Close() { p.reader.Close() }

// Mount reads what the request asks for. The error is a *failure.Error with every reason
// for the failure; no files are returned then.
func (p *Provider) Mount(ctx context.Context, req Request) (Response, error) {
	account := req.Account
	if account == nil {
		account = p.budget.Open(req.Pod().Namespace)
		defer account.Close()
	}
	pl, failures := p.planned(ctx, account, req)
	if len(failures) > 0 {
		return Response{Connection: stated(pl.Connection)}, &failure.Error{Class: req.Class(), Failures: failures}
	}
	var response Response
	response.identify(pl)
	pl, got, failures := p.reader.Read(ctx, account, pl)
	response.note(pl, got)
	if len(failures) == 0 {
		failures = p.render(ctx, account, pl, inputs(pl, got), &response)
	} else {
		failures = append(failures, render.Unread(pl, inputs(pl, got))...)
	}
	if len(failures) > 0 {
		return response, &failure.Error{Class: req.Class(), Failures: failures}
	}
	p.given.note(req.volume())
	return response, nil
}

// stated returns the name of a connection that a pod asked for, safe for the log, "" for
// none.
func stated(connection string) string {
	if connection == "" {
		return ""
	}
	return message.Name(connection)
}
