package pace

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"ovhcloud-csi-provider/provider/okms"
)

// When a credential's reads of a domain are given a rest, and how it ends. After
// the reads of so many mounts in a row failed, one mount at a time may probe,
// every firstRest at first and every longestRest at last; the others fail at
// once with what is known. The first answer that says that OKMS works, be it a
// 404, ends it.
const (
	mountsInARow = 3
	firstRest    = time.Second
	longestRest  = 10 * time.Second
)

// proberAlone is how long a prober keeps the others out: where it hangs, the store
// may be well again for the next one.
const proberAlone = 5 * time.Second

// longestPause is the longest Retry-After that stops other mounts, too. A longer
// one ends the mount that got it, and those that come are let through until they
// have failed as well: an hour asked for by mistake must not stop pods for an
// hour.
const longestPause = 30 * time.Second

// trouble is what the failures of one credential's reads of one domain led to.
// It is there from the first failure to the next answer. Under Pace.mu.
type trouble struct {
	since time.Time   // when the last failure was
	last  *okms.Error // which one
	// failed are the mounts in a row whose reads failed, mountsInARow at most.
	failed []*Mount
	// While resting, only prober may read. The first mount that comes after until
	// becomes the prober; another may take its place after proberAlone.
	resting bool
	prober  *Mount
	probing time.Time // since when
	rest    time.Duration
	until   time.Time
	// Until pause OKMS wants to be left alone.
	pause time.Time
}

// verdict is what the end of a read tells of the store.
type verdict int

const (
	nothing verdict = iota // it was not asked, or its answer not waited for
	works                  // it answered, be it with a refusal
	fails                  // it could not be reached, or has a fault
)

// whose is a credential in a domain. What hurried reads learn of a store that gives
// no answer in their time stands apart: a store that takes longer may serve others.
type whose struct {
	credential [sha256.Size]byte
	hurried    bool
}

// troublesOf are those that bear on an asker.
func (d *domain) troublesOf(a asking) []*trouble {
	var all []*trouble
	if t := d.troubles[whose{a.Credential, false}]; t != nil {
		all = append(all, t)
	}
	if t := d.troubles[whose{a.Credential, true}]; t != nil && a.hurried {
		all = append(all, t)
	}
	return all
}

// mayAsk says whether a may read now. It may if both results are zero; wait is
// how long it must wait first; refused is the failure that stands for a new one.
func (p *Pace) mayAsk(ctx context.Context, d *domain, a asking) (wait time.Duration, refused *okms.Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := d.troubles[whose{a.Credential, true}]; t != nil && a.hurried && slices.Contains(t.failed, a.Mount) {
		// It has waited for one read, and need not for each of its others.
		return 0, t.repeated("another secret of this mount was waited for already")
	}
	for _, t := range d.troublesOf(a) {
		if wait, refused = t.mayAsk(ctx, a.Mount, p.now()); wait > 0 || refused != nil {
			break
		}
	}
	return wait, refused
}

func (t *trouble) mayAsk(ctx context.Context, m *Mount, now time.Time) (wait time.Duration, refused *okms.Error) {
	// What is further away than can have been meant is a clock that jumped.
	if pause := t.pause.Sub(now); pause > 0 && pause <= longestPause {
		if deadline, bounded := ctx.Deadline(); bounded && time.Until(deadline) < pause {
			return 0, t.repeated("OKMS asked this node to wait")
		}
		return pause, nil
	}
	switch {
	case !t.resting || t.prober == m:
	case isAhead(now, t.until, longestRest) || t.prober != nil && isAhead(now, t.probing.Add(proberAlone), proberAlone):
		return 0, t.repeated(restingText)
	default:
		t.prober, t.probing = m, now
	}
	return 0, nil
}

// isAhead says whether a moment is still to come, and not further away than it was
// when it was set.
func isAhead(now, at time.Time, most time.Duration) bool {
	return now.Before(at) && at.Sub(now) <= most
}

// Resting is why a's reads rest at the moment, if it is another mount that may
// probe; nil if they do not rest. A read that is under way then is such a probe. It
// is for who has something to fall back on, and so is hurried.
func (p *Pace) Resting(a Asker) *okms.Error {
	a.Domain.CABundle = ""
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.domains[a.Domain]
	if d == nil {
		return nil
	}
	for _, t := range d.troublesOf(asking{a, true}) {
		if t.resting && t.prober != a.Mount {
			return t.repeated(restingText)
		}
	}
	return nil
}

const restingText = "this failed for several mounts, and is tried again in a moment"

// repeated is the last failure, told to somebody for whom nothing was asked.
func (t *trouble) repeated(why string) *okms.Error {
	e := *t.last
	if e.Text != "" {
		e.Text += "; "
	}
	e.Text += why
	return &e
}

// conclude learns from the end of a read that took so long.
func (p *Pace) conclude(d *domain, a asking, said verdict, failed *okms.Error, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	apart := said == fails && a.hurried && failed.Kind == okms.TimedOut
	for _, of := range []whose{{a.Credential, false}, {a.Credential, true}} {
		t := d.troubles[of]
		switch {
		case said == works && took < Patience || said == works && !of.hurried:
			p.end(d, of)
		case said == fails && of.hurried == apart:
			if t == nil {
				t = &trouble{}
				d.troubles[of] = t
			}
			t.add(a.Mount, failed, p.now())
		case t != nil && t.prober == a.Mount:
			t.prober = nil // the next one may try
		}
	}
}

// end forgets a trouble, since OKMS answers. p.mu is held.
func (p *Pace) end(d *domain, of whose) {
	t := d.troubles[of]
	if t != nil && t.pause.After(p.now()) {
		// A limiter may answer one read and refuse another: that does not end the pause.
		t.failed, t.resting, t.prober = nil, false, nil
		return
	}
	delete(d.troubles, of)
}

// add draws the conclusions of one more failure.
func (t *trouble) add(m *Mount, failed *okms.Error, now time.Time) {
	t.since, t.last = now, failed
	if wish := now.Add(failed.RetryAfter); failed.RetryAfter <= longestPause && wish.After(t.pause) {
		t.pause = wish
	}
	switch {
	case t.resting && t.prober == m:
		t.prober = nil
		t.rest = min(2*t.rest, longestRest)
		t.until = now.Add(t.rest)
	case !t.resting:
		if !slices.Contains(t.failed, m) {
			t.failed = append(t.failed, m)
		}
		if len(t.failed) == mountsInARow {
			t.resting, t.failed = true, nil
			t.rest = firstRest
			t.until = now.Add(t.rest)
		}
	}
}
