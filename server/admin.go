// SPDX-License-Identifier: Apache-2.0

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

	"ovhcloud-csi-provider/server/fairhttp"
	"ovhcloud-csi-provider/server/tasks"
)

// adminHandler serves /healthz, /readyz and /metrics, without calls to OKMS.
func (s *Server) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		report(w, errors.Join(s.live(), s.socketCheck.result(s.askSocket)))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if s.draining.Load() { // the socket is gone then, which is no error
			report(w, s.ready())
			return
		}
		report(w, errors.Join(s.socketCheck.result(s.askSocket), s.ready()))
	})
	mux.Handle("GET /metrics", fairhttp.OnePerSource(s.config.Metrics.handler()))
	return mux
}

func report(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprintln(w, "ok")
}

// cachedCheck runs a check at most once a second, one at a time: any client of the admin
// address may ask for it as often as it likes.
type cachedCheck struct {
	mu   sync.Mutex
	last time.Time
	err  error
}

// result returns the error of check, which may be up to a second old.
func (c *cachedCheck) result(check func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.last) > time.Second {
		c.err = check()
		c.last = time.Now()
	}
	return c.err
}

// askSocket calls the service as the driver does, through the socket's path. It returns
// nil if the service answers within five seconds.
func (s *Server) askSocket() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := grpc.NewClient("unix:"+s.config.Socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority("localhost"))
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := pb.NewCSIDriverProviderClient(conn).Version(ctx, &pb.VersionRequest{Version: "v1alpha1"}); err != nil {
		return fmt.Errorf("asking the service on %s: %w", s.config.Socket, err)
	}
	return nil
}

// askConnections returns nil if the newest version of every connection is in use.
func (s *Server) askConnections() error {
	if s.config.Connections == nil {
		return nil
	}
	return s.config.Connections().Err()
}

// listenAdmin opens the admin address. It returns nil if the address is empty.
func listenAdmin(address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on --admin-address: %w", err)
	}
	return fairhttp.Limit(l), nil
}

// adminTask serves handler on l.
func adminTask(l net.Listener, handler http.Handler) tasks.Task {
	admin := fairhttp.New(handler)
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
