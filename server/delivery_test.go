// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"k8s.io/klog/v2"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/render"
	"ovhcloud-csi-provider/provider/sensitive"
)

// sending is a stream that marshals what is sent, as gRPC does, and keeps the bytes.
type sending struct {
	grpc.ServerStream
	bytes mem.BufferSlice
	err   error
}

func (s *sending) SendMsg(m any) (err error) {
	if s.err != nil {
		return s.err
	}
	s.bytes, err = newCodec().Marshal(m)
	return err
}

// answered sends an answer, and counts in reports how often the end of its delivery is
// reported.
func answered(t *testing.T, a answer, broken error, reports *int) mem.BufferSlice {
	t.Helper()
	s := newDelivery(t.Context())
	s.whenOver(func() { *reports++ })
	s.whenOver(nil)
	if *reports != 0 {
		t.Error("reported before the end of the call")
	}
	stream := &sending{err: broken}
	if got := send(stream, a, s); !errors.Is(got, a.err) && !errors.Is(got, broken) {
		t.Errorf("error = %v", got)
	}
	return stream.bytes
}

func TestADeliveryIsOverWhenGRPCFreesTheBytes(t *testing.T) {
	large := &pb.MountResponse{Files: []*pb.File{{Path: "f", Contents: []byte(strings.Repeat("x", 1<<20))}}}
	reports := 0
	bytes := answered(t, answer{resp: large}, nil, &reports)
	if reports != 0 || bytes.Len() < 1<<20 {
		t.Errorf("reported %d times before the %d bytes are sent", reports, bytes.Len())
	}
	bytes.Free()
	if reports != 1 {
		t.Errorf("reported %d times", reports)
	}
	small := &pb.MountResponse{Files: []*pb.File{{Path: "f"}}}
	for name, c := range map[string]struct {
		answer answer
		broken error
	}{
		"a small answer": {answer{resp: small}, nil},
		"an error":       {answer{err: errors.New("x")}, nil},
		"a broken call":  {answer{resp: large}, io.EOF},
	} {
		reports = 0
		if answered(t, c.answer, c.broken, &reports); reports != 1 {
			t.Errorf("%s: reported %d times", name, reports)
		}
	}
}

func TestADeliveryIsOverIfGRPCLosesTheBytes(t *testing.T) {
	over := make(chan struct{})
	func() {
		s := &delivery{then: []func(){func() { close(over) }}}
		if _, err := newCodec().Marshal(&outgoing{&pb.MountResponse{Files: []*pb.File{{Contents: make([]byte, 1<<20)}}},
			s}); err != nil {
			t.Fatal(err)
		}
	}()
	await(t, "the answer that was forgotten to be over", func() bool {
		runtime.GC()
		select {
		case <-over:
			return true
		default:
			return false
		}
	})
}

// stalled is a connection that stops reading when stall is set.
type stalled struct {
	net.Conn
	stall  *atomic.Bool
	closed chan struct{}
	once   sync.Once
}

func (s *stalled) Read(p []byte) (int, error) {
	if s.stall.Load() {
		<-s.closed
		return 0, net.ErrClosed
	}
	return s.Conn.Read(p)
}

func (s *stalled) Close() error {
	s.once.Do(func() { close(s.closed) })
	return s.Conn.Close()
}

// large is a Mounter whose answers do not fit into the buffers of a connection.
type large struct{ begun, over atomic.Int64 }

func (l *large) Mount(context.Context, provider.Request) (provider.Response, error) {
	l.begun.Add(1)
	return provider.Response{Files: []render.File{{Path: "f", Contents: sensitive.New(make([]byte, 3<<20))}},
		Sent: func() { l.over.Add(1) }}, nil
}

func TestABrokenConnectionEndsItsDeliveries(t *testing.T) {
	klog.SetSlogLogger(slog.New(slog.DiscardHandler))
	before := debug.SetGCPercent(-1) // a collection would end them too
	defer debug.SetGCPercent(before)
	m := &large{}
	s, err := Listen(Config{Socket: socketPath(t), Mounter: m, Metrics: NewMetrics("1")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Run(ctx) }()
	stall := &atomic.Bool{}
	conn, err := grpc.NewClient("passthrough:x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			c, err := net.Dial("unix", s.config.Socket)
			return &stalled{Conn: c, stall: stall, closed: make(chan struct{})}, err
		}))
	if err != nil {
		t.Fatal(err)
	}
	client := pb.NewCSIDriverProviderClient(conn)
	if _, err := client.Mount(t.Context(), &pb.MountRequest{Attributes: "{}"}); err != nil {
		t.Fatal(err)
	}
	await(t, "the answer that was read to be over", func() bool { return m.over.Load() == 1 })
	stall.Store(true)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { _, _ = client.Mount(t.Context(), &pb.MountRequest{Attributes: "{}"}) })
	}
	await(t, "nine mounts to begin", func() bool { return m.begun.Load() == 9 })
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	all.Wait()
	await(t, "the broken connection to end its eight answers", func() bool { return m.over.Load() == 9 })
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestWhenOverRunsAtOnceAfterTheEnd(t *testing.T) {
	reports := 0
	s := newDelivery(t.Context())
	s.end()
	s.whenOver(func() { reports++ })
	if reports != 1 {
		t.Errorf("reported %d times", reports)
	}
}
