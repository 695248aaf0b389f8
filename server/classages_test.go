// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ovhcloud-csi-provider/server/series"
)

func TestAgesOfClasses(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	ages := &classAges{now: func() time.Time { return now }, byClass: map[string]*classAge{},
		ofNamespace: map[string]int{}}
	age := func(class string) time.Duration {
		a := ages.byClass[class]
		if a == nil {
			return -1
		}
		return now.Sub(a.good)
	}
	ages.mounted("a/good", true)
	ages.mounted("a/bad", false)
	now = now.Add(5 * time.Minute)
	ages.mounted("a/good", true)
	ages.mounted("a/bad", false)
	if age("a/good") != 0 || age("a/bad") != 5*time.Minute {
		t.Errorf("ages %s, %s", age("a/good"), age("a/bad"))
	}
	if ages.mounted("/", false); age("/") != -1 {
		t.Error("requests whose class was not read have an age, and an alert")
	}
	now = now.Add(classForgotten + time.Second)
	ages.mounted("a/good", false)
	ages.mounted("a/new", true)
	ages.Collect(make(chan prometheus.Metric, 10))
	if age("a/bad") != -1 || age("a/new") != 0 {
		t.Error("a class without recent mounts is not removed")
	}
	for i := range 2 * maxOfNamespace {
		ages.mounted(fmt.Sprintf("a/%d", i), true)
	}
	if len(ages.byClass) != maxOfNamespace {
		t.Errorf("%d classes of one namespace", len(ages.byClass))
	}
	for i := range 2 * series.MaxClasses {
		ages.mounted(fmt.Sprintf("of-%d/x", i), true)
	}
	if len(ages.byClass) != series.MaxClasses {
		t.Errorf("%d classes", len(ages.byClass))
	}
	// Without a reader of the metrics, the room of unused classes is given to new ones.
	now = now.Add(classForgotten + time.Second)
	ages.mounted("b/new", true)
	if len(ages.byClass) != 1 || age("b/new") != 0 || len(ages.ofNamespace) != 1 {
		t.Errorf("%d classes of %d namespaces after all were forgotten", len(ages.byClass), len(ages.ofNamespace))
	}
}
