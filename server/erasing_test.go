// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"
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
