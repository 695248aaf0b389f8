package driver

import (
	"context"
	"net"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"
)

// probe is a provider that answers as a test sets it to, and counts how often it was asked. It shows how the driver
// behaves, also towards answers that our own daemon never gives.
type probe struct {
	v1alpha1.UnimplementedCSIDriverProviderServer

	mu     sync.Mutex
	asked  int
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

// startProbe has a probe serve as provider "probe" of the node, with a class "probe" in namespace "shop".
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
	p.asked++
	return p.answer()
}

// says sets the answer from now on.
func (p *probe) says(answer *v1alpha1.MountResponse, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = func() (*v1alpha1.MountResponse, error) { return answer, err }
}

// count returns how often the probe was asked since the last count.
func (p *probe) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.asked
	p.asked = 0
	return n
}

// file is an answer with one file.
func file(path, content, version string) *v1alpha1.MountResponse {
	return &v1alpha1.MountResponse{
		ObjectVersion: []*v1alpha1.ObjectVersion{{Id: path, Version: version}},
		Files:         []*v1alpha1.File{{Path: path, Mode: 0o644, Contents: []byte(content)}},
	}
}
