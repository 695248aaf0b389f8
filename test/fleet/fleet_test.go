// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"io"
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"k8s.io/klog/v2"
)

func TestMain(m *testing.M) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	os.Exit(m.Run())
}

// small is a fleet for tests.
var small = Plan{Nodes: 5, Pods: 10, Secrets: 10, Each: 3, TTL: 30 * time.Second, Spread: time.Minute,
	Lasts: 10 * time.Minute, Seed: 1}

// TestNodesAtRestDoNotAskInStep checks the second with the most requests against their mean, a minute after the start.
func TestNodesAtRestDoNotAskInStep(t *testing.T) {
	t.Parallel()
	r := Run(t, small)
	if r.Failed > 0 || r.Started > 2*time.Minute {
		t.Errorf("%d mounts failed; the last pod started after %s", r.Failed, r.Started)
	}
	wantEven(t, r.Requests[120:], small.Each)
	// Each node reads each of its secrets at most once in the TTL.
	if got, most := mean(r.Requests[120:]), 10.0*10/30; got > most {
		t.Errorf("%.2f requests a second, at most %.2f expected", got, most)
	}
}

// TestAnOutageLeavesNoStep starts all pods at once, so that all nodes are in step when the outage begins.
func TestAnOutageLeavesNoStep(t *testing.T) {
	t.Parallel()
	p := small
	p.Spread, p.From, p.For, p.Lasts = 0, 3*time.Minute, 10*time.Minute, 20*time.Minute
	r := Run(t, p)
	back := int((p.From + p.For) / time.Second)
	if sum(r.Requests[back-60:back]) != 0 {
		t.Fatal("the store answered in the outage")
	}
	wantEven(t, r.Requests[back+120:], p.Each)
	if most := slices.Max(r.Requests[back : back+120]); most > p.Nodes*p.Secrets/3 {
		t.Errorf("%d requests in a second after the outage, of %d nodes with %d secrets each", most, p.Nodes, p.Secrets)
	}
}

// TestRefreshIntervalLeavesNoStep starts all pods at once, so that all nodes have read their secrets at once.
func TestRefreshIntervalLeavesNoStep(t *testing.T) {
	t.Parallel()
	p := small
	p.Nodes, p.Pods, p.Secrets, p.Each = 20, 5, 5, 1
	p.Spread, p.Refresh, p.Lasts = 0, 10*time.Minute, 25*time.Minute
	if *write != "" { // in make fleet
		p.Lasts = 65 * time.Minute
	}
	r := Run(t, p)
	wantEven(t, r.Requests[120:], p.Each)
	// Each value may be read twice in the first interval.
	if got, most := sum(r.Requests), p.Nodes*p.Secrets*(2+int(p.Lasts/p.Refresh)); got > most {
		t.Errorf("%d requests, at most %d expected", got, most)
	}
}

// TestATTLOfMinutesLeavesNoStep starts all pods at once. Values that all last as long would be read in step from then
// on.
func TestATTLOfMinutesLeavesNoStep(t *testing.T) {
	t.Parallel()
	p := small
	p.Nodes, p.Pods, p.Secrets, p.Each = 20, 5, 5, 1
	p.Spread, p.TTL, p.Lasts = 0, 5*time.Minute, 15*time.Minute
	if *write != "" { // in make fleet
		p.Nodes, p.Lasts = 50, 30*time.Minute
	}
	r := Run(t, p)
	wantEvenIn(t, 1, r.Requests[120:], p.Each)
	// Before, kubelet's first renewals of pods that started at once are in step: 33 of 50 nodes asked within ten seconds.
	wantEvenIn(t, 10, r.Requests[p.TTL/time.Second:], p.Each)
	rest := r.Requests[6*60:]
	if got, most := mean(rest), float64(p.Nodes*p.Secrets)/p.TTL.Seconds(); got > most {
		t.Errorf("%.2f requests a second at rest, at most %.2f expected", got, most)
	}
}

// TestALimitDelaysAStart starts all pods at once at a store that answers a tenth of what they need.
func TestALimitDelaysAStart(t *testing.T) {
	t.Parallel()
	p := small
	p.Spread, p.Rate, p.Lasts = 0, 10, 10*time.Minute
	r := Run(t, p)
	if r.Limited == 0 || r.Started == 0 || r.Started > 3*time.Minute {
		t.Errorf("%d requests were over the limit; the last pod started after %s", r.Limited, r.Started)
	}
	if over := r.Limited; over > 10*p.Nodes*p.Secrets {
		t.Errorf("%d requests were over the limit: %d secrets were to be read", over, p.Nodes*p.Secrets)
	}
}

// TestRefreshIntervalLowersTheCost compares with the same fleet without one.
func TestRefreshIntervalLowersTheCost(t *testing.T) {
	t.Parallel()
	p := small
	p.Refresh = 5 * time.Minute
	with, without := Run(t, p), Run(t, small)
	if got, most := mean(with.Requests[120:]), mean(without.Requests[120:])/4; got > most {
		t.Errorf("%.2f requests a second, at most %.2f expected", got, most)
	}
}

// wantEven checks that no second and no ten seconds have more requests than independent mounts would make, each of so
// many secrets. Nodes in step ask within a minute or so, since kubelet's times are random. Ten seconds show the step of
// fewer nodes than one second does.
func wantEven(t *testing.T, requests []int, each int) {
	t.Helper()
	wantEvenIn(t, 1, requests, each)
	wantEvenIn(t, 10, requests, each)
}

// wantEvenIn is wantEven for windows of so many seconds.
func wantEvenIn(t *testing.T, seconds int, requests []int, each int) {
	t.Helper()
	var windows []int
	for window := range slices.Chunk(requests[:len(requests)/seconds*seconds], seconds) {
		windows = append(windows, sum(window))
	}
	if most, average := slices.Max(windows), mean(windows); float64(most) > average+bound(windows, each) {
		t.Errorf("%d requests in %d s, %.2f on average", most, seconds, average)
	}
	if sum(requests) == 0 {
		t.Error("there are no requests")
	}
}

// bound is how much more than the mean independent mounts ask in one window, each for so many secrets at once: six
// standard deviations of a Poisson distribution, and one mount.
func bound(requests []int, each int) float64 {
	return 6*math.Sqrt(mean(requests)*float64(each)) + float64(each)
}

func sum(all []int) (n int) {
	for _, one := range all {
		n += one
	}
	return n
}

func mean(all []int) float64 { return float64(sum(all)) / float64(len(all)) }
