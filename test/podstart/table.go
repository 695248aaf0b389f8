// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// begin is the line of the page above the table.
const begin = "<!-- make podstart writes from here -->\n"

// row is one kind of pod, started in one way.
type row struct {
	kind   kind
	how    string
	starts []start
}

// header is that of the table.
const header = "| pods | what they mount | p50 | p99 | p50, over only the token | driver alone, p50 | p99 " +
	"| provider, p50 | p99 | requests to OKMS |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"

// line returns the row of the table. over is the p50 of the plain pods, and reads how many
// requests the store had for each class.
func (r row) line(shares map[string]share, over time.Duration, reads map[string]int) string {
	cells := []string{fmt.Sprintf("%d %s", len(r.starts), r.how), r.kind.says}
	took := r.all(func(s start) time.Duration { return s.took })
	cells = append(cells, ms(at(took, 0.5)), ms(at(took, 0.99)))
	if r.kind.name == bare.name || r.kind.name == plain.name {
		return "| " + strings.Join(append(cells, "", "", "", "", "", ""), " | ") + " |\n"
	}
	cells = append(cells, ms(at(took, 0.5)-over))
	if r.kind.class == nil {
		return "| " + strings.Join(append(cells, "", "", "", "", ""), " | ") + " |\n"
	}
	driver := r.all(func(s start) time.Duration { return shares[s.uid].publish - shares[s.uid].provider })
	provider := r.provider(shares)
	cells = append(cells, ms(at(driver, 0.5)), ms(at(driver, 0.99)), ms(at(provider, 0.5)), ms(at(provider, 0.99)),
		fmt.Sprint(r.reads(reads)))
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// reads returns how many requests the pods of the row made. The first pod of a class that is cached has made the
// requests of this class, so there are none if there were only these.
func (r row) reads(of map[string]int) int {
	sum, classes := 0, map[string]bool{}
	for _, s := range r.starts {
		if class := r.kind.class(s.pod); !classes[class] {
			classes[class] = true
			sum += of[class]
		}
	}
	if r.kind.name == cached.name {
		sum -= secrets
	}
	return sum
}

// provider returns what the provider's mounts took.
func (r row) provider(shares map[string]share) []time.Duration {
	return r.all(func(s start) time.Duration { return shares[s.uid].provider })
}

// all returns a duration of each start, in ascending order.
func (r row) all(of func(start) time.Duration) []time.Duration {
	all := make([]time.Duration, len(r.starts))
	for i, s := range r.starts {
		all[i] = of(s)
	}
	slices.Sort(all)
	return all
}

// at returns a percentile by nearest rank: the smallest duration that at least this part of them does not exceed.
func at(sorted []time.Duration, part float64) time.Duration {
	return sorted[max(0, int(math.Ceil(part*float64(len(sorted))))-1)]
}

// ms returns a duration in milliseconds.
func ms(d time.Duration) string {
	return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
}
