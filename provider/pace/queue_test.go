// SPDX-License-Identifier: Apache-2.0

package pace_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/pace"
	"ovhcloud-csi-provider/provider/place"
)

// crowd is reads of a Pace in progress. Each ends when the test says so, or ctx.
type crowd struct {
	*testing.T
	p     *pace.Pace
	all   sync.WaitGroup
	mu    sync.Mutex
	now   map[string]int      // reads in progress by namespace, and by namespace and domain
	order map[string][]string // the namespaces as they were served, by domain
}

func inCrowd(t *testing.T, c pace.Config, do func(*crowd)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		all := &crowd{T: t, p: pace.New(c), now: map[string]int{}, order: map[string][]string{}}
		do(all)
		all.all.Wait()
	})
}

// read begins a read of its own mount that takes so long.
func (c *crowd) read(namespace, domain string, takes time.Duration) {
	c.reads(pace.NewMount(namespace), nil, namespace, domain, takes)
}

func (c *crowd) reads(m *pace.Mount, turn *pace.Turn, namespace, domain string, takes time.Duration) {
	a := pace.Asker{Mount: m, Turn: turn, Domain: place.Domain{ID: domain}}
	c.all.Go(func() {
		_, err := c.p.Do(c.Context(), a, func(context.Context) (okms.Secret, *okms.Error) {
			c.count(namespace, domain, 1)
			time.Sleep(takes)
			c.count(namespace, domain, -1)
			return okms.Secret{}, nil
		})
		if err != nil {
			c.Error(err)
		}
	})
}

func (c *crowd) count(namespace, domain string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now[namespace] += n
	c.now[namespace+" "+domain] += n
	if n > 0 {
		c.order[domain] = append(c.order[domain], namespace)
	}
}

// want wants so many reads in progress once nothing moves any more.
func (c *crowd) want(who string, n int) {
	c.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now[who] != n {
		c.Errorf("%d reads of %s are in progress, want %d", c.now[who], who, n)
	}
}

// served returns the namespaces in the order in which a domain was read.
func (c *crowd) served(domain string) []string {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.order[domain])
}

// TestNamespacesTakeTurns: one with a thousand mounts delays that of another one by no
// more than its own turn, where a domain has one place, and where all together have.
func TestNamespacesTakeTurns(t *testing.T) {
	for name, config := range map[string]pace.Config{"of a domain": {Reads: 1}, "of all": {Total: 1}} {
		t.Run(name, func(t *testing.T) {
			inCrowd(t, config, func(c *crowd) {
				for range 1000 {
					c.read("many", "d", time.Second)
				}
				synctest.Wait()
				for _, name := range []string{"one", "two", "two", "three"} {
					c.read(name, "d", time.Second)
					synctest.Wait()
				}
				time.Sleep(7*time.Second - time.Millisecond)
				if got, want := fmt.Sprint(c.served("d")), "[many many one two three many two]"; got != want {
					t.Errorf("served were %s, want %s", got, want)
				}
			})
		})
	}
}

func TestMountsOfANamespaceTakeTurns(t *testing.T) {
	inCrowd(t, pace.Config{Reads: 1}, func(c *crowd) {
		large := pace.NewMount("shop")
		for range 100 {
			c.reads(large, nil, "shop", "d", time.Second)
		}
		synctest.Wait()
		c.read("shop", "d", time.Hour)
		time.Sleep(time.Minute)
		if n := len(c.served("d")); n != 3 { // the last of which takes an hour
			t.Errorf("a mount of one read had its turn after %d others", n-1)
		}
	})
}

// TestANamespaceNeverHasAllPlaces: its reads hang, and another one's go on at once.
func TestANamespaceNeverHasAllPlaces(t *testing.T) {
	for places, most := range map[int]int{1: 1, 2: 1, 3: 2, 4: 3, 8: 7, 16: 15, 17: 15, 32: 30, 64: 60} {
		for name, config := range map[string]pace.Config{
			"of a domain": {Reads: places, Total: -1}, "of all": {Reads: 1000, Total: places},
		} {
			t.Run(fmt.Sprintf("%d %s", places, name), func(t *testing.T) {
				inCrowd(t, config, func(c *crowd) {
					for range 100 {
						c.read("hanging", "d", time.Hour)
					}
					c.want("hanging", most)
					c.read("other", "d", time.Hour)
					c.want("other", min(1, places-most))
				})
			})
		}
	}
}

func TestTheLastPlaceIsForWhoHasNone(t *testing.T) {
	inCrowd(t, pace.Config{Reads: 8}, func(c *crowd) {
		for _, name := range []string{"a", "b"} {
			for range 8 {
				c.read(name, "d", time.Hour)
			}
			synctest.Wait()
		}
		c.want("a", 7)
		c.want("b", 1)
		time.Sleep(time.Hour)
		c.want("a", 1)
		c.want("b", 6) // of seven; the last one is for another namespace
	})
}

// TestTheSumOfAllDomainsIsBounded: a pod may name any number of domains.
func TestTheSumOfAllDomainsIsBounded(t *testing.T) {
	inCrowd(t, pace.Config{}, func(c *crowd) {
		for i := range 1000 {
			c.read("many", fmt.Sprint(i), time.Hour)
		}
		c.want("many", 120)
		for i := range 7 {
			c.read("other", fmt.Sprint(i), time.Hour)
		}
		c.want("other", 7)
	})
}

// TestWhoWaitsForAPlaceAmongAllHoldsNoneOfADomain: a namespace has as many reads of other
// domains as it may, which hang, and a hundred more that wait; another one has the domain
// for itself.
func TestWhoWaitsForAPlaceAmongAllHoldsNoneOfADomain(t *testing.T) {
	inCrowd(t, pace.Config{Reads: 8, Total: 128}, func(c *crowd) {
		for i := range 200 {
			c.read("hanging", fmt.Sprint(i), time.Hour)
		}
		c.want("hanging", 120)
		for range 100 {
			c.read("hanging", "d", time.Hour)
		}
		for range 10 {
			c.read("other", "d", time.Hour)
		}
		c.want("hanging d", 0)
		c.want("other d", 7)
	})
}

// TestDomainsOfANamespaceTakeTurns where there is one place for all of them.
func TestDomainsOfANamespaceTakeTurns(t *testing.T) {
	inCrowd(t, pace.Config{Total: 1}, func(c *crowd) {
		for i := range 100 {
			c.read("shop", "large", time.Second)
			c.read("many", fmt.Sprint(i), time.Second)
		}
		synctest.Wait()
		c.read("shop", "small", time.Hour)
		time.Sleep(6 * time.Second)
		c.want("shop small", 1)
	})
}

// TestATurnElsewhereIsNoTurnHere: a namespace that reads much from one domain is not
// behind in another one.
func TestATurnElsewhereIsNoTurnHere(t *testing.T) {
	inCrowd(t, pace.Config{Reads: 2}, func(c *crowd) {
		for range 2000 {
			c.read("both", "quick", 10*time.Millisecond)
		}
		c.read("third", "slow", time.Hour) // one place is left
		synctest.Wait()
		for range 5 {
			c.read("one", "slow", time.Second)
			synctest.Wait()
			c.read("both", "slow", time.Second)
			synctest.Wait()
		}
		time.Sleep(9*time.Second + 500*time.Millisecond)
		if got, want := fmt.Sprint(c.served("slow")), "[third"+strings.Repeat(" one both", 5)+"]"; got != want {
			t.Errorf("served were %s, want %s", got, want)
		}
	})
}

// TestAJoinedReadIsATurnOfTheOtherNamespaceToo: and its place counts for whose turn it was.
func TestAJoinedReadIsATurnOfTheOtherNamespaceToo(t *testing.T) {
	inCrowd(t, pace.Config{Reads: 8}, func(c *crowd) {
		large, turn := pace.NewMount("large"), &pace.Turn{}
		for range 100 {
			c.reads(large, nil, "large", "d", time.Hour)
		}
		c.want("large", 7)
		c.reads(large, turn, "joined", "d", time.Second)
		c.want("joined", 0)
		c.p.Share(pace.Asker{Mount: large, Turn: turn, Domain: place.Domain{ID: "d"}}, pace.NewMount("small"))
		c.want("joined", 1)
		c.read("small", "d", time.Hour)
		c.want("small", 0) // the read that it joined has its place
		time.Sleep(time.Second)
		c.want("small", 1)
		time.Sleep(time.Hour)
	})
}
