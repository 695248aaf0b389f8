package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/server/tasks"
)

// adminHandler serves /healthz, /readyz and /metrics. None of them calls OKMS.
func (s *Server) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		report(w, errors.Join(s.live(), s.probe.ask(s.askSocket)))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if s.draining.Load() { // the socket is gone then, which needs no words
			report(w, s.ready())
			return
		}
		report(w, errors.Join(s.probe.ask(s.askSocket), s.ready()))
	})
	mux.Handle("GET /metrics", onePerSource(s.config.Metrics.handler()))
	return mux
}

func report(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprintln(w, "ok")
}

// probe is one question at a time, whose answer is good for a second: whoever
// reaches the admin address may ask as often as it likes.
type probe struct {
	mu     sync.Mutex
	asked  time.Time
	answer error
}

func (p *probe) ask(question func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.asked) > time.Second {
		p.answer = question()
		p.asked = time.Now()
	}
	return p.answer
}

// askSocket calls the service as the driver does: through the socket's path.
func (s *Server) askSocket() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := grpc.NewClient("unix:"+s.config.Socket, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority("localhost"))
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := pb.NewCSIDriverProviderClient(conn).Version(ctx, &pb.VersionRequest{Version: "v1alpha1"}); err != nil {
		return fmt.Errorf("asking the service on %s: %w", s.config.Socket, err)
	}
	return nil
}

// askConnections is nil if all that was read last of the connections is in use.
func (s *Server) askConnections() error {
	if s.config.Connections == nil {
		return nil
	}
	return s.config.Connections().Err()
}

// listenAdmin opens the admin address; an empty one opens nothing.
func listenAdmin(address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on --admin-address: %w", err)
	}
	return &adminListener{Listener: l}, nil
}

// adminTask serves handler on l.
func adminTask(l net.Listener, handler http.Handler) tasks.Task {
	admin := newAdmin(handler)
	return tasks.Task{
		Name: "serving --admin-address",
		Run: func() error {
			if err := admin.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
		Interrupt: func() { _ = admin.Close() },
	}
}

// newAdmin returns a server that no client can hold on to: one request a connection,
// and one second to send it.
func newAdmin(handler http.Handler) *http.Server {
	admin := &http.Server{Handler: whileBusy(handler), ConnContext: withAdminConn, ReadHeaderTimeout: time.Second, ReadTimeout: time.Second,
		WriteTimeout: 15 * time.Second, MaxHeaderBytes: 8 << 10}
	admin.SetKeepAlivesEnabled(false)
	return admin
}
