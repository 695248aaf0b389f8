// SPDX-License-Identifier: Apache-2.0

package pace

import (
	"context"
	"time"

	"ovhcloud-csi-provider/provider/okms"
)

// Rule 8: retries have exponential backoff with full jitter. The waits are random, from 0
// to firstWait before the first retry and to twice as much before each further one, so four
// retries take two seconds on average. kubelet retries after longer faults, and the events
// of the pod show them meanwhile.
const (
	mostRetries = 4
	firstWait   = 250 * time.Millisecond
)

// rate is the size of a token bucket, and how long it takes to get one more token.
type rate struct {
	most  float64
	every time.Duration
}

// Rule 9: the retry budgets, each a token bucket. A node adds at most two requests a second
// to the load of a failing domain. One credential has half of that, so that one which
// always fails, such as a certificate without rights, leaves retries to others. A namespace
// has three quarters, since a pod may bring any number of credentials.
var (
	ofDomain     = rate{20, 500 * time.Millisecond}
	ofNamespace  = rate{15, 666 * time.Millisecond}
	ofCredential = rate{10, time.Second}
)

// bucket is a token bucket: at the time then, it held its size less the spent tokens.
type bucket struct {
	spent float64
	then  time.Time
}

// left returns how many tokens the bucket holds now.
func (b *bucket) left(r rate, now time.Time) float64 {
	b.spent = max(0, b.spent-max(0, now.Sub(b.then).Seconds())/r.every.Seconds())
	b.then = now
	return r.most - b.spent
}

// spend takes one retry from the budgets of the domain, the namespace and the credential.
// It returns false, and takes nothing, if one of them is empty.
func (p *Pace) spend(d *domain, a Asker) bool {
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

// retryWait reports whether a failed read is retried, and after which time.
func (p *Pace) retryWait(
	ctx context.Context, d *domain, a Asker, failed *okms.Error, retry int,
) (wait time.Duration, ok bool) {
	if retry >= mostRetries || !failed.Kind.Retries(failed.Status) || ctx.Err() != nil {
		return 0, false
	}
	// Jitter also on Retry-After, which many reads may have got at once.
	wait = max(failed.RetryAfter+p.jitter(failed.RetryAfter/4+1), p.jitter(firstWait<<retry))
	if deadline, bounded := ctx.Deadline(); bounded && time.Until(deadline) <= wait {
		return 0, false
	}
	return wait, p.spend(d, a)
}
