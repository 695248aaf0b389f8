// SPDX-License-Identifier: Apache-2.0

// Package harness starts an emulator of OKMS and the daemon's server as in a cluster: TLS to
// the store, and gRPC on a unix socket. Only the store is not real.
//
// It is for tests in one process. Tests of the binary start the binary themselves.
package harness

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
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
	return &Store{Emulator: e, Server: Serve(t, e, "", hosts...)}
}

// Serve serves an emulator at an address, host:port; "" means a free one. Its certificate is
// also valid for hosts. It ends with the test, or when it is closed.
func Serve(t testing.TB, e *emulator.Emulator, address string, hosts ...string) *emulator.Server {
	t.Helper()
	s, err := e.StartOn(Listen(t, address), hosts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// Address returns where the store listens, as host:port.
func (s *Store) Address() string { return strings.TrimPrefix(s.URL, "https://") }

// Restart serves the store at its address again, after its Server was closed.
func (s *Store) Restart(t testing.TB) {
	t.Helper()
	s.Server = Serve(t, s.Emulator, s.Address())
}

// Listen listens on an address, host:port; "" means a free one. A connection of another
// process may use the port for a moment, so it tries for some seconds.
func Listen(t testing.TB, address string) net.Listener {
	t.Helper()
	if b, in := t.(*Bubble); in {
		return b.listen(address)
	}
	for tries := 1; ; tries++ {
		l, err := net.Listen("tcp", cmp.Or(address, rarePort()))
		if err == nil {
			return l
		}
		if !errors.Is(err, syscall.EADDRINUSE) || tries == 100 {
			t.Fatal(err)
		}
		if address != "" {
			time.Sleep(50 * time.Millisecond)
		}
	}
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
	Store *Store
	// Socket is the path of the socket; "" in a Bubble.
	Socket string
	// Admin is http://host:port. In a Bubble it has /metrics only.
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
	c := serverConfig(t, o)
	ctx, cancel := context.WithCancel(context.Background())
	d := &Daemon{Store: o.Emulator, Budget: c.Budget, stop: cancel, stopped: make(chan error, 1)}
	var run func(context.Context) error
	if b, in := t.(*Bubble); in {
		run = d.inMemory(b, c)
	} else {
		run = d.onSocket(t, c)
	}
	go func() { d.stopped <- run(ctx) }()
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Errorf("the server ended with: %v", err)
		}
	})
	return d
}

// serverConfig returns the configuration of the server, with the real provider unless the
// options have another Mounter.
func serverConfig(t testing.TB, o Options) server.Config {
	t.Helper()
	c := server.Config{Socket: o.Socket, Mounter: o.Mounter, Metrics: server.NewMetrics("0.0.0-test"),
		Budget: budget.New(o.MemoryLimit), MountTimeout: o.MountTimeout, LogLost: o.LogLost, Audit: o.Audit,
		Version: "0.0.0-test"}
	if o.Connections != nil {
		c.Connections = o.Connections.Status
	}
	if o.Mounter != nil {
		return c
	}
	endpoints, err := place.ParseEndpoints([]string{o.Emulator.URL})
	if err != nil {
		t.Fatal(err)
	}
	reader := provider.ReaderConfig{MaxReads: o.MaxReads, CacheTTL: o.CacheTTL, CacheBytes: o.CacheBytes,
		MaxStale: o.MaxStale, Budget: c.Budget, Now: o.Now, Jitter: o.Jitter, Trace: c.Metrics.Trace()}
	if b, in := t.(*Bubble); in {
		reader.Dial = b.dial
	}
	p := provider.New(provider.Config{Endpoints: endpoints, Connections: o.Connections, Reader: reader})
	t.Cleanup(p.Close)
	c.Mounter, c.Breakers = p, p.Breakers
	return c
}

// onSocket opens a socket and an admin address, and returns what serves them.
func (d *Daemon) onSocket(t testing.TB, c server.Config) (run func(context.Context) error) {
	t.Helper()
	if c.Socket == "" {
		c.Socket = SocketPath(t)
	}
	c.AdminAddress = "127.0.0.1:0"
	s, err := server.Listen(c)
	if err != nil {
		t.Fatal(err)
	}
	d.Socket, d.Admin, d.Client = c.Socket, "http://"+s.AdminAddress(), Dial(t, c.Socket)
	return s.Run
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
	return client(t, "unix:"+socket)
}

func client(t testing.TB, target string, more ...grpc.DialOption) pb.CSIDriverProviderClient {
	t.Helper()
	options := append(more, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority("localhost"),
		grpc.WithDefaultServiceConfig(`{"methodConfig":[{"name":[{"service":"v1alpha1.CSIDriverProvider"}],`+
			`"waitForReady":true}]}`))
	conn, err := grpc.NewClient(target, options...)
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
	from := http.DefaultClient
	if b, in := t.(*Bubble); in {
		from = b.http()
	}
	resp, err := from.Get(url)
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
