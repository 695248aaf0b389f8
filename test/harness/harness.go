// SPDX-License-Identifier: Apache-2.0

// Package harness starts an emulator of OKMS and the daemon's server as in a cluster: TLS to
// the store, and gRPC on a unix socket. Only the store is not real.
//
// It is for tests in one process. Tests of the binary start the binary themselves.
package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"k8s.io/klog/v2"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/server"
	"ovhcloud-csi-provider/server/lines"
	"ovhcloud-csi-provider/test/emulator"
)

// Token is the token that may read everything in a new emulator.
const Token = "eyJhbGciOiJFZERTQSJ9.harness.reads-everything"

// quiet turns the server's log off.
var quiet = sync.OnceFunc(func() {
	klog.SetSlogLogger(slog.New(slog.DiscardHandler))
})

// Options of Start. The zero value works.
type Options struct {
	// Mounter replaces the real provider. nil means the real one.
	Mounter server.Mounter
	// MountTimeout bounds a mount; 0 means the daemon's default.
	MountTimeout time.Duration
	// MaxReads is the provider's; 0 means its default.
	MaxReads int
	// CacheTTL, CacheBytes and MaxStale are the provider's. A CacheTTL of 0 turns the
	// cache off, so that a test reads from the store.
	CacheTTL   time.Duration
	CacheBytes int
	MaxStale   time.Duration
	// MemoryLimit is the memory limit of the daemon's budget in bytes; 0 means the
	// chart's.
	MemoryLimit int64
	// Now is the provider's clock; nil means the system's.
	Now func() time.Time
	// Jitter is the provider's; nil means random times.
	Jitter func(time.Duration) time.Duration
	// Socket is the path to serve; "" means one in a new folder.
	Socket string
	// Emulator is the store; nil means a new one.
	Emulator *Store
	// Connections are the provider's; nil means none. The test runs them.
	Connections *connections.Set
	// LogLost and Audit are the server's; nil means none.
	LogLost func() lines.Lost
	Audit   *lines.Queue
}

// Store is an emulator and its server.
type Store struct {
	*emulator.Emulator
	*emulator.Server
}

// StartStore starts an emulator that knows Token. Its certificate is also valid for hosts.
// It ends with the test.
func StartStore(t testing.TB, hosts ...string) *Store {
	t.Helper()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.AddToken(Token, emulator.Identity{Name: "reader"}); err != nil {
		t.Fatal(err)
	}
	s, err := e.Start(rarePort(), hosts...)
	for tries := 0; errors.Is(err, syscall.EADDRINUSE) && tries < 100; tries++ {
		s, err = e.Start(rarePort(), hosts...)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &Store{Emulator: e, Server: s}
}

// rarePort returns a loopback address with a random port outside of the ranges from which
// systems choose ports: a test may close a store and start another one at its address, and no
// other process may get the port in between.
func rarePort() string { return fmt.Sprint("127.0.0.1:", 20_000+rand.IntN(10_000)) }

// Hold writes secrets to the store, JSON text by path.
func (s *Store) Hold(t testing.TB, secrets map[string]string) {
	t.Helper()
	for path, data := range secrets {
		if _, err := s.Put(path, data); err != nil {
			t.Fatal(err)
		}
	}
}

// Break injects a fault until repair is called.
func (s *Store) Break(t testing.TB, f emulator.Fault) (repair func()) {
	t.Helper()
	repair, err := s.Inject(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(repair)
	return repair
}

// Daemon is a server on a live socket, and a client of it.
type Daemon struct {
	Store  *Store
	Socket string
	// Admin is http://host:port.
	Admin string
	// Client calls the socket as the driver does.
	Client pb.CSIDriverProviderClient
	// Budget is the daemon's.
	Budget *budget.Budget

	stop    context.CancelFunc
	stopped chan error
}

// Start serves until the test ends or Stop is called.
func Start(t testing.TB, o Options) *Daemon {
	t.Helper()
	quiet()
	if o.Emulator == nil {
		o.Emulator = StartStore(t)
	}
	if o.Socket == "" {
		o.Socket = SocketPath(t)
	}
	metrics, memory := server.NewMetrics("0.0.0-test"), budget.New(o.MemoryLimit)
	var breakers func() (opened, halfOpened int)
	if o.Mounter == nil {
		endpoints, err := place.ParseEndpoints([]string{o.Emulator.URL})
		if err != nil {
			t.Fatal(err)
		}
		p := provider.New(provider.Config{Endpoints: endpoints, Connections: o.Connections, Reader: provider.ReaderConfig{
			MaxReads: o.MaxReads, CacheTTL: o.CacheTTL, CacheBytes: o.CacheBytes, MaxStale: o.MaxStale,
			Budget: memory, Now: o.Now, Jitter: o.Jitter, Trace: metrics.Trace()}})
		t.Cleanup(p.Close)
		o.Mounter, breakers = p, p.Breakers
	}
	var status func() provider.ConnectionsStatus
	if o.Connections != nil {
		status = o.Connections.Status
	}
	s, err := server.Listen(server.Config{Connections: status, Socket: o.Socket, Mounter: o.Mounter, Metrics: metrics,
		Budget: memory, Breakers: breakers, AdminAddress: "127.0.0.1:0", MountTimeout: o.MountTimeout,
		LogLost: o.LogLost, Audit: o.Audit, Version: "0.0.0-test"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	d := &Daemon{Store: o.Emulator, Socket: o.Socket, Admin: "http://" + s.AdminAddress(), Client: Dial(t, o.Socket),
		Budget: memory, stop: cancel, stopped: make(chan error, 1)}
	go func() { d.stopped <- s.Run(ctx) }()
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Errorf("the server ended with: %v", err)
		}
	})
	return d
}

// Shutdown does the same as SIGTERM, without waiting for the end.
func (d *Daemon) Shutdown() { d.stop() }

// Stop does the same as SIGTERM, and returns the error of the server when it has ended. A
// second call does nothing and returns nil.
func (d *Daemon) Stop() error {
	d.stop()
	err := <-d.stopped
	d.stopped <- nil
	return err
}

// SocketPath returns a path short enough for a socket, in a folder that is removed when the
// test ends.
func SocketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "ovhcloud.sock")
}

// Dial returns a client of a socket with the options of the driver's.
func Dial(t testing.TB, socket string) pb.CSIDriverProviderClient {
	t.Helper()
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority("localhost"),
		grpc.WithDefaultServiceConfig(`{"methodConfig":[{"name":[{"service":"v1alpha1.CSIDriverProvider"}],`+
			`"waitForReady":true}]}`))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return pb.NewCSIDriverProviderClient(conn)
}

// Mount is a mount of a test.
type Mount struct {
	// Objects is the YAML list.
	Objects string
	// Token is the credential; "" means the constant Token.
	Token string
	// Secrets replaces the token. nil means the token.
	Secrets map[string]string
	// Attributes are added to those of a valid mount. An empty value removes an
	// attribute.
	Attributes map[string]string
}

// Request returns the mount as the driver sends it.
func (d *Daemon) Request(m Mount) *pb.MountRequest { return d.Store.Request(m) }

// Request returns the mount as the driver sends it.
func (s *Store) Request(m Mount) *pb.MountRequest {
	attributes := map[string]string{
		"endpoint": s.URL, "okmsId": s.OKMSID(), "caBundle": string(s.Server.CA), "objects": m.Objects,
		"secretProviderClass": "shop", "csi.storage.k8s.io/pod.namespace": "store", "csi.storage.k8s.io/pod.name": "web-0",
		"csi.storage.k8s.io/pod.uid": "11111111-2222-3333-4444-555555555555", "csi.storage.k8s.io/serviceAccount.name": "web",
		"csi.storage.k8s.io/serviceAccount.tokens": `{"":{"token":"planted-service-account-token"}}`,
	}
	for name, value := range m.Attributes {
		if attributes[name] = value; value == "" {
			delete(attributes, name)
		}
	}
	secrets := m.Secrets
	if secrets == nil {
		secrets = map[string]string{"token": m.Token}
		if m.Token == "" {
			secrets["token"] = Token
		}
	}
	return &pb.MountRequest{Attributes: text(attributes), Secrets: text(secrets), Permission: "420",
		TargetPath: "/nowhere"}
}

func text(m map[string]string) string {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // a map of strings
	}
	return string(b)
}

// Do sends the mount and returns its files, content by path.
func (d *Daemon) Do(ctx context.Context, m Mount) (map[string]string, error) {
	resp, err := d.Client.Mount(ctx, d.Request(m))
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, f := range resp.GetFiles() {
		files[f.GetPath()] = string(f.GetContents())
	}
	return files, nil
}

// Lines returns lines of YAML as a text.
func Lines(lines ...string) string { return strings.Join(lines, "\n") + "\n" }

// Page returns the status and the body of a page, such as "200 ok".
func Page(t testing.TB, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Status[:3] + " " + string(body)
}
