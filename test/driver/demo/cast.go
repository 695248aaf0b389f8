// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"io"
	"math"
	"strings"
	"time"
)

// cast records what is written to it as an asciicast (version 2), which asciinema plays.
type cast struct {
	out   io.Writer
	began time.Time
	extra time.Duration // of the pauses that only the recording has
}

// newCast writes the header. Waiting of more than two seconds is shortened when it is played.
func newCast(out io.Writer, now time.Time) (*cast, error) {
	c := &cast{out: out, began: now}
	return c, c.line(map[string]any{"version": 2, "width": width + 10, "height": 40, "idle_time_limit": 2,
		"title": "Secrets of OVHcloud Secret Manager as files in a pod"})
}

// Write records text as the output of this moment.
func (c *cast) Write(text []byte) (int, error) {
	at := math.Round((time.Since(c.began)+c.extra).Seconds()*1000) / 1000
	return len(text), c.line([]any{at, "o", strings.ReplaceAll(string(text), "\n", "\r\n")})
}

// rest leaves time for reading what was written.
func (c *cast) rest(pause time.Duration) { c.extra += pause }

func (c *cast) line(value any) error { return json.NewEncoder(c.out).Encode(value) }
