// Package provider turns a mount request into files: parse, plan, fetch, render.
//
// It knows SecretProviderClasses and OKMS. It does not know gRPC, flags or the
// file system: the Secrets Store CSI driver writes the files.
package provider

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/cache"
	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/pace"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/sensitive"
)

// Config of a Provider. The zero value works.
type Config struct {
	// Endpoints says where the credentials of a mount may be sent.
	Endpoints place.Endpoints
	// Connections are the identities that mounts may use without credentials of
	// their own. nil has none.
	Connections *connections.Set
	// MaxReads is how many reads of one OKMS domain may be under way at once, over
	// all mounts. 0 means 64.
	MaxReads int
	// CacheTTL is how long a secret that was read is served to other mounts with
	// the same credential. 0 keeps none.
	CacheTTL time.Duration
	// CacheBytes bounds the secrets that are kept. 0 means 64 MiB.
	CacheBytes int
	// MaxStale is how old a secret may be that is served while OKMS cannot be
	// reached or fails. 0 serves none.
	MaxStale time.Duration
	// Budget is the memory that mounts share, with others where they have the same. nil is
	// one of its own, of budget.DefaultLimit.
	Budget *budget.Budget
	// UserAgent is what OKMS is told this program is. Empty leaves Go's own.
	UserAgent string
	// Observe is called after each exchange with OKMS; nil observes nothing.
	Observe func(Call)
	// ObserveRead is called for each read of a secret with how it was served, and
	// ObserveRetry before each further attempt at one with what it is for. nil
	// observes nothing.
	ObserveRead  func(ReadOutcome)
	ObserveRetry func(failure.Kind)
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// Call is one exchange with OKMS.
type Call = okms.Call

// Reload is a change of a connection; ConnectionsStatus is the state of all.
type (
	Reload            = connections.Reload
	ConnectionsStatus = connections.Status
)

// ReadOutcome is how a read of a secret was served.
type ReadOutcome = cache.Outcome

// ReadOutcomes is every ReadOutcome.
func ReadOutcomes() []ReadOutcome {
	return []ReadOutcome{cache.Hit, cache.Miss, cache.Joined, cache.Stale, Fallback}
}

// Provider serves mounts, any number at once. Of the goroutines that it starts one
// kind may outlive the mount that needed it: an OAuth2 client's exchange for its
// next token, which ends by itself, or with Close.
type Provider struct {
	endpoints   place.Endpoints
	connections *connections.Set
	clients     clients
	cache       *cache.Cache
	pace        *pace.Pace
	budget      *budget.Budget
	known       *known
	maxStale    time.Duration
	now         func() time.Time
	observeRead func(ReadOutcome) // never nil
}

// New makes a Provider. The caller closes it after the last mount.
func New(c Config) *Provider {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.ObserveRead == nil {
		c.ObserveRead = func(ReadOutcome) {}
	}
	if c.Budget == nil {
		c.Budget = budget.New(0)
	}
	retried := func(kind failure.Kind) {
		if c.ObserveRetry != nil {
			c.ObserveRetry(failure.Kind(kind))
		}
	}
	p := &Provider{
		endpoints:   c.Endpoints,
		connections: c.Connections,
		clients: clients{options: okms.Options{UserAgent: c.UserAgent, Observe: c.Observe, Conns: okms.NewConns(c.Budget.Connections),
			Answers: okms.NewQuota(int(c.Budget.Answers), int(c.Budget.AnswerShare))}, now: c.Now, budget: c.Budget,
			byKey: map[clientKey]*pooled{}, current: map[string]clientKey{}},
		cache:       cache.New(cache.Config{TTL: c.CacheTTL, Bytes: c.CacheBytes, Observe: c.ObserveRead, Now: c.Now}),
		pace:        pace.New(pace.Config{Reads: c.MaxReads, Total: c.Budget.Reads, Retried: retried, Now: c.Now}),
		budget:      c.Budget,
		known:       newKnown(),
		maxStale:    c.MaxStale,
		now:         c.Now,
		observeRead: c.ObserveRead,
	}
	p.budget.OnGrowth(p.giveWay)
	return p
}

// giveWay shrinks the cache to what mounts leave free of the budget.
func (p *Provider) giveWay() {
	if _, kept := p.cache.Size(); int64(kept) > p.budget.Free() {
		p.cache.Shrink(kept - int(p.budget.Free()))
	}
}

// sweepEvery is how often Run looks for what is not used any more.
const sweepEvery = 10 * time.Second

// Run lets go of secrets, connections and memories that nobody uses any more,
// until ctx is done. Mounts do not need it; memory does.
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

// Sweep does once what Run does again and again.
func (p *Provider) Sweep() {
	p.cache.Sweep()
	p.pace.Sweep()
	p.clients.sweep()
}

// Close lets go of the connections to OKMS, and ends exchanges for tokens.
func (p *Provider) Close() { p.clients.close() }

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
	// Stale are those of Reads that OKMS could not be asked for, as "path@version
	// read 5m0s ago"; StaleBecause is why.
	Stale        []string
	StaleBecause string
	// Fallback is what the connection's fallback gave.
	Fallback FallbackReads
	// Sent is to be called when the caller has the files, or will not get them: their
	// memory is counted until then. It is nil where there are none.
	Sent func()
}

// FallbackReads are those of a mount's reads that the fallback of its connection
// gave: its name, its credential without telling it, the secrets as path@version,
// and why the connection itself could not be asked for the first of them. All are
// empty where it gave none.
type FallbackReads struct {
	Connection, Credential string
	Reads                  []string
	Because                string
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
	account := req.Account
	if account == nil {
		account = p.budget.Open(req.Pod().Namespace)
		defer account.Close()
	}
	pl, failures := p.plan(ctx, account, req)
	if len(failures) > 0 {
		return Response{Connection: message.Name(pl.connection)}, &failure.Error{Class: req.Class(), Failures: failures}
	}
	if !account.Wait(ctx, budget.Running, running(pl)) {
		return Response{Connection: pl.connection}, NodeFullError(req.Class())
	}
	from, release, err := p.sourcesOf(pl, account.Namespace())
	if errors.Is(err, errNoClient) {
		return Response{Connection: pl.connection}, NodeFullError(req.Class())
	}
	if err != nil {
		return Response{}, &failure.Error{Class: req.Class(), Failures: []failure.Failure{{Kind: failure.Broken, Object: failure.WholeClass, Where: "parameters", What: err.Error()}}}
	}
	defer release()
	got, failures := p.fetch(ctx, account, from, pl.reads)
	response := Response{Connection: pl.connection, Credential: pl.credential.String(), Reads: readsOf(pl, got), Fallback: fallbackReads(pl, got)}
	response.Stale, response.StaleBecause = staleOf(pl, got)
	if len(failures) == 0 {
		failures = p.render(ctx, account, pl, got, &response)
	}
	if len(failures) > 0 {
		return response, &failure.Error{Class: req.Class(), Failures: failures}
	}
	return response, nil
}
