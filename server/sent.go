package server

import (
	"context"
	"runtime"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	grpcproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/stats"
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

// newSent is the answer of a call that nobody has sent yet.
func newSent(ctx context.Context) *sent {
	s := &sent{}
	if c, is := ctx.Value(brokenKey{}).(context.Context); is {
		stop := context.AfterFunc(c, s.end)
		s.add(func() { stop() }) // a long connection must not collect them
	}
	return s
}

// whenOver has f called when the answer has been sent, or will not be. If that is so
// already, it is now. A nil f is left alone.
func (s *sent) whenOver(f func()) {
	if f != nil && !s.add(f) {
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

// send sends the answer of a mount.
func send(stream grpc.ServerStream, a answer, s *sent) error {
	if a.err != nil {
		s.end()
		return a.err
	}
	err := stream.SendMsg(&outgoing{a.resp, s})
	if err != nil {
		s.end()
	}
	return err
}

// connections is the stats.Handler that ends what a connection leaves unsent when it
// breaks: gRPC forgets what it had queued. A call's own context is of no use for that:
// it ends when the answer is queued.
type connections struct{}

type (
	brokenKey struct{} // a context.Context that ends with the connection
	breakKey  struct{} // its context.CancelFunc
)

// TagConn implements stats.Handler.
func (connections) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	broken, end := context.WithCancel(context.Background())
	return context.WithValue(context.WithValue(ctx, brokenKey{}, broken), breakKey{}, end)
}

// HandleConn implements stats.Handler.
func (connections) HandleConn(ctx context.Context, s stats.ConnStats) {
	if _, over := s.(*stats.ConnEnd); over {
		ctx.Value(breakKey{}).(context.CancelFunc)()
	}
}

// TagRPC implements stats.Handler.
func (connections) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC implements stats.Handler.
func (connections) HandleRPC(context.Context, stats.RPCStats) {}

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
	// A last resort, for what gRPC may forget in the middle of a reset.
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
