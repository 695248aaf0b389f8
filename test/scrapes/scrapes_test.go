// SPDX-License-Identifier: Apache-2.0

package scrapes

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/test/harness"
)

var write = flag.Bool("write", false, "write the recordings; without it they are compared with the daemon")

// Each break has a recording of the series that it changes or adds, in the format of /metrics. Its first
// line says when it was recorded. healthy.txt has all series.
func TestRecordingsAreWhatADaemonServes(t *testing.T) {
	healthy := page(t, start(t, options{}).mount(t))
	for name, breakIt := range breaks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken := page(t, breakIt(t))
			maps.DeleteFunc(broken, func(series, value string) bool { return healthy[series] == value || isVolatile(series) })
			compare(t, name, broken)
		})
	}
	compare(t, "healthy", healthy)
}

// isVolatile reports whether the value of a series differs with each run.
func isVolatile(series string) bool {
	return regexp.MustCompile(`_seconds_(bucket|sum|count)|_budget_used_bytes|_okms_connections_total`).MatchString(series)
}

// age is a series whose value is 0 at the time of the last mount.
var age = regexp.MustCompile(`^ovhcloud_csi_seconds_since_good_mount`)

// page returns the daemon's series of /metrics with their values, without those of Go and of the process.
func page(t *testing.T, n *node) map[string]string {
	t.Helper()
	all := map[string]string{}
	for line := range strings.Lines(harness.Page(t, n.Admin+"/metrics")) {
		if !strings.HasPrefix(line, "ovhcloud_csi_") {
			continue
		}
		space := strings.LastIndexByte(line, ' ')
		series, value := line[:space], strings.TrimSpace(line[space:])
		if age.MatchString(series) {
			value = "0"
		}
		all[series] = value
	}
	return all
}

// compare compares the series with those of a recording: all must be there, and the same must be zero.
// With -write it writes the recording.
func compare(t *testing.T, name string, series map[string]string) {
	t.Helper()
	file := filepath.Join("recorded", name+".txt")
	if *write {
		var text strings.Builder
		fmt.Fprintf(&text, "# %d\n", time.Now().Unix())
		for _, s := range slices.Sorted(maps.Keys(series)) {
			fmt.Fprintln(&text, s, series[s])
		}
		if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	recorded := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if s, value, found := cut(line); found {
			recorded[s] = value
		}
	}
	for _, s := range slices.Sorted(maps.Keys(union(recorded, series))) {
		before, known := recorded[s]
		now, served := series[s]
		switch {
		case isVolatile(s) && known && served:
		case known != served, (before == "0") != (now == "0"):
			t.Errorf("%s has %s %s, the daemon %q: run go test ./test/scrapes -write", file, s, before, now)
		}
	}
}

// cut returns the series and the value of a line of a recording.
func cut(line string) (series, value string, found bool) {
	space := strings.LastIndexByte(line, ' ')
	if strings.HasPrefix(line, "#") || space < 0 {
		return "", "", false
	}
	return line[:space], strings.TrimSpace(line[space:]), true
}

func union(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}
