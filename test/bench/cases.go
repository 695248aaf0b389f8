// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/test/emulator"
)

const (
	token = "bench-token"
	pods  = 110 // kubelet's default limit of a node
	room  = 64  // the daemon's default of --max-reads
)

// bench is the store, the program, and the results so far.
type bench struct {
	store   *emulator.Emulator
	server  *emulator.Server
	program string
	folder  string
	delay   time.Duration
	rounds  int
	started int // daemons so far
	held    int // secrets so far

	get, call time.Duration // the floors: one GET, and one empty call
	rows      []row
}

func open(ctx context.Context, program string, delay time.Duration, rounds int) (*bench, error) {
	b := &bench{program: program, delay: delay, rounds: rounds}
	var err error
	if b.folder, err = os.MkdirTemp("", "b"); err != nil {
		return nil, err
	}
	if b.program == "" {
		if b.program, err = build(ctx, b.folder); err != nil {
			return nil, errors.Join(err, os.RemoveAll(b.folder))
		}
	}
	if b.store, err = emulator.New(emulator.Options{}); err != nil {
		return nil, err
	}
	if err := b.store.AddToken(token, emulator.Identity{Name: "bench"}); err != nil {
		return nil, err
	}
	if b.server, err = b.store.Start(""); err != nil {
		return nil, err
	}
	return b, nil
}

func (b *bench) close() {
	_ = b.server.Close()
	_ = os.RemoveAll(b.folder)
}

// all measures the floors and then each case, and returns the rows of the table.
func (b *bench) all(ctx context.Context) ([]row, error) {
	if err := b.starts(ctx); err != nil {
		return nil, err
	}
	if _, err := b.store.Inject(emulator.Fault{Delay: b.delay}); err != nil {
		return nil, err
	}
	for _, measure := range []func(context.Context) error{b.floorGet, b.uncached, b.shaped, b.found, b.cached, b.sameTen,
		b.distinct} {
		if err := measure(ctx); err != nil {
			return nil, err
		}
	}
	return b.rows, nil
}

// request returns a mount of n secrets that were not read yet.
func (b *bench) request(n int) (*pb.MountRequest, error) {
	var objects strings.Builder
	for range n {
		b.held++
		path := fmt.Sprintf("bench/s%d", b.held)
		if _, err := b.store.Put(path,
			fmt.Sprintf(`{"user":"shop","password":"%032d","host":"db.example"}`, b.held)); err != nil {
			return nil, err
		}
		fmt.Fprintf(&objects, "- secretPath: %s\n  secretKey: password\n  objectName: f%d\n", path, b.held)
	}
	return b.mountOf(objects.String())
}

// mountOf returns a mount of a list of objects.
func (b *bench) mountOf(objects string) (*pb.MountRequest, error) {
	attributes, err := json.Marshal(map[string]string{"endpoint": b.server.URL, "okmsId": b.store.OKMSID(),
		"caBundle": string(b.server.CA),
		"objects":  objects, "secretProviderClass": "bench", "csi.storage.k8s.io/pod.namespace": "bench",
		"csi.storage.k8s.io/pod.name": "web-0"})
	if err != nil {
		return nil, err
	}
	return &pb.MountRequest{Attributes: string(attributes), Secrets: `{"token":"` + token + `"}`, Permission: "420",
		TargetPath: "/nowhere"}, nil
}

// median returns the median of several measurements, or the first error.
func (b *bench) median(times int, measure func() (time.Duration, error)) (time.Duration, error) {
	var all []time.Duration
	for range times {
		took, err := measure()
		if err != nil {
			return 0, err
		}
		all = append(all, took)
	}
	return middle(all), nil
}

// middle returns the median of some durations.
func middle(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// ms returns a duration in milliseconds for the table.
func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1e3) }

// floorGet measures one GET on a warm connection.
func (b *bench) floorGet(ctx context.Context) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(b.server.CA)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	if _, err := b.request(1); err != nil {
		return err
	}
	get := func() (time.Duration, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet,
			fmt.Sprintf("%s/api/%s/v1/secret/data/bench/s%d", b.server.URL, b.store.OKMSID(), b.held), nil)
		if err != nil {
			return 0, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
		begin := time.Now()
		resp, err := client.Do(req)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			return 0, fmt.Errorf("the store answered %s: %w", resp.Status, err)
		}
		return time.Since(begin), nil
	}
	if _, err := get(); err != nil {
		return err
	}
	var err error
	b.get, err = b.median(10*b.rounds, get)
	b.rows = append(b.rows, row{what: "floor: one GET on a warm connection", measured: ms(b.get)})
	return err
}

// uncached measures mounts of distinct secrets on a warm connection, with an empty cache.
func (b *bench) uncached(ctx context.Context) error {
	d, err := b.start("--cache-ttl", "0")
	if err != nil {
		return err
	}
	defer d.stop()
	for _, c := range []struct {
		secrets int
		most    float64
	}{{1, 1.15}, {10, 1.4}, {20, 1.6}} {
		request, err := b.request(c.secrets)
		if err != nil {
			return err
		}
		if _, err := d.mount(ctx, request); err != nil {
			return err
		}
		b.store.ResetRequests()
		took, err := b.median(5*b.rounds, func() (time.Duration, error) { return d.mount(ctx, request) })
		if err != nil {
			return err
		}
		b.rows = append(b.rows, row{what: fmt.Sprintf("%d distinct secrets, nothing cached", c.secrets), measured: ms(took),
			ratio: took.Seconds() / b.get.Seconds(), unit: " x", most: c.most,
			reads: fmt.Sprint(len(b.store.Requests()) / (5 * b.rounds))})
	}
	return nil
}

// cached compares a mount of ten cached secrets with the empty call. It alternates them, so that
// other load of the machine affects both.
func (b *bench) cached(ctx context.Context) error {
	d, err := b.start("--cache-ttl", "1h")
	if err != nil {
		return err
	}
	defer d.stop()
	request, err := b.request(10)
	if err != nil {
		return err
	}
	if _, err := d.mount(ctx, request); err != nil {
		return err
	}
	b.store.ResetRequests()
	var mounts, calls []time.Duration
	for range 100 * b.rounds {
		call, err := d.version(ctx)
		if err != nil {
			return err
		}
		mount, err := d.mount(ctx, request)
		if err != nil {
			return err
		}
		calls, mounts = append(calls, call), append(mounts, mount)
	}
	slices.Sort(calls)
	slices.Sort(mounts)
	b.call = calls[len(calls)/2]
	took := mounts[len(mounts)/2]
	b.rows = append(b.rows,
		row{what: "floor: an empty call on the socket", measured: fmt.Sprintf("%.2f ms", b.call.Seconds()*1e3)},
		row{what: "10 secrets, cached: over the empty call", measured: fmt.Sprintf("%.2f ms", took.Seconds()*1e3),
			ratio: (took - b.call).Seconds() * 1e3,
			unit:  " ms", most: 1, reads: fmt.Sprint(len(b.store.Requests()))})
	return nil
}

// storm sends many mounts at once, and returns the time until the last answer.
func storm(ctx context.Context, d *daemon, requests []*pb.MountRequest) (time.Duration, error) {
	var all sync.WaitGroup
	failed := make([]error, len(requests))
	begin := time.Now()
	for i, request := range requests {
		all.Go(func() { _, failed[i] = d.mount(ctx, request) })
	}
	all.Wait()
	return time.Since(begin), errors.Join(failed...)
}
