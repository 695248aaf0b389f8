// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ovhcloud-csi-provider/provider/failure"
)

// Forbidden reports whether err has a code after which a pod may start with an empty
// volume.
func Forbidden(err error) bool {
	switch status.Code(err) {
	case codes.Canceled, codes.DeadlineExceeded, codes.Unavailable, codes.ResourceExhausted, codes.Aborted:
		return true
	}
	return false
}

// WantError checks the error of a mount that must fail: its code, and parts of its
// message.
func WantError(t testing.TB, err error, code codes.Code, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("the mount succeeded")
	}
	if Forbidden(err) || status.Code(err) != code {
		t.Errorf("code %s, want %s: %v", status.Code(err), code, err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message lacks %q: %v", part, err)
		}
	}
}

// MustMount checks that a mount succeeds and that one of its files has this content.
func (d *Daemon) MustMount(t testing.TB, m Mount, file, content string) {
	t.Helper()
	files, err := d.Do(t.Context(), m)
	if err != nil {
		t.Error(err)
	} else if files[file] != content {
		t.Errorf("file %s has the content %q, want %q", file, files[file], content)
	}
}

// WantLines checks that /metrics has these lines. A line that ends with a space or an equals
// sign is only the beginning of one.
func (d *Daemon) WantLines(t testing.TB, lines ...string) {
	t.Helper()
	page := Page(t, d.Admin+"/metrics")
	for _, line := range lines {
		end := "\n"
		if strings.HasSuffix(line, " ") || strings.HasSuffix(line, "=") {
			end = ""
		}
		if !strings.Contains(page, "\n"+line+end) {
			t.Errorf("/metrics lacks the line %s", line)
		}
	}
}

// WantKind checks in /metrics that one mount had the result kind so far.
func (d *Daemon) WantKind(t testing.TB, kind failure.Kind) {
	t.Helper()
	d.WantLines(t, fmt.Sprintf("ovhcloud_csi_mounts_total{result=%q} 1", kind))
}

// Objects returns the YAML of the n whole secrets that HoldMany writes.
func Objects(folder string, n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "- secretPath: %s/s%d\n", folder, i)
	}
	return text.String()
}

// HoldMany writes n secrets, folder/s0 and so on, with the content {"v":"folder 0"} and
// so on.
func (s *Store) HoldMany(t testing.TB, folder string, n int) {
	t.Helper()
	for i := range n {
		s.Hold(t, map[string]string{fmt.Sprintf("%s/s%d", folder, i): fmt.Sprintf(`{"v":"%s %d"}`, folder, i)})
	}
}

// Clock is a clock that only moves when a test advances it. The zero value is a clock
// that shows noon of a day.
type Clock struct{ past atomic.Int64 }

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// Now returns the clock's time.
func (c *Clock) Now() time.Time { return noon.Add(time.Duration(c.past.Load())) }

// Advance moves the clock, back if passed is negative.
func (c *Clock) Advance(passed time.Duration) { c.past.Add(int64(passed)) }
