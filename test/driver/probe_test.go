// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"net"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"
)

// probe is a provider that returns what a test sets and counts calls. It shows how the driver behaves, also after
// responses that the daemon never sends.
type probe struct {
	v1alpha1.UnimplementedCSIDriverProviderServer

	mu     sync.Mutex
	calls  int
	answer func() (*v1alpha1.MountResponse, error)
}

const probeClass = `
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: probe, namespace: shop}
spec:
  provider: probe
  parameters: {any: thing}
`

// startProbe starts a probe as the node's provider "probe", with a class "probe" in the namespace "shop".
func startProbe(t *testing.T, node *Node) *probe {
	t.Helper()
	listener, err := net.Listen("unix", node.Socket("probe"))
	if err != nil {
		t.Fatal(err)
	}
	p := &probe{}
	server := grpc.NewServer()
	v1alpha1.RegisterCSIDriverProviderServer(server, p)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	if err := node.ApplyClass(probeClass); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *probe) Mount(context.Context, *v1alpha1.MountRequest) (*v1alpha1.MountResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	return p.answer()
}

// respond sets the response for the next calls.
func (p *probe) respond(answer *v1alpha1.MountResponse, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = func() (*v1alpha1.MountResponse, error) { return answer, err }
}

// count returns the number of calls since the last count.
func (p *probe) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.calls
	p.calls = 0
	return n
}

// file returns a response with one file.
func file(path, content, version string) *v1alpha1.MountResponse {
	return &v1alpha1.MountResponse{
		ObjectVersion: []*v1alpha1.ObjectVersion{{Id: path, Version: version}},
		Files:         []*v1alpha1.File{{Path: path, Mode: 0o644, Contents: []byte(content)}},
	}
}
