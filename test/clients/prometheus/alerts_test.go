// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// made are recordings of what a daemon does not show, or only after longer than a test may take.
func made(healthy recording) map[string]recording {
	slow := map[string]float64{}
	for name, value := range healthy.values {
		if strings.HasPrefix(name, `ovhcloud_csi_mount_seconds_bucket{le="59`) || strings.HasSuffix(name, `_mount_seconds_bucket{le="+Inf"}`) {
			slow[name] = 2 * value // mounts of 20 to 59 seconds
		}
	}
	of := func(values map[string]float64) recording { return recording{at: healthy.at, values: values} }
	return map[string]recording{
		"mounts-slow": of(slow),
		"daemon-killed": of(map[string]float64{
			`kube_daemonset_status_number_unavailable{namespace="kube-system",daemonset="ovhcloud-csi-provider"}`: 1}),
		"volume-not-written": of(map[string]float64{`rotation_reconcile_error_total{provider="ovhcloud",error_type="FileWriteError"}`: 1}),
	}
}

// breaks has for each recording the alerts that fire, and after how many minutes. stuck are the classes without a good
// mount.
var breaks = map[string]struct{ stuck, want string }{
	"token-revoked":            {"store/pay", "CredentialRefused 11, SecretsNotRenewed 17"},
	"connection-broken":        {"", "ConnectionBroken 6"},
	"certificate-near-its-end": {"", "ConnectionExpires 61"},
	"store-down":               {"store/shop store/pay", "CircuitBreakerOpen 16, OKMSFailing 7, SecretsNotRenewed 17"},
	"store-down-stale":         {"", "CircuitBreakerOpen 16, OKMSFailing 7, SecretsServedStale 6"},
	"store-limits":             {"", "OKMSLimitsRequests 11"},
	"class-wrong":              {"store/pay", "SecretsNotRenewed 17"},
	"budget-full":              {"store/shop store/pay", "MemoryBudgetRefuses 11, NodeFull 11, SecretsNotRenewed 17"},
	"panic":                    {"store/shop store/pay", "MountPanicked 2, SecretsNotRenewed 17"},
	"log-disk-full":            {"", "LogLinesLost 6"},
	"audit-disk-full":          {"", "AuditRecordsLost 6"},
	"mounts-slow":              {"", "MountsSlow 16"},
	"daemon-killed":            {"", "ProviderNotRunning 16"},
	"volume-not-written":       {"", "VolumeNotWritten 6"},
}

// A break fires its alerts and no others, each after its time and not before. Nothing fires in health.
func TestEachBreakFiresItsAlerts(t *testing.T) {
	healthy, all := read(t, "healthy"), rules(t)
	simulated, never := made(healthy), map[string]bool{}
	for _, rule := range all {
		never[rule.Alert] = true
	}
	for _, name := range slices.Sorted(maps.Keys(breaks)) {
		broken, isMade := simulated[name]
		if !isMade {
			broken = read(t, name)
		}
		stored := history(t, healthy, broken, strings.Fields(breaks[name].stuck)...)
		var got []string
		for _, f := range stored.firing(t, all, broken.at.Add(-10*time.Minute), broken.at, broken.at.Add(after)) {
			got = append(got, fmt.Sprintf("%s %d", f.alert, int(f.after.Minutes())))
			delete(never, f.alert)
			t.Logf("%s: %s", name, f.summary)
		}
		slices.Sort(got)
		if text := strings.Join(got, ", "); text != breaks[name].want {
			t.Errorf("%s: got %s\nwant %s", name, text, breaks[name].want)
		}
	}
	if len(never) > 0 {
		t.Errorf("no break fires %s", slices.Sorted(maps.Keys(never)))
	}
}
