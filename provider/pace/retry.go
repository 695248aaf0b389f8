package pace

import (
	"context"
	"math/rand/v2"
	"time"

	"ovhcloud-csi-provider/provider/okms"
)

// How a read is retried: with exponential backoff and full jitter. The waits are random,
// from 0 to firstWait for the first and to twice as much for each further one; four
// retries take two seconds in the mean. Longer troubles are kubelet's to retry, and the
// pod's events tell of them meanwhile.
const (
	mostRetries = 4
	firstWait   = 250 * time.Millisecond
)

// rate is what a bucket holds at most, and how long it takes to get one token more.
type rate struct {
	most  float64
	every time.Duration
}

// The budgets of retries, each a token bucket: a node adds at most two requests a second
// to the load of a domain in trouble. One credential has half of that, so that one which
// always fails, such as a certificate without rights, leaves retries to others; its
// namespace has three quarters, since a pod may bring any number of credentials.
var (
	ofDomain     = rate{20, 500 * time.Millisecond}
	ofNamespace  = rate{15, 666 * time.Millisecond}
	ofCredential = rate{10, time.Second}
)

// bucket is a token bucket. It holds spent tokens less than its rate's most, as of then.
type bucket struct {
	spent float64
	then  time.Time
}

// left is how many tokens a bucket holds now.
func (b *bucket) left(r rate, now time.Time) float64 {
	b.spent = max(0, b.spent-max(0, now.Sub(b.then).Seconds())/r.every.Seconds())
	b.then = now
	return r.most - b.spent
}

// spend takes a retry out of the budgets of a's domain, namespace and credential, if
// none of them is empty.
func (p *Pace) spend(d *domain, a asking) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	namespace := d.namespaces[a.Mount.namespace]
	if namespace == nil {
		namespace = &bucket{}
		d.namespaces[a.Mount.namespace] = namespace
	}
	credential := &p.history(d, a.Credential, now).retries
	switch {
	case d.retries.left(ofDomain, now) < 1, namespace.left(ofNamespace, now) < 1, credential.left(ofCredential, now) < 1:
		return false
	}
	d.retries.spent++
	namespace.spent++
	credential.spent++
	return true
}

// retryWait says whether a failed read is tried again, and after what time.
func (p *Pace) retryWait(
	ctx context.Context, d *domain, a asking, failed *okms.Error, retry int,
) (wait time.Duration, ok bool) {
	if retry >= mostRetries || !mayRetry(failed) || ctx.Err() != nil {
		return 0, false
	}
	// Not all at the same moment, when many were asked to wait as long.
	wait = max(failed.RetryAfter+rand.N(failed.RetryAfter/4+1), rand.N(firstWait<<retry))
	if deadline, bounded := ctx.Deadline(); bounded && time.Until(deadline) <= wait {
		return 0, false
	}
	return wait, p.spend(d, a)
}

// mayRetry tells failures that the same read may get over by itself.
func mayRetry(e *okms.Error) bool {
	switch e.Kind {
	case okms.Limited, okms.Unreachable:
		return true
	case okms.TokenFailing: // but not a page of a proxy that forbids it
		return e.Status/100 != 4 || e.Status == 429
	case okms.Failing:
		return e.Status == 500 || e.Status == 502 || e.Status == 503 || e.Status == 504
	case okms.SecretAbsent, okms.VersionAbsent, okms.Deactivated, okms.Deleted, okms.Unauthenticated, okms.Denied,
		okms.DomainUnknown, okms.Rejected, okms.TimedOut, okms.Untrusted, okms.Unreadable, okms.NodeFull, okms.ClientRefused:
	}
	return false
}
