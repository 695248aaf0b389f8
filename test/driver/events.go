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

// eventLog takes the place of the network for a Kubernetes client: it keeps the events that are sent and refuses all
// else. The zero value is empty and ready.
type eventLog struct {
	mu      sync.Mutex
	events  []string
	changed chan struct{} // closed at the next event; nil while no call waits
}

// RoundTrip implements http.RoundTripper.
func (l *eventLog) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodPost || !strings.HasSuffix(req.URL.Path, "/events") {
		return nil, fmt.Errorf("%s %s: the API in memory has no HTTP", req.Method, req.URL.Path)
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

// await waits until one of the events satisfies ok, for so long at the most.
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
