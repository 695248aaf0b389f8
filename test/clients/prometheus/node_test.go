// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// onNode has for each recording of a node the alerts that fire if it lasts, and after how many minutes. stuck are
// the classes whose mounts fail.
var onNode = map[string]struct{ stuck, want string }{
	"token-revoked":            {"scenarios-seen/revoked", "CredentialRefused 11, SecretsNotRenewed 17"},
	"class-wrong":              {"scenarios-seen/wrong", "SecretsNotRenewed 17"},
	"certificate-near-its-end": {"", "ConnectionExpires 61"},
	"region-away":              {"", "CircuitBreakerOpen 16, OKMSFailing 6, SecretsServedStale 6"},
	"store-down":               {"scenarios-seen/down", "OKMSFailing 6, SecretsNotRenewed 17"},
	"budget-full":              {"", "MemoryBudgetRefuses 11, NodeFull 11"},
	"audit-disk-full":          {"", "AuditRecordsLost 6"},
}

// The scenarios of test/e2e/bats/seen.bats break a daemon on a node. Each break fires its alerts, and no others.
func TestEachBreakOnANodeFiresItsAlerts(t *testing.T) {
	all, folder := rules(t), "../../scrapes/node"
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != len(onNode) {
		t.Errorf("%d recordings, %v; want those of %s", len(files), err, slices.Sorted(maps.Keys(onNode)))
	}
	for name, c := range onNode {
		healthy, broken := readNode(t, filepath.Join(folder, name+".txt"))
		stored := history(t, healthy, broken, strings.Fields(c.stuck)...)
		var got []string
		for _, f := range stored.firing(t, all, broken.at.Add(-10*time.Minute), broken.at, broken.at.Add(after)) {
			got = append(got, fmt.Sprintf("%s %d", f.alert, int(f.after.Minutes())))
		}
		slices.Sort(got)
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("%s: got %s\nwant %s", name, text, c.want)
		}
	}
}

// readNode returns a recording of a node before and after a break: the series that changed, with both values. Counters
// begin with 0, so that they have what the break added.
func readNode(t *testing.T, file string) (healthy, broken recording) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	healthy, broken = recording{values: map[string]float64{}}, recording{values: map[string]float64{}}
	number := func(text string) float64 {
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		return value
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if fields[0] == "#" {
			broken.at = time.Unix(int64(number(fields[1])), 0)
			continue
		}
		name, old, now := fields[0], 0.0, number(fields[2])
		if fields[1] != "-" {
			old = number(fields[1])
			healthy.values[name] = old
		}
		if counter.MatchString(name) {
			now -= old
			healthy.values[name] = 0
		}
		broken.values[name] = now
	}
	return healthy, broken
}
