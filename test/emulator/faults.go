// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault makes matching requests fail. The zero value of a field has no effect. Delay applies before
// everything else. Status, Redirect and Echo replace the answer. Truncate, CloseAfterHeaders and
// Drip change how any answer is sent. Only the first fault that matches a request is applied.
type Fault struct {
	Path   string // substring of the escaped path and query; "" matches every request
	Writes bool   // only requests that write, as for OKMS in read-only mode
	Times  int    // how many requests (for TLSAlert: handshakes) it applies to; 0 means until removed

	Status      int    // answer with this status, and an OKMS error body unless Body is set
	RetryAfter  string // the Retry-After header, with Status
	ContentType string // of Body; "" means application/json
	Body        string // with Status

	// Hang waits until the client closes the connection, the server closes, or the fault is
	// removed; only then it sends the answer.
	Hang              bool
	Delay             time.Duration // wait before answering
	Truncate          bool          // send half of the body with the full Content-Length, then close
	CloseAfterHeaders bool          // send the header without the body, then close
	Drip              time.Duration // pause after each byte of the body
	Redirect          string        // 302 to this Location, or Status if that is 3xx
	// TLSAlert refuses handshakes with the alert bad_certificate, and closes open
	// connections when they are idle; Inject waits for those that are. It cannot be combined
	// with Path. The alert is sent in TLS 1.2 if the client supports it, since every client
	// then sees the alert.
	TLSAlert bool
	// Echo answers 500, or Status, with the received credential in errors[], to test
	// that a client does not repeat it.
	Echo bool
}

func (f Fault) check() error {
	replaces := f.Status != 0 || f.Redirect != "" || f.Echo
	some := replaces || f.Hang || f.Delay > 0 || f.Truncate || f.CloseAfterHeaders || f.Drip > 0
	switch {
	case !some && !f.TLSAlert:
		return errors.New("the fault has no effect")
	case f.TLSAlert && (some || f.Path != "" || f.Writes):
		return errors.New("a TLS alert comes before any request and can only be combined with Times")
	case f.Times < 0 || f.Delay < 0 || f.Drip < 0:
		return errors.New("a number is negative")
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("status %d is not in 200 to 599", f.Status)
	case f.Redirect != "" && f.Status != 0 && f.Status/100 != 3:
		return fmt.Errorf("status %d is not a redirect", f.Status)
	case f.Status == 0 && (f.RetryAfter != "" || f.ContentType != "" || f.Body != ""):
		return errors.New("a body, a content type and Retry-After need a status")
	case f.Truncate && f.CloseAfterHeaders:
		return errors.New("an answer can't be cut both in the body and before it")
	}
	return nil
}

// activeFault is an injected fault. It stays in the list when it is used up, so that its removal
// ends the requests that hang.
type activeFault struct {
	Fault
	id      int
	left    int           // requests that it still applies to; unused if Times is 0
	removed chan struct{} // closed when the fault is removed
}

func (f *activeFault) usedUp() bool { return f.Times > 0 && f.left == 0 }

// hold waits as Delay and Hang require. It returns an error if ctx is done first.
func (f *activeFault) hold(ctx context.Context) error {
	if f.Delay > 0 {
		if err := pause(ctx, f.Delay); err != nil {
			return err
		}
	}
	if !f.Hang {
		return nil
	}
	select {
	case <-f.removed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type faultList struct {
	mu   sync.Mutex
	last int // id of the newest fault
	all  []*activeFault
}

// take returns the first fault for a request, and counts the request; nil for none.
func (l *faultList) take(uri, method string) *activeFault {
	reads := method == http.MethodGet || method == http.MethodHead || method == "LIST"
	return l.takeIf(func(f *activeFault) bool {
		return !f.TLSAlert && strings.Contains(uri, f.Path) && !(f.Writes && reads)
	})
}

// takeAlert reports whether to refuse a handshake, and counts it.
func (l *faultList) takeAlert() bool {
	return l.takeIf(func(f *activeFault) bool { return f.TLSAlert }) != nil
}

// alerting reports the same for the next handshake without counting it.
func (l *faultList) alerting() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.all, func(f *activeFault) bool { return f.TLSAlert && !f.usedUp() })
}

func (l *faultList) takeIf(matches func(*activeFault) bool) *activeFault {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.all {
		if f.usedUp() || !matches(f) {
			continue
		}
		if f.Times > 0 {
			f.left--
		}
		return f
	}
	return nil
}

func (l *faultList) add(f Fault) *activeFault {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	active := &activeFault{Fault: f, id: l.last, left: f.Times, removed: make(chan struct{})}
	l.all = append(l.all, active)
	return active
}

// remove removes the faults that match, and returns how many there were.
func (l *faultList) remove(matches func(*activeFault) bool) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := len(l.all)
	l.all = slices.DeleteFunc(l.all, func(f *activeFault) bool {
		if !matches(f) {
			return false
		}
		close(f.removed)
		return true
	})
	return before - len(l.all)
}

// Inject adds a fault after the existing ones. remove removes it, and continues requests that hang;
// further calls do nothing. Inject fails for a fault that has no effect or contradicts itself.
func (e *Emulator) Inject(f Fault) (remove func(), err error) {
	active, err := e.inject(f)
	if err != nil {
		return nil, err
	}
	return func() { e.faults.remove(func(g *activeFault) bool { return g == active }) }, nil
}

func (e *Emulator) inject(f Fault) (*activeFault, error) {
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("injecting a fault: %w", err)
	}
	active := e.faults.add(f)
	if f.TLSAlert {
		e.dropConnections()
	}
	return active, nil
}

// faultAnswer returns the answer with which a fault replaces the real one; false if it does not.
func (c *call) faultAnswer(f *activeFault) (answer, bool) {
	switch {
	case f == nil:
		return answer{}, false
	case f.Redirect != "":
		return answer{status: cmp.Or(f.Status, http.StatusFound), header: http.Header{"Location": {f.Redirect}}}, true
	case f.Echo:
		return c.refuse(refusef(cmp.Or(f.Status, http.StatusInternalServerError), codeRESTInternal,
			"cannot check the credential %s", c.credential())), true
	case f.Status == 0:
		return answer{}, false
	}
	ans := c.refuse(refusef(f.Status, codeForStatus(f.Status), "%s (injected)", http.StatusText(f.Status)))
	ans.header = http.Header{}
	if f.RetryAfter != "" {
		ans.header.Set("Retry-After", f.RetryAfter)
	}
	if f.ContentType != "" {
		ans.header.Set("Content-Type", f.ContentType)
	}
	if f.Body != "" {
		ans.body = []byte(f.Body)
	}
	return ans, true
}

// credential returns the credential that the client sent. Only Echo uses it.
func (c *call) credential() string {
	return cmp.Or(c.header.Get("Authorization"), c.header.Get("X-Vault-Token"), "of kind "+cmp.Or(c.who.kind, "none"))
}
