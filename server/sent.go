package server

import (
	"context"
	"sync"

	"google.golang.org/grpc/stats"
)

// sent calls back when the answer of a call has been sent, or the call has ended
// without one. The handler of a call returns before that.
type sent struct {
	mu   sync.Mutex
	over bool
	then []func()
}

type sentKey struct{}

// whenSent has f called when the answer to the call of ctx has been sent. If it is
// over, or ctx is of no call, that is now. A nil f is left alone.
func whenSent(ctx context.Context, f func()) {
	if f == nil {
		return
	}
	s, _ := ctx.Value(sentKey{}).(*sent)
	if s == nil || !s.add(f) {
		f()
	}
}

func (s *sent) add(f func()) (ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.then = append(s.then, f)
	}
	return !s.over
}

func (s *sent) end() {
	s.mu.Lock()
	s.over = true
	then := s.then
	s.mu.Unlock()
	for _, f := range then {
		f()
	}
}

// calls is the stats.Handler that tells each sent of its call's end.
type calls struct{}

// TagRPC implements stats.Handler.
func (calls) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, sentKey{}, &sent{})
}

// HandleRPC implements stats.Handler.
func (calls) HandleRPC(ctx context.Context, s stats.RPCStats) {
	if _, ended := s.(*stats.End); ended {
		ctx.Value(sentKey{}).(*sent).end()
	}
}

// TagConn implements stats.Handler.
func (calls) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (calls) HandleConn(context.Context, stats.ConnStats) {}
