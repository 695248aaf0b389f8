// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// The lines of the page between which TestFullNodes writes.
const (
	beginFull = "<!-- make fleet writes the outage of full nodes from here -->\n"
	endFull   = "<!-- to here -->\n"
)

// TestFullNodes measures an outage of nodes with 110 pods each, as many as kubelet allows. It has a twentieth of the
// nodes, and of the requests that OKMS answers: all 1,000 would take hours.
func TestFullNodes(t *testing.T) {
	if *write == "" {
		t.Skip("run make fleet to write docs/fleet.md")
	}
	text, err := os.ReadFile(*write)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, begins := strings.Cut(string(text), beginFull)
	_, tail, ends := strings.Cut(rest, endFull)
	if !begins || !ends {
		t.Fatalf("%s lacks the lines %s and %s", *write, beginFull, endFull)
	}
	p := Plan{Nodes: max(1, *nodes/20), Pods: 110, Secrets: 20, Each: 2, TTL: 30 * time.Second, Rate: max(1, *nodes/20),
		Spread: 5 * time.Minute, From: 10 * time.Minute, For: 20 * time.Minute, Lasts: 40 * time.Minute, Seed: 1}
	r := Run(t, p)
	var out strings.Builder
	fmt.Fprintf(&out, "\n%d nodes with 110 pods and 20 secrets each, `--cache-ttl=30s`, no `--max-stale`; OKMS answers "+
		"429 to more than %d requests in a second, and is away for 20 minutes.\n\n| what | requests a second | "+
		"most in one second | if independent | over the limit |\n| --- | --- | --- | --- | --- |\n", p.Nodes, p.Rate)
	back := p.From + p.For
	for _, w := range []struct {
		what     string
		from, to time.Duration
	}{{"at rest before the outage", p.Spread + 2*time.Minute, p.From},
		{"the first ten seconds after it", back, back + 10*time.Second},
		{"the rest of the first two minutes", back + 10*time.Second, back + 2*time.Minute},
		{"the eight minutes after that", back + 2*time.Minute, p.Lasts}} {
		window, over := r.Requests[w.from/time.Second:w.to/time.Second], 0
		for _, n := range window {
			over += max(0, n-p.Rate)
		}
		fmt.Fprintf(&out, "| %s | %s | %d | %.0f | %d |\n", w.what, figure(mean(window)), slices.Max(window),
			mean(window)+bound(window, p.Each), over)
	}
	fmt.Fprintf(&out, "\n%d mounts failed while OKMS was there, of %d pods. The likely cause, which was not measured: "+
		"a circuit breaker stays open for up to ten seconds after the end of the outage.\n\n", r.Failed, p.Nodes*p.Pods)
	if err := os.WriteFile(*write, []byte(head+beginFull+out.String()+endFull+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
