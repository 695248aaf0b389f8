// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
)

// livenessProbe does what livenessprobe does until ctx ends: it serves /healthz, which probes the driver.
func livenessProbe(ctx context.Context, args []string) error {
	set := flag.NewFlagSet("livenessprobe", flag.ContinueOnError)
	address := set.String("csi-address", "/csi/csi.sock", "the driver's socket")
	timeout := set.Duration("probe-timeout", time.Second, "how long the driver may take to answer")
	listen := set.String("http-endpoint", ":9808", "where /healthz is served")
	set.Int("v", 0, "accepted for compatibility; has no effect")
	if err := set.Parse(args); err != nil {
		return err
	}
	conn, err := dial(*address)
	if err != nil {
		return err
	}
	defer conn.Close()
	driver := csi.NewIdentityClient(conn)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), *timeout)
		defer cancel()
		if _, err := driver.Probe(ctx, &csi.ProbeRequest{}); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	server := &http.Server{Addr: *listen, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
