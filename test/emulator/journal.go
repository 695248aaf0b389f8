// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// journalSize is how many requests are kept; the oldest are dropped first.
const journalSize = 10000

// Request is one request that the emulator received. It contains no credential.
type Request struct {
	Arrived   time.Time `json:"arrived"` // by Options.Now
	ID        string    `json:"id"`      // the request_id of the answer
	Method    string    `json:"method"`
	URI       string    `json:"uri"`       // escaped path and query, as sent
	Proto     string    `json:"proto"`     // HTTP/1.1 or HTTP/2.0
	Auth      string    `json:"auth"`      // bearer, vault-token, certificate, or "" for none
	Identity  string    `json:"identity"`  // Name of the identity; "" if not authenticated
	Operation string    `json:"operation"` // IAM action that was checked last; "" for none
	Status    int       `json:"status"`    // 0 while in progress, and if there was no answer
	// Header has the request's headers, without those that contain credentials.
	Header http.Header `json:"header"`
}

// journal records requests at their arrival, so that it shows those that hang, and logs them when
// their answer is known.
type journal struct {
	mu       sync.Mutex
	requests []*Request
	count    int           // arrived since the last reset, including dropped ones
	arrived  chan struct{} // closed and replaced at each arrival

	logMu sync.Mutex // one line at a time, without holding mu while writing
	log   io.Writer  // nil: no log
}

func newJournal(log io.Writer) *journal {
	return &journal{log: log, arrived: make(chan struct{})}
}

func (j *journal) arrive(c *call, r *http.Request) *Request {
	header := r.Header.Clone()
	for _, name := range []string{"Authorization", "X-Vault-Token", "Proxy-Authorization", "Cookie"} {
		header.Del(name)
	}
	entry := &Request{
		Arrived: c.now, ID: c.id, Method: c.method, URI: c.uri, Proto: r.Proto,
		Auth: c.who.kind, Identity: c.who.identity.Name, Header: header,
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.requests) >= journalSize {
		j.requests = slices.Delete(j.requests, 0, len(j.requests)-journalSize+1)
	}
	j.requests = append(j.requests, entry)
	j.count++
	close(j.arrived)
	j.arrived = make(chan struct{})
	return entry
}

// leave completes the entry of a call before its answer is sent; status 0 means that there is none.
func (j *journal) leave(entry *Request, c *call, status int) {
	j.mu.Lock()
	entry.Status, entry.Operation = status, c.operation
	j.mu.Unlock()
	if j.log == nil {
		return
	}
	line := logLine(c, status)
	j.logMu.Lock()
	defer j.logMu.Unlock()
	_, _ = io.WriteString(j.log, line) // a failing log must not fail a request
}

// logLine returns the line of a call in the form of OKMS's audit log (source: OVHcloud's guide
// "Pushing logs from OVHcloud KMS"), with "-" for unknown values.
func logLine(c *call, status int) string {
	result := "no answer"
	if status != 0 {
		result = fmt.Sprint(status)
	}
	identity := "-"
	if name := c.who.identity.Name; strings.HasPrefix(name, "urn:") {
		identity = name
	} else if name != "" {
		identity = "urn:v1:" + c.e.zone() + ":identity:user:emulator/" + name
	}
	from := c.from
	if c.who.certID != "" {
		from += " with certificate " + c.who.certID
	}
	return fmt.Sprintf("INFO | %s %s - %s - identity: %s - operation: %s on %s - from %s - request id: %s\n",
		c.method, c.route, result, identity, cmp.Or(c.operation, "-"), cmp.Or(c.resource, "-"), from, c.id)
}

// clientIP returns the client's address without the port.
func clientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return cmp.Or(r.RemoteAddr, "-")
	}
	return host
}

// Requests returns a copy of the requests in order of arrival, including those in progress. The
// newest 10000 since New or ResetRequests are kept.
func (e *Emulator) Requests() []Request {
	j := e.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	all := make([]Request, len(j.requests))
	for i, r := range j.requests {
		all[i] = *r
		all[i].Header = r.Header.Clone()
	}
	return all
}

// ResetRequests drops the requests so far, and restarts the count of Await.
func (e *Emulator) ResetRequests() {
	e.journal.mu.Lock()
	defer e.journal.mu.Unlock()
	e.journal.requests, e.journal.count = nil, 0
}

// Await waits until at least n requests have arrived since New or ResetRequests. It returns an
// error if ctx is done first. It does not wait for their answers.
func (e *Emulator) Await(ctx context.Context, n int) error {
	for {
		e.journal.mu.Lock()
		count, arrived := e.journal.count, e.journal.arrived
		e.journal.mu.Unlock()
		if count >= n {
			return nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %d requests, %d arrived: %w", n, count, ctx.Err())
		}
	}
}
