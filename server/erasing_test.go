// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"k8s.io/klog/v2"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/render"
	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/test/memnet"
)

// notingPool counts the buffers that it gave, and those that came back empty and full.
type notingPool struct {
	mem.BufferPool
	mu                sync.Mutex
	gave, empty, full int
}

func (p *notingPool) Get(length int) *[]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gave++
	return p.BufferPool.Get(length)
}

func (p *notingPool) Put(buffer *[]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if bytes.Contains((*buffer)[:cap(*buffer)], []byte("planted")) {
		p.full++
	} else {
		p.empty++
	}
	p.BufferPool.Put(buffer)
}

// Buffers come back from gRPC, which reads each frame into one, and from the codec, which
// puts the frames of a request together.
func TestRequestsAreReadIntoErasedBuffers(t *testing.T) {
	inner := buffers.BufferPool
	noting := &notingPool{BufferPool: mem.NopBufferPool{}}
	buffers.BufferPool = noting
	t.Cleanup(func() { buffers.BufferPool = inner })
	s := startBare(t)
	conn, err := grpc.NewClient("unix:"+s.config.Socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = pb.NewCSIDriverProviderClient(conn).Mount(t.Context(),
		&pb.MountRequest{Secrets: strings.Repeat("planted ", 10_000)})
	if err == nil {
		t.Error("a mount without attributes succeeds")
	}
	_ = conn.Close()
	await(t, "gRPC to free its buffers", func() bool {
		noting.mu.Lock()
		defer noting.mu.Unlock()
		return noting.empty+noting.full == noting.gave
	})
	noting.mu.Lock()
	defer noting.mu.Unlock()
	if noting.full > 0 || noting.empty < 6 { // 80 kB in frames of 16 kB, and together
		t.Errorf("%d buffers come back empty, and %d with a part of the request", noting.empty, noting.full)
	}
}

// unbuffered is a connection of the server. It notes the longest buffer it reads into, and
// what is written together with an answer.
type unbuffered struct {
	net.Conn
	mu      sync.Mutex
	longest int
	answer  []byte
}

func (c *unbuffered) Read(b []byte) (int, error) {
	c.mu.Lock()
	c.longest = max(c.longest, len(b))
	c.mu.Unlock()
	return c.Conn.Read(b)
}

func (c *unbuffered) Write(b []byte) (int, error) {
	c.mu.Lock()
	if bytes.Contains(b, []byte("planted")) {
		c.answer = bytes.Clone(b)
	}
	c.mu.Unlock()
	return c.Conn.Write(b)
}

// watchedListener accepts one connection.
type watchedListener struct {
	*memnet.Listener
	conn *unbuffered
}

func (l *watchedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.conn = &unbuffered{Conn: c}
	return l.conn, nil
}

type planted struct{}

func (planted) Mount(context.Context, provider.Request) (provider.Response, error) {
	return provider.Response{Files: []render.File{{Path: "f", Contents: sensitive.New([]byte("planted"))}}}, nil
}

// A buffer of the connection would keep the last requests and answers until it is
// overwritten, and the driver's connection stays open.
func TestConnectionsHaveNoBuffers(t *testing.T) {
	klog.SetSlogLogger(slog.New(slog.DiscardHandler))
	l := &watchedListener{Listener: memnet.Listen("127.0.0.1:1")}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- ServeOn(ctx, Config{Mounter: planted{}, Metrics: NewMetrics("0")}, l, nil) }()
	conn, err := grpc.NewClient("passthrough:x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.Dial(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	want, err := pb.NewCSIDriverProviderClient(conn).Mount(t.Context(), &pb.MountRequest{Attributes: "{}"})
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	l.conn.mu.Lock()
	defer l.conn.mu.Unlock()
	if l.conn.longest >= 32<<10 {
		t.Errorf("the connection reads into a buffer of %d bytes", l.conn.longest)
	}
	if len(l.conn.answer) != proto.Size(want) {
		t.Errorf("an answer of %d bytes is written in %d", proto.Size(want), len(l.conn.answer))
	}
}
