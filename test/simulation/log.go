// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"k8s.io/klog/v2"
)

// logged is the log of the process, which only one history at a time may use.
var logged = &sink{}

// sink looks at each line of the log.
type sink struct {
	once sync.Once
	mu   sync.Mutex
	w    *world // nil between histories
}

func (s *sink) start(w *world) {
	s.once.Do(func() { klog.SetSlogLogger(slog.New(s)) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w = w
}

func (s *sink) stop() { s.start(nil) }

// Enabled implements slog.Handler.
func (s *sink) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (s *sink) Handle(_ context.Context, r slog.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w == nil {
		return nil
	}
	var line strings.Builder
	line.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&line, " %s=%v", a.Key, a.Value)
		return true
	})
	if strings.Contains(line.String(), planted) {
		s.w.violate(s.w.now(), "leak", "a line of the log has something planted: %s", &line)
	}
	if r.Message == "mount" {
		s.w.mu.Lock()
		s.w.Audited++
		s.w.mu.Unlock()
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (s *sink) WithAttrs([]slog.Attr) slog.Handler { return s }

// WithGroup implements slog.Handler.
func (s *sink) WithGroup(string) slog.Handler { return s }
