// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

const maxDelay = 100 * 365 * 24 * time.Hour // keeps the sum of a delay and a time in range

var durationPart = regexp.MustCompile(`^(\d+)([dhms])`)

// parseDelay parses a delete_version_after: numbers with d, h, m or s, as in OVHcloud's Control
// Panel ("1d12h"), a number of seconds without a unit, or Go's form. 0 means never.
func parseDelay(s string) (time.Duration, error) {
	if seconds, err := strconv.ParseUint(s, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second, nil
	}
	units := map[string]time.Duration{"d": 24 * time.Hour, "h": time.Hour, "m": time.Minute, "s": time.Second}
	var total time.Duration
	rest := s
	for {
		m := durationPart.FindStringSubmatch(rest)
		if m == nil {
			break
		}
		n, err := strconv.ParseUint(m[1], 10, 32)
		unit := units[m[2]]
		if err != nil || time.Duration(n) > (maxDelay-total)/unit {
			return 0, fmt.Errorf("duration %q is more than 100 years", s)
		}
		total += time.Duration(n) * unit
		rest = rest[len(m[0]):]
	}
	if rest == "" && s != "" {
		return total, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration such as 1d or 10h30m10s", s)
	}
	return d, nil
}
