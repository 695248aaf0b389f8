// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// History is what happens around a node. It has a text form, one event a line, so that it can
// be printed, kept and run again.
type History struct {
	Setup
	Events []Event // in the order of time
}

// Setup is what does not change within a history.
type Setup struct {
	TTL, Stale time.Duration // the daemon's --cache-ttl and --max-stale
	Reads      int           // --max-reads
	Cache      int           // --cache-bytes; 0 is the default
	TLS        bool          // the stores speak TLS and HTTP/2; otherwise HTTP/1.1 on loopback
	Denial     int           // the status of a refused permission: 401, 403 or 404
	Rotation   time.Duration // the driver's --rotation-poll-interval
	Sync       time.Duration // how often kubelet renews a volume
	End        time.Duration // when all pods go
	Seed       uint64        // of latencies and jitter
}

// Event is one event. Args depend on the verb, see verbs.
type Event struct {
	At   time.Duration
	Verb string
	Args []string
}

// String returns the line of the event.
func (e Event) String() string {
	return strings.TrimSpace(fmt.Sprint(e.At, " ", e.Verb, " ", strings.Join(e.Args, " ")))
}

// String returns the text that Parse reads.
func (h History) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "setup ttl=%s stale=%s reads=%d cache=%d tls=%t denial=%d rotation=%s sync=%s end=%s seed=%d\n",
		h.TTL, h.Stale, h.Reads, h.Cache, h.TLS, h.Denial, h.Rotation, h.Sync, h.End, h.Seed)
	for _, e := range h.Events {
		fmt.Fprintln(&b, e)
	}
	return b.String()
}

// Parse reads the text of a history. Empty lines, and lines that begin with #, are left out.
func Parse(text string) (History, error) {
	h := History{}
	for i, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		var err error
		if fields[0] == "setup" {
			err = h.Setup.set(fields[1:])
		} else {
			err = h.add(fields)
		}
		if err != nil {
			return History{}, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	if h.End == 0 {
		return History{}, errors.New("there is no line setup with an end")
	}
	slices.SortStableFunc(h.Events, func(a, b Event) int { return int(a.At - b.At) })
	return h, nil
}

func (h *History) add(fields []string) error {
	at, err := time.ParseDuration(fields[0])
	if err != nil || len(fields) < 2 {
		return fmt.Errorf("%q does not begin with a time and a verb", strings.Join(fields, " "))
	}
	if v, known := verbs[fields[1]]; !known || len(fields)-2 < v.least {
		return fmt.Errorf("%q is not an event", strings.Join(fields[1:], " "))
	}
	h.Events = append(h.Events, Event{at, fields[1], fields[2:]})
	return nil
}

func (s *Setup) set(fields []string) (err error) {
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		switch name {
		case "ttl":
			s.TTL, err = time.ParseDuration(value)
		case "stale":
			s.Stale, err = time.ParseDuration(value)
		case "reads":
			s.Reads, err = strconv.Atoi(value)
		case "cache":
			s.Cache, err = strconv.Atoi(value)
		case "tls":
			s.TLS, err = strconv.ParseBool(value)
		case "denial":
			s.Denial, err = strconv.Atoi(value)
		case "rotation":
			s.Rotation, err = time.ParseDuration(value)
		case "sync":
			s.Sync, err = time.ParseDuration(value)
		case "end":
			s.End, err = time.ParseDuration(value)
		case "seed":
			s.Seed, err = strconv.ParseUint(value, 10, 64)
		default:
			err = errors.New("is unknown")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
	}
	return nil
}
