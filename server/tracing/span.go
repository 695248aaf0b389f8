// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"time"

	"ovhcloud-csi-provider/provider/message"
)

// Bounds of a span: names come from classes and servers.
const (
	mostAttributes = 16
	mostText       = 256 // bytes of an attribute
)

// The kinds of OTLP: a span within this process, one of a call from outside, and one of a request.
const (
	internal = 1
	serving  = 2
	asking   = 3
)

// attribute is a property of a span: a string, an int64 or a bool.
type attribute struct {
	name  string
	value any
}

// span is a part of a mount, with its times.
type span struct {
	trace      [16]byte
	id, parent [8]byte // no parent is 0
	name       string
	kind       int
	begin      time.Time

	mu         sync.Mutex
	end        time.Time // zero while it is in progress
	attributes []attribute
	served     []string
	retries    int64
	failure    string // the kind of its failure; empty if it succeeded
}

type spanKey struct{}

// of returns the span of a context, nil if it has none.
func of(ctx context.Context) *span {
	s, _ := ctx.Value(spanKey{}).(*span)
	return s
}

// newSpan returns a span whose parent is that of ctx. Without one, it begins a trace.
func newSpan(ctx context.Context, name string, kind int, begin time.Time) *span {
	s := &span{name: name, kind: kind, begin: begin}
	_, _ = rand.Read(s.id[:]) // it never fails
	if parent := of(ctx); parent != nil {
		s.trace, s.parent = parent.trace, parent.id
	} else {
		_, _ = rand.Read(s.trace[:])
	}
	return s
}

// set adds an attribute. An empty text, 0 and false are left out. A nil or ended span is unchanged: a read
// that several mounts wait for may outlive the mount that began it.
func (s *span) set(name string, value any) {
	switch v := value.(type) {
	case string:
		value = strings.Clone(strings.ToValidUTF8(message.Bound(v, mostText), "\uFFFD"))
	case int:
		value = int64(v)
	}
	s.change(func() { s.add(name, value) })
}

// add is set with the lock held, for a value that is bounded.
func (s *span) add(name string, value any) {
	if value != "" && value != int64(0) && value != false && len(s.attributes) < mostAttributes {
		s.attributes = append(s.attributes, attribute{name, value})
	}
}

// change changes a span in progress.
func (s *span) change(f func()) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end.IsZero() {
		f()
	}
}

// finish ends a span.
func (s *span) finish(failure string) {
	s.change(func() {
		s.add("ovhcloud_csi.served", strings.Join(s.served, ","))
		s.add("ovhcloud_csi.retries", s.retries)
		s.add("error.type", failure)
		s.failure, s.end = failure, time.Now()
	})
}
