// SPDX-License-Identifier: Apache-2.0

package pace_test

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/provider/pace"
)

// keepsReading has another namespace read something of its own every 100 ms.
func (c *crowd) keepsReading(namespace string, lasts time.Duration) {
	c.all.Go(func() {
		for begin := time.Now(); time.Since(begin) < lasts; time.Sleep(100 * time.Millisecond) {
			c.read(namespace, "other", 10*time.Millisecond)
			time.Sleep(time.Millisecond)
			c.mu.Lock()
			if c.now[namespace] != 1 {
				c.Errorf("%d reads of %s are in progress, want 1 at once", c.now[namespace], namespace)
			}
			c.mu.Unlock()
		}
	})
}

// TestYoungReadsAreBoundedInCompany: alone, a namespace begins all its reads at once. While another
// one begins reads too, it begins so many that no more than the bound are young.
func TestYoungReadsAreBoundedInCompany(t *testing.T) {
	inCrowd(t, pace.Config{Burst: 3}, func(c *crowd) {
		many := func(n int, takes time.Duration) {
			for range n {
				c.read("many", "d", takes)
			}
		}
		many(10, 50*time.Millisecond)
		c.want("many", 10)
		time.Sleep(60 * time.Millisecond)
		c.read("one", "d", time.Millisecond)
		c.want("one", 1)
		many(10, 50*time.Millisecond)
		c.want("many", 3)
		time.Sleep(160 * time.Millisecond)
		c.want("many", 1) // the last of ten, after three times three
		time.Sleep(251 * time.Millisecond)
		many(10, 50*time.Millisecond)
		c.want("many", 10) // the other one has begun nothing for a while
	})
}

// TestReadsOfASlowStoreAreNotHeldBack: a read that waits for its store is not young for long.
func TestReadsOfASlowStoreAreNotHeldBack(t *testing.T) {
	inCrowd(t, pace.Config{Burst: 3}, func(c *crowd) {
		c.keepsReading("one", 5*time.Second)
		time.Sleep(50 * time.Millisecond)
		for range 10 {
			c.read("many", "slow", 10*time.Second)
		}
		for _, n := range []int{3, 6, 9, 10} {
			c.want("many", n)
			time.Sleep(253 * time.Millisecond)
		}
	})
}

// TestDomainsOfANamespaceTakeTurnsInItsBurst: what a namespace reads in one domain does not keep its
// reads of another one from their turns: they may be those of a fallback.
func TestDomainsOfANamespaceTakeTurnsInItsBurst(t *testing.T) {
	inCrowd(t, pace.Config{Burst: 2}, func(c *crowd) {
		c.keepsReading("one", 2*time.Second)
		time.Sleep(50 * time.Millisecond)
		for range 20 {
			c.read("many", "a", 100*time.Millisecond)
		}
		synctest.Wait()
		c.read("many", "b", 100*time.Millisecond)
		c.want("many b", 0)
		time.Sleep(201 * time.Millisecond)
		c.want("many", 2)
		if got := len(c.served("b")); got != 1 {
			t.Errorf("%d reads of b were served after two of each place in a, want 1", got)
		}
	})
}

// TestNoBurstIsBounded checks the setting.
func TestNoBurstIsBounded(t *testing.T) {
	for burst, want := range map[int]int{0: max(8, 4*runtime.GOMAXPROCS(0)), 5: 5, -1: 400} {
		inCrowd(t, pace.Config{Burst: burst, Reads: 1000, Total: 1000}, func(c *crowd) {
			c.read("one", "other", time.Millisecond)
			synctest.Wait()
			for range 400 {
				c.read("many", "d", time.Millisecond)
			}
			c.want("many", want)
		})
	}
}

// TestOnlyACrowdIsBounded checks that young reads are not bounded if there is no crowd.
func TestOnlyACrowdIsBounded(t *testing.T) {
	for crowded, want := range map[bool]int{false: 10, true: 3} {
		inCrowd(t, pace.Config{Burst: 3, Crowded: func() bool { return crowded }}, func(c *crowd) {
			c.read("one", "other", 10*time.Millisecond)
			c.want("one", 1)
			for range 10 {
				c.read("many", "d", 10*time.Millisecond)
			}
			c.want("many", want)
		})
	}
}

// TestAFullDomainServesANamespaceAtItsBound: what a namespace reads elsewhere, young all the time, does
// not take its turns in a domain where no place stays free.
func TestAFullDomainServesANamespaceAtItsBound(t *testing.T) {
	inCrowd(t, pace.Config{Reads: 2, Burst: 3}, func(c *crowd) {
		for range 3000 {
			c.read("two", "quick", 10*time.Millisecond) // keeps all others bounded
		}
		c.read("three", "full", time.Hour)
		synctest.Wait()
		for i := range 500 {
			c.read("one", fmt.Sprint("d", i%5), 300*time.Millisecond)
		}
		synctest.Wait()
		for range 50 {
			c.read("one", "full", 200*time.Millisecond)
			synctest.Wait()
			c.read("two", "full", 200*time.Millisecond)
			synctest.Wait()
		}
		time.Sleep(9 * time.Second)
		served := map[string]int{}
		for _, namespace := range c.served("full") {
			served[namespace]++
		}
		if one, two := served["one"], served["two"]; one < two-2 || two < one-2 {
			t.Errorf("%d reads of one were served, and %d of two", one, two)
		}
	})
}
