package server

import (
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Bounds of classAges. Kubelet mounts each volume about once a minute, so a class
// without a mount for ten minutes has no pod on this node any more.
const (
	classForgotten = 10 * time.Minute
	maxClasses     = 2000
	maxOfNamespace = 200 // so that one namespace leaves room to others
)

// classAges measures for each SecretProviderClass how long ago its last successful mount
// was. The driver does not show failed rotations to users, so this metric does. A class
// without a successful mount counts from its first one.
type classAges struct {
	now func() time.Time

	mu      sync.Mutex
	byClass map[string]*classAge
}

type classAge struct{ last, good time.Time } // the last mount, and the last successful one

var classAgeDesc = prometheus.NewDesc("ovhcloud_csi_seconds_since_good_mount",
	"Seconds since the last successful mount of a SecretProviderClass on this node, or since its first mount.",
	[]string{"secretproviderclass"}, nil)

// mounted notes a mount of a class.
func (c *classAges) mounted(class string, good bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	age := c.byClass[class]
	if age == nil {
		c.forget(now)
		if len(c.byClass) >= maxClasses || c.ofNamespaceOf(class) >= maxOfNamespace {
			return
		}
		age = &classAge{good: now}
		c.byClass[class] = age
	}
	age.last = now
	if good {
		age.good = now
	}
}

// ofNamespaceOf returns how many classes the namespace of class has.
func (c *classAges) ofNamespaceOf(class string) (n int) {
	namespace, _, _ := strings.Cut(class, "/")
	for other := range c.byClass {
		if strings.HasPrefix(other, namespace+"/") {
			n++
		}
	}
	return n
}

// forget removes the classes without a recent mount.
func (c *classAges) forget(now time.Time) {
	for class, age := range c.byClass {
		if now.Sub(age.last) > classForgotten {
			delete(c.byClass, class)
		}
	}
}

// Describe implements prometheus.Collector.
func (c *classAges) Describe(out chan<- *prometheus.Desc) { out <- classAgeDesc }

// Collect implements prometheus.Collector.
func (c *classAges) Collect(out chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	c.forget(now)
	for class, age := range c.byClass {
		out <- prometheus.MustNewConstMetric(classAgeDesc, prometheus.GaugeValue, now.Sub(age.good).Seconds(), class)
	}
}
