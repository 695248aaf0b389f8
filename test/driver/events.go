// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// eventLog replaces the network for a Kubernetes client: it records the events that are sent and rejects all other
// requests. The zero value is empty and ready to use.
type eventLog struct {
	mu      sync.Mutex
	events  []string
	changed chan struct{} // closed at the next event; nil if no goroutine waits
}

// RoundTrip implements http.RoundTripper.
func (l *eventLog) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodPost || !strings.HasSuffix(req.URL.Path, "/events") {
		return nil, fmt.Errorf("%s %s: the in-memory API is not served over HTTP", req.Method, req.URL.Path)
	}
	defer req.Body.Close()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	var event corev1.Event
	if err := json.Unmarshal(body, &event); err != nil {
		return nil, fmt.Errorf("reading an event: %w", err)
	}
	l.mu.Lock()
	l.events = append(l.events, event.Type+" "+event.Reason+" "+event.Message)
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
	l.mu.Unlock()
	return &http.Response{
		Status: "201 Created", StatusCode: http.StatusCreated,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)), Request: req,
	}, nil
}

// await waits at most atMost until one of the events satisfies ok.
func (l *eventLog) await(ctx context.Context, atMost time.Duration, ok func(string) bool) error {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	for {
		l.mu.Lock()
		if slices.ContainsFunc(l.events, ok) {
			l.mu.Unlock()
			return nil
		}
		if l.changed == nil {
			l.changed = make(chan struct{})
		}
		changed := l.changed
		l.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *eventLog) list() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}
