// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// driverCounters are the driver's counters, for all nodes of this process.
var driverCounters = &counters{values: map[string]int64{}}

// counters is a meter provider that records only counters, by name and attributes.
type counters struct {
	noop.MeterProvider
	mu     sync.Mutex
	values map[string]int64
}

// of returns a counter's value, for attributes in alphabetical order such as "error_type=x,provider=y".
func (c *counters) of(name, attributes string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.values[name+"{"+attributes+"}"]
}

// names returns the incremented counters whose names start with begin.
func (c *counters) names(begin string) (names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name := range c.values {
		if strings.HasPrefix(name, begin) {
			names = append(names, name)
		}
	}
	return names
}

func (c *counters) Meter(string, ...metric.MeterOption) metric.Meter { return meter{all: c} }

type meter struct {
	noop.Meter
	all *counters
}

func (m meter) Int64Counter(name string, _ ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return counter{all: m.all, name: name}, nil
}

type counter struct {
	noop.Int64Counter
	all  *counters
	name string
}

func (c counter) Add(_ context.Context, n int64, opts ...metric.AddOption) {
	set := metric.NewAddConfig(opts).Attributes()
	name := c.name + "{" + set.Encoded(attribute.DefaultEncoder()) + "}"
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	c.all.values[name] += n
}
