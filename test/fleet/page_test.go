// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	write = flag.String("write", "", "the page to write")
	nodes = flag.Int("nodes", 1000, "nodes of the fleet")
)

// begin is the line of the page below which TestPage writes.
const begin = "<!-- make fleet writes from here -->\n"

// TestPage measures a fleet and writes the figures. It takes minutes, so it runs with -write only: `make fleet`.
func TestPage(t *testing.T) {
	if *write == "" {
		t.Skip("run make fleet to write docs/fleet.md")
	}
	text, err := os.ReadFile(*write)
	if err != nil {
		t.Fatal(err)
	}
	head, _, found := strings.Cut(string(text), begin)
	if !found {
		t.Fatalf("%s lacks the line %s", *write, begin)
	}
	page := head + begin + "\n" + events(t) + "\n" + table(t)
	if err := os.WriteFile(*write, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
}

// events measures the whole fleet: a rollout, the rest after it, and the end of an outage.
func events(t *testing.T) string {
	const rate, spread, outage = 1000, 10 * time.Minute, time.Hour
	whole := Plan{Nodes: *nodes, Pods: 110, Secrets: 20, Each: 2, TTL: 30 * time.Second, Rate: rate, Spread: spread,
		Lasts: 15 * time.Minute, Seed: 1}
	few := whole
	few.Pods, few.Secrets, few.Refresh, few.Spread = 10, 10, 30*time.Minute, 2*time.Minute
	few.From, few.For, few.Lasts = 40*time.Minute, outage, 140*time.Minute
	var out strings.Builder
	fmt.Fprintf(&out, "%d nodes, whose pods mount two secrets each; OKMS answers 429 to more than %d requests in a "+
		"second.\n\n| pods on a node | secrets | `refreshInterval` | what | requests a second | most in one second | if "+
		"independent | "+
		"over the limit |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n", *nodes, rate)
	row := func(p Plan, refresh, what string, r Result, from, to time.Duration) {
		window := r.Requests[from/time.Second : to/time.Second]
		over := 0
		for _, n := range window {
			over += max(0, n-rate)
		}
		fmt.Fprintf(&out, "| %d | %d | %s | %s | %s | %d | %.0f | %d |\n", p.Pods, p.Secrets, refresh, what,
			figure(mean(window)),
			slices.Max(window), mean(window)+bound(window, p.Each), over)
		t.Logf("%s, %s: %.1f", refresh, what, mean(window))
	}
	r := Run(t, whole)
	row(whole, "none", "all pods start within ten minutes", r, 0, spread)
	row(whole, "none", "at rest", r, spread+2*time.Minute, whole.Lasts)
	r = Run(t, few)
	back := few.From + few.For
	row(few, "30m", "all pods start within two minutes", r, 0, 3*time.Minute)
	row(few, "30m", "at rest before the outage", r, 15*time.Minute, few.From)
	row(few, "30m", "the first two minutes after an hour's outage", r, back, back+2*time.Minute)
	row(few, "30m", "the half hour after that", r, back+2*time.Minute, back+32*time.Minute)
	row(few, "30m", "the eight minutes after that", r, back+32*time.Minute, few.Lasts)
	return out.String()
}

// table measures what a node costs at rest, by its secrets and the interval, and multiplies it.
func table(t *testing.T) string {
	fleets := []int{10, 100, 1000}
	var out strings.Builder
	out.WriteString("Requests a second at rest:\n\n| secrets that a node needs | `--cache-ttl` | `refreshInterval` |")
	for _, n := range fleets {
		fmt.Fprintf(&out, " %d nodes |", n)
	}
	out.WriteString("\n" + strings.Repeat("| --- ", 3+len(fleets)) + "|\n")
	for _, secrets := range []int{5, 20, 100} {
		for _, c := range []struct{ ttl, refresh time.Duration }{
			{30 * time.Second, 0}, {5 * time.Minute, 0}, {30 * time.Second, 5 * time.Minute},
			{30 * time.Second, 30 * time.Minute}, {30 * time.Second, time.Hour}} {
			p := Plan{Nodes: 3, Pods: 100, Secrets: secrets, Each: 2, TTL: c.ttl, Refresh: c.refresh, Spread: time.Minute,
				Lasts: 10*time.Minute + 3*max(c.ttl, c.refresh), Seed: 1}
			r := Run(t, p)
			rest := r.Requests[(p.Lasts-2*max(c.ttl, c.refresh, time.Minute))/time.Second:]
			one := mean(rest) / float64(p.Nodes)
			interval := "none"
			if c.refresh > 0 {
				interval = short(c.refresh)
			}
			fmt.Fprintf(&out, "| %d | %s | %s |", secrets, short(c.ttl), interval)
			for _, n := range fleets {
				fmt.Fprintf(&out, " %s |", figure(one*float64(n)))
			}
			out.WriteString("\n")
		}
	}
	return out.String()
}

// figure is a number of two digits at least.
func figure(n float64) string {
	if n < 10 {
		return fmt.Sprintf("%.2g", n)
	}
	return fmt.Sprintf("%.0f", n)
}

// short is a duration without zeros at its end, such as 30s, 5m or 1h.
func short(d time.Duration) string {
	text := d.String()
	for _, end := range []string{"m0s", "h0m"} {
		if before, zero := strings.CutSuffix(text, end); zero {
			text = before + end[:1]
		}
	}
	return text
}
