package provider

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"ovhcloud-csi-provider/provider/auth"
	"ovhcloud-csi-provider/provider/cache"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/pace"
)

// fallback is the connection that a plan's own names, for the secrets that its
// own domain could not be asked for.
type fallback struct {
	origin
	// grant is what the fallback's own rules allow to the same pod.
	grant auth.Grant
	// unusable is why there is no fallback although one is named, for the log.
	unusable string
}

// fallbackOf is the fallback of a connection for a pod, nil if none is named. A
// fallback that cannot be used is no failure of the mount. Its own fallback is
// not followed.
func fallbackOf(connection *auth.Connection, pod Pod, connections *auth.Connections) *fallback {
	name := connection.Fallback()
	if name == "" {
		return nil
	}
	to := connections.Find(name)
	if to == nil { // the file has just changed
		return &fallback{unusable: fmt.Sprintf("the fallback, connection %q, does not exist", name)}
	}
	credential, err := to.Credential()
	if err != nil {
		return &fallback{unusable: fmt.Sprintf("the fallback, connection %q, has no usable credential: %s", name, err)}
	}
	return &fallback{origin: originOf(to, credential), grant: to.Grant(pod.Namespace, pod.ServiceAccount)}
}

// refuses is why a secret is not read from the fallback, for the log; empty if it
// may be.
func (f *fallback) refuses(path string) string {
	switch {
	case f.unusable != "":
		return f.unusable
	case !f.grant.Allows(path):
		return fmt.Sprintf("the fallback, connection %q, does not allow %s to the pod", f.connection, quoted(path))
	}
	return ""
}

// second is the fallback of one mount under way. Its client is made when the
// first read needs it. nil stands for no fallback.
type second struct {
	provider *Provider
	fallback *fallback

	once    sync.Once
	source  source
	release func()
	err     error
}

// secondOf is the second source of a plan. It must be closed.
func (p *Provider) secondOf(pl plan) *second {
	if pl.fallback == nil {
		return nil
	}
	return &second{provider: p, fallback: pl.fallback}
}

func (s *second) close() {
	if s != nil && s.release != nil {
		s.release()
	}
}

func (s *second) open() (source, error) {
	s.once.Do(func() {
		s.source, s.release, s.err = s.provider.clients.get(s.fallback.origin)
		s.source.maxStale = s.fallback.maxStale(s.provider.maxStale)
	})
	return s.source, s.err
}

// mayRead says whether a secret may be read from here.
func (s *second) mayRead(path string) bool { return s != nil && s.fallback.refuses(path) == "" }

// read reads a secret as if the mount had named the fallback: with its
// credential, under its rules of caching, joining and pacing.
func (s *second) read(ctx context.Context, mount *pace.Mount, ref okms.Ref) (cache.Value, error) {
	from, err := s.open()
	if err != nil {
		return cache.Value{}, &okms.Error{Kind: okms.Kind(Broken), Text: err.Error()}
	}
	return s.provider.cache.Get(ctx, s.provider.asked(from, mount, ref))
}

// readFrom is where a secret was read.
func (p plan) readFrom(f fetched) origin {
	if f.elsewhere != nil {
		return p.fallback.origin
	}
	return p.origin
}

// Fallback is what of a mount was read from the fallback of its connection.
type Fallback struct {
	// Connection is the fallback's name, and Credential names the one that was used.
	Connection, Credential string
	// Reads are the secrets that were read there, as path@version.
	Reads []string
	// Because is why the first of them was.
	Because string
}

// fellBack is what of a mount came from its fallback, nil if nothing did.
func fellBack(pl plan, got map[okms.Ref]fetched) *Fallback {
	var all *Fallback
	for _, ref := range pl.reads {
		f := got[ref]
		if f.elsewhere == nil {
			continue
		}
		if all == nil {
			all = &Fallback{Connection: pl.fallback.connection, Credential: pl.fallback.credential.String(), Because: f.elsewhere.Error()}
		}
		all.Reads = append(all.Reads, fmt.Sprintf("%s@%d", f.secret.Path, f.secret.Version))
	}
	return all
}

// explainBoth is the failure of an object with what was tried beside its own
// domain.
func explainBoth(pl plan, o object, f fetched) Failure {
	out := explain(pl.origin, o, f)
	switch {
	case f.second != nil:
		also := explain(pl.fallback.origin, o, fetched{err: f.second})
		also.Where = fmt.Sprintf("the fallback, connection %q, was asked too", pl.fallback.connection)
		out.Also = &also
	case pl.fallback != nil && f.err.Kind.MayPass():
		out.Hidden = pl.fallback.refuses(o.secretPath)
	}
	return out
}

// storeError is the failure of the store in the chain of a read's error.
func storeError(err error) *okms.Error {
	var failed *okms.Error
	if !errors.As(err, &failed) {
		failed = &okms.Error{Kind: okms.Kind(Broken), Text: err.Error()}
	}
	return failed
}
