// SPDX-License-Identifier: Apache-2.0

// Package tracing sends OpenTelemetry spans of mounts to a collector, over OTLP and gRPC: the mount,
// its plan, each read, the files, and each request to the store.
//
// Spans have names, as the audit does, and no value and no credential. No mount waits for the
// collector: spans go through a bounded queue, and what does not fit is lost and counted.
package tracing

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"k8s.io/klog/v2"
)

const (
	// mostWaiting is how many spans wait, of at most 5 KiB each, and mostly of 0.5 KiB.
	mostWaiting = 1000
	mostOfBatch = 200
	// gather is how long spans are gathered for a request.
	gather  = 2 * time.Second
	timeout = 10 * time.Second
	// closing is how long the last spans may take at the end.
	closing = time.Second
)

// Lost is how many spans were lost.
type Lost struct {
	// Full is how many did not fit into the queue, and Failed how many the collector did not
	// accept.
	Full, Failed int64
}

// Tracer makes spans, and sends them to a collector. Run must be called.
type Tracer struct {
	service, version string
	conn             *grpc.ClientConn
	queue            chan *span
	full, failed     atomic.Int64
}

// New returns a Tracer for the collector at an endpoint: http://host:port without TLS, or
// https://host:port. It connects when there are spans.
func New(endpoint, service, version string) (*Tracer, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Port() == "" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		u.Path != "" && u.Path != "/" || u.Scheme != "http" && u.Scheme != "https" {
		// It is not quoted: it may have a password.
		return nil, errors.New("not the address of a collector, such as http://otel-collector.monitoring:4317")
	}
	encryption := insecure.NewCredentials()
	if u.Scheme == "https" {
		encryption = credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
	}
	// No proxy: it is for OKMS.
	conn, err := grpc.NewClient("dns:///"+u.Host, grpc.WithTransportCredentials(encryption), grpc.WithNoProxy(),
		grpc.WithDisableServiceConfig(), grpc.WithUserAgent(service+"/"+version),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{}), grpc.MaxCallRecvMsgSize(64<<10)))
	if err != nil {
		return nil, fmt.Errorf("the address of the collector: %w", err)
	}
	return &Tracer{service: service, version: version, conn: conn, queue: make(chan *span, mostWaiting)}, nil
}

// Lost returns how many spans were lost until now.
func (t *Tracer) Lost() Lost { return Lost{Full: t.full.Load(), Failed: t.failed.Load()} }

// finish ends a span and queues it. It does not wait.
func (t *Tracer) finish(s *span, failure string) {
	s.finish(failure)
	select {
	case t.queue <- s:
	default:
		t.full.Add(1)
	}
}

// Run sends spans until ctx ends, and then those that wait, for a second at most.
func (t *Tracer) Run(ctx context.Context) {
	defer t.conn.Close()
	failing := ""
	for {
		batch := t.batch(ctx)
		if len(batch) == 0 {
			return
		}
		said := ""
		if err := t.send(ctx, batch); err != nil {
			t.failed.Add(int64(len(batch)))
			said = status.Code(err).String()
		}
		switch {
		case said != "" && said != failing:
			klog.ErrorS(nil, "spans cannot be sent to --otlp-endpoint", "code", said)
		case said == "" && failing != "":
			klog.InfoS("spans are sent again")
		}
		failing = said
	}
}

// batch waits for spans, and gathers more of them. It returns none if ctx has ended and none wait.
func (t *Tracer) batch(ctx context.Context) (batch []*span) {
	select {
	case s := <-t.queue:
		batch = append(batch, s)
	case <-ctx.Done():
	}
	timer := time.NewTimer(gather)
	defer timer.Stop()
	for len(batch) < mostOfBatch {
		select {
		case s := <-t.queue:
			batch = append(batch, s)
			continue
		default:
		}
		select {
		case s := <-t.queue:
			batch = append(batch, s)
		case <-timer.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

// send sends spans in one request.
func (t *Tracer) send(ctx context.Context, batch []*span) error {
	most := timeout
	if ctx.Err() != nil {
		ctx, most = context.WithoutCancel(ctx), closing
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	request, answer := exportRequest(t.service, t.version, batch), []byte(nil)
	err := t.conn.Invoke(ctx, "/opentelemetry.proto.collector.trace.v1.TraceService/Export", &request, &answer)
	if err == nil {
		t.failed.Add(min(max(0, rejected(answer)), int64(len(batch))))
	}
	return err
}
