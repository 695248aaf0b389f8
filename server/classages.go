// SPDX-License-Identifier: Apache-2.0

package server

import (
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ovhcloud-csi-provider/server/series"
)

// Bounds of classAges. Kubelet mounts each volume about once a minute, so a class
// without a mount for ten minutes has no pod on this node any more.
const (
	classForgotten = 10 * time.Minute
	maxOfNamespace = 200 // so that one namespace leaves room to others
	// forgetEvery is how often the classes are searched for those that can be forgotten, if
	// there is no room for a new one.
	forgetEvery = 10 * time.Second
	// longestClass bounds the name of a class in bytes. Kubernetes has none that is longer.
	longestClass = 63 + len("/") + 253
)

// classAges measures for each SecretProviderClass how long ago its last successful mount
// was. The driver does not show failed rotations to users, so this metric does. A class
// without a successful mount counts from its first one.
type classAges struct {
	now func() time.Time

	mu          sync.Mutex
	byClass     map[string]*classAge
	ofNamespace map[string]int // how many classes of each are in byClass; no entry is 0
	forgotten   time.Time      // when forget was last called
}

type classAge struct{ last, good time.Time } // the last mount, and the last successful one

var sinceGood = series.SinceGood.Collected()

// unknownClass is the class of a request that was refused before its class was read.
const unknownClass = "/"

// mounted notes a mount of a class. It takes the same time however many classes there are.
func (c *classAges) mounted(class string, good bool) {
	if class == unknownClass || len(class) > longestClass {
		return
	}
	class = strings.ToValidUTF8(class, "\uFFFD") // two classes must not become one label later
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	age := c.byClass[class]
	if age == nil {
		if !c.hasRoom(class) && now.Sub(c.forgotten) >= forgetEvery {
			c.forget(now)
		}
		if !c.hasRoom(class) {
			return
		}
		age = &classAge{good: now}
		class = strings.Clone(class) // it may be a small part of a large request
		c.byClass[class] = age
		c.ofNamespace[namespaceOfClass(class)]++
	}
	age.last = now
	if good {
		age.good = now
	}
}

// hasRoom reports whether a new class fits. c.mu is held.
func (c *classAges) hasRoom(class string) bool {
	return len(c.byClass) < series.MaxClasses && c.ofNamespace[namespaceOfClass(class)] < maxOfNamespace
}

// namespaceOfClass returns the part of namespace/name before the slash.
func namespaceOfClass(class string) string {
	namespace, _, _ := strings.Cut(class, "/")
	return namespace
}

// forget removes the classes without a recent mount. c.mu is held.
func (c *classAges) forget(now time.Time) {
	c.forgotten = now
	for class, age := range c.byClass {
		if now.Sub(age.last) <= classForgotten {
			continue
		}
		delete(c.byClass, class)
		if namespace := namespaceOfClass(class); c.ofNamespace[namespace] > 1 {
			c.ofNamespace[namespace]--
		} else {
			delete(c.ofNamespace, namespace)
		}
	}
}

// Describe implements prometheus.Collector.
func (c *classAges) Describe(out chan<- *prometheus.Desc) { sinceGood.Describe(out) }

// Collect implements prometheus.Collector.
func (c *classAges) Collect(out chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	c.forget(now)
	for class, age := range c.byClass {
		sinceGood.Send(out, now.Sub(age.good).Seconds(), class)
	}
}
