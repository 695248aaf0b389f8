// SPDX-License-Identifier: Apache-2.0

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

// delivery is the way of one answer to its caller. It is over when the answer has been
// sent, or when the call has ended without one. gRPC keeps an answer in memory until the
// caller takes it, long after the handler has returned.
type delivery struct {
	mu   sync.Mutex
	over bool
	then []func()
}

// newDelivery returns the delivery of a call whose answer is not sent yet. It is over at
// the latest when the call's connection breaks.
func newDelivery(ctx context.Context) *delivery {
	d := &delivery{}
	if broken, is := ctx.Value(brokenKey{}).(context.Context); is {
		stop := context.AfterFunc(broken, d.end)
		d.add(func() { stop() }) // else a long connection would collect them
	}
	return d
}

// whenOver calls f when the delivery is over, at once if it is already. f may be nil.
func (d *delivery) whenOver(f func()) {
	if f != nil && !d.add(f) {
		f()
	}
}

// add reports false if the delivery is over.
func (d *delivery) add(f func()) (ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.over {
		d.then = append(d.then, f)
	}
	return !d.over
}

// end ends the delivery. Further calls do nothing.
func (d *delivery) end() {
	d.mu.Lock()
	d.over = true
	then := d.then
	d.then = nil
	d.mu.Unlock()
	for _, f := range then {
		f()
	}
}

// send sends the answer of a mount.
func send(stream grpc.ServerStream, a answer, d *delivery) error {
	if a.err != nil {
		d.end()
		return a.err
	}
	err := stream.SendMsg(&outgoing{a.resp, d})
	if err != nil {
		d.end()
	}
	return err
}

// brokenConns is the stats.Handler that ends the deliveries of a connection when it
// breaks: gRPC drops the answers in its queue without a call. The context of a call does
// not help, since it ends when the answer is queued.
type brokenConns struct{}

type (
	brokenKey struct{} // a context.Context that ends with the connection
	breakKey  struct{} // its context.CancelFunc
)

// TagConn implements stats.Handler.
func (brokenConns) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	broken, end := context.WithCancel(context.Background())
	return context.WithValue(context.WithValue(ctx, brokenKey{}, broken), breakKey{}, end)
}

// HandleConn implements stats.Handler.
func (brokenConns) HandleConn(ctx context.Context, s stats.ConnStats) {
	if _, over := s.(*stats.ConnEnd); over {
		ctx.Value(breakKey{}).(context.CancelFunc)()
	}
}

// TagRPC implements stats.Handler.
func (brokenConns) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC implements stats.Handler.
func (brokenConns) HandleRPC(context.Context, stats.RPCStats) {}

// outgoing is an answer and its delivery.
type outgoing struct {
	resp     *pb.MountResponse
	delivery *delivery
}

// codec is gRPC's codec for protobuf. In addition it ends the delivery of an outgoing
// when gRPC frees its bytes, because they are written or because it gave up. It copies what
// it decodes to a buffer that is erased.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(grpcproto.Name)} }

// Unmarshal implements encoding.CodecV2.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	whole := data.MaterializeToBuffer(buffers)
	defer whole.Free()
	return c.CodecV2.Unmarshal(mem.BufferSlice{whole}, v)
}

// Marshal implements encoding.CodecV2.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	out, is := v.(*outgoing)
	if !is {
		return c.CodecV2.Marshal(v)
	}
	bytes, err := proto.Marshal(out.resp)
	if err != nil || mem.IsBelowBufferPoolingThreshold(cap(bytes)) { // gRPC does not free small buffers
		out.delivery.end()
		return mem.BufferSlice{mem.SliceBuffer(bytes)}, err
	}
	// A last resort: gRPC may not free a buffer if the stream is reset at that moment.
	runtime.AddCleanup(&bytes, (*delivery).end, out.delivery)
	return mem.BufferSlice{mem.NewBuffer(&bytes, endingPool{out.delivery})}, nil
}

// endingPool is the pool of one buffer: when the buffer is freed, the delivery is over.
type endingPool struct{ delivery *delivery }

// Get implements mem.BufferPool. gRPC does not call it.
func (endingPool) Get(length int) *[]byte {
	bytes := make([]byte, length)
	return &bytes
}

// Put implements mem.BufferPool.
func (p endingPool) Put(*[]byte) { p.delivery.end() }
