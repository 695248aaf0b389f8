package server

import (
	"context"
	"runtime"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	grpcproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"
)

// sent calls back when the answer of a call has been sent, or the call has ended
// without one. gRPC keeps an answer in memory until the caller takes it, long after
// the handler has returned and the call has ended by its statistics.
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

// end may be called again.
func (s *sent) end() {
	s.mu.Lock()
	s.over = true
	then := s.then
	s.then = nil
	s.mu.Unlock()
	for _, f := range then {
		f()
	}
}

// untilSent is the interceptor that joins a call and its answer.
func untilSent(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	s := &sent{}
	resp, err := handle(context.WithValue(ctx, sentKey{}, s), req)
	mount, is := resp.(*pb.MountResponse)
	if err != nil || !is {
		s.end()
		return resp, err
	}
	return &outgoing{mount, s}, nil
}

// outgoing is an answer on its way.
type outgoing struct {
	resp *pb.MountResponse
	sent *sent
}

// codec is gRPC's own for protobuf. Of an outgoing it tells when its bytes are let go
// of: gRPC has written them, or given up.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(grpcproto.Name)} }

// Marshal implements encoding.CodecV2.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	out, is := v.(*outgoing)
	if !is {
		return c.CodecV2.Marshal(v)
	}
	bytes, err := proto.Marshal(out.resp)
	if err != nil || mem.IsBelowBufferPoolingThreshold(cap(bytes)) { // of which gRPC tells nothing
		out.sent.end()
		return mem.BufferSlice{mem.SliceBuffer(bytes)}, err
	}
	// When a connection breaks, gRPC forgets what it had queued and leaves it to the
	// garbage collector.
	runtime.AddCleanup(&bytes, (*sent).end, out.sent)
	return mem.BufferSlice{mem.NewBuffer(&bytes, letGo{out.sent})}, nil
}

// letGo is the pool that a buffer goes back to.
type letGo struct{ sent *sent }

// Get implements mem.BufferPool. Nobody asks it.
func (letGo) Get(length int) *[]byte {
	bytes := make([]byte, length)
	return &bytes
}

// Put implements mem.BufferPool.
func (l letGo) Put(*[]byte) { l.sent.end() }
