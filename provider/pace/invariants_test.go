// SPDX-License-Identifier: Apache-2.0

package pace

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
)

// check looks at all that places hold while nothing moves.
func (p *places) check(t *testing.T, total, each int, rooms []*room) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := func(p pool) (n int) {
		for _, held := range p.held {
			n += held
		}
		return n
	}
	if got := sum(p.all) + p.all.free; got != total || p.all.free < 0 {
		t.Fatalf("%d places of %d, %d free", got, total, p.all.free)
	}
	for _, r := range rooms {
		if got := sum(r.pool) + r.free; got != each || r.free < 0 {
			t.Fatalf("%d places of %d in a room, %d free", got, each, r.free)
		}
	}
	for _, n := range p.waiting {
		for r := range n.lines {
			if p.fits(r, n.name) {
				t.Fatalf("%s waits for what it may have", n.name)
			}
		}
	}
}

func (p *places) wantNobodyWaiting(t *testing.T, rooms []*room) {
	t.Helper()
	left := len(p.waiting) + p.turns.Len() + len(p.all.held)
	for _, r := range rooms {
		left += r.turns.Len() + len(r.held)
	}
	if left != 0 {
		t.Errorf("%d waiting namespaces, lines or holders are left", left)
	}
}

// TestNoPlaceIsLostGivenTwiceOrLeftFree: reads of random namespaces come to random
// domains, are joined, end and give up.
func TestNoPlaceIsLostGivenTwiceOrLeftFree(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			total, each, most := 1+random.IntN(20), 1+random.IntN(10), 1+random.IntN(6)
			p := newPlaces(total, newBurst(most, always))
			rooms := []*room{newRoom(each), newRoom(each), newRoom(each)}
			var mounts []*Mount
			for i := range 20 {
				mounts = append(mounts, NewMount(fmt.Sprint(i%5)))
			}
			var all sync.WaitGroup
			for range 500 {
				r, m, takes, lasts := rooms[random.IntN(3)], mounts[random.IntN(20)], random.IntN(20), random.IntN(60)
				turn := &Turn{}
				all.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(lasts)*time.Millisecond)
					defer cancel()
					if leave, ok := p.enter(ctx, r, Asker{Mount: m, Turn: turn}, 0); ok {
						time.Sleep(time.Duration(takes) * time.Millisecond)
						leave()
					}
				})
				for range random.IntN(4) {
					with := mounts[random.IntN(20)]
					all.Go(func() { p.share(turn, m, with) })
				}
				if random.IntN(3) == 0 {
					time.Sleep(time.Millisecond)
				}
				synctest.Wait()
				p.check(t, total, each, rooms)
			}
			all.Wait()
			p.wantNobodyWaiting(t, rooms)
		})
	}
}

// TestWhoseTurnItIsWaitsNoLongerThanAReadIsYoung: reads grow old, namespaces come alone and in company.
// A namespace waits for a place that it may have no longer than a read is young.
func TestWhoseTurnItIsWaitsNoLongerThanAReadIsYoung(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			total := 1 + random.IntN(20)
			p := newPlaces(total, newBurst(1+random.IntN(6), always))
			rooms := []*room{newRoom(1 + random.IntN(10)), newRoom(1 + random.IntN(10))}
			namespaces := 1 + random.IntN(3)
			since := map[string]time.Time{}
			var all sync.WaitGroup
			for i := range 300 {
				r, m := rooms[random.IntN(2)], NewMount(fmt.Sprint(i%namespaces))
				takes, lasts := random.IntN(600), 100+random.IntN(3000)
				all.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(lasts)*time.Millisecond)
					defer cancel()
					if leave, ok := p.enter(ctx, r, Asker{Mount: m, Turn: &Turn{}}, 0); ok {
						time.Sleep(time.Duration(takes) * time.Millisecond)
						leave()
					}
				})
				if random.IntN(4) == 0 {
					time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond)
				}
				synctest.Wait()
				p.checkWaits(t, since)
			}
			all.Wait()
			p.wantNobodyWaiting(t, rooms)
			if len(p.burst.young) != 0 || p.all.free != total {
				t.Errorf("%v are young, and %d places of %d are free", p.burst.young, p.all.free, total)
			}
		})
	}
}

// checkWaits keeps since when each namespace waits for what it may have.
func (p *places) checkWaits(t *testing.T, since map[string]time.Time) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	waits := map[string]bool{}
	for _, n := range p.waiting {
		for r := range n.lines {
			waits[n.name] = waits[n.name] || p.fits(r, n.name)
		}
	}
	for name, is := range waits {
		switch {
		case !is:
			delete(since, name)
		case since[name].IsZero():
			since[name] = time.Now()
		case time.Since(since[name]) > youth:
			t.Fatalf("%s waits for %s", name, time.Since(since[name]))
		}
	}
	for name, n := range p.burst.young {
		if n <= 0 {
			t.Fatalf("%d reads of %s are young", n, name)
		}
	}
}

func TestWhoGaveUpIsInNoQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, r := newPlaces(noBound, newBurst(noBound, always)), newRoom(1)
		leave, _ := p.enter(t.Context(), r, Asker{Mount: NewMount("holds"), Turn: &Turn{}}, 0)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for i := range 5000 {
			turn, m := &Turn{}, NewMount(fmt.Sprint(i%7))
			all.Go(func() {
				if _, ok := p.enter(ctx, r, Asker{Mount: m, Turn: turn}, 0); ok {
					t.Error("there was a place")
				}
			})
			p.share(turn, m, NewMount("joined"))
		}
		synctest.Wait()
		if r.turns.Len() < 7 {
			t.Errorf("%d namespaces wait", r.turns.Len())
		}
		cancel()
		all.Wait()
		if len(p.waiting)+p.turns.Len()+r.turns.Len() != 0 {
			t.Error("somebody waits still")
		}
		leave()
		p.wantNobodyWaiting(t, []*room{r})
	})
}

// failing is a read that fails in a way which is not retried.
func failing(context.Context) (okms.Secret, *okms.Error) {
	return okms.Secret{}, &okms.Error{Kind: failure.Failing, Status: 501}
}

func (p *Pace) fail(t *testing.T, domain string, credential int) {
	t.Helper()
	a := Asker{Mount: NewMount("shop"), Domain: place.Domain{ID: domain},
		Credential: sha256.Sum256(fmt.Append(nil, credential))}
	if _, err := p.Do(t.Context(), a, failing); err == nil {
		t.Error("did not fail")
	}
}

// consistent wants that what is in a list is in a map, and the other way round.
func (p *Pace) consistent(t *testing.T) {
	t.Helper()
	histories := 0
	for of, d := range p.domains {
		histories += len(d.histories)
		if d.of != of || (d.asking == 0) != (d.idle != nil) {
			t.Errorf("domain %+v is held as %+v", d, of)
		}
	}
	if histories != p.histories.Len() {
		t.Errorf("%d histories are listed, of %d", p.histories.Len(), histories)
	}
}

func TestDomainsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{})
		busy := p.arrive(place.Domain{ID: "busy"})
		p.fail(t, "used", 1)
		for i := range 3 * mostDomains {
			p.fail(t, fmt.Sprint(i), 1)
			if i%100 == 0 {
				p.fail(t, "used", 1)
			}
		}
		p.consistent(t)
		for id, want := range map[string]bool{
			"busy": true, "used": true, fmt.Sprint(3*mostDomains - 1): true, fmt.Sprint(2*mostDomains + 20): true,
			"0": false, "2000": false,
		} {
			if got := p.domains[place.Domain{ID: id}] != nil; got != want {
				t.Errorf("domain %q is remembered: %t", id, got)
			}
		}
		if n := len(p.domains); n != mostDomains {
			t.Errorf("%d domains are remembered", n)
		}
		p.depart(busy)
		p.consistent(t)
		p.arrive(place.Domain{ID: "busy"})
		p.consistent(t)
	})
}

func TestADomainBeyondTheBoundWorksAndIsNotRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{})
		var busy []*domain
		for i := range mostDomains {
			busy = append(busy, p.arrive(place.Domain{ID: fmt.Sprint(i)}))
		}
		one := place.Domain{ID: "one more"}
		first := p.arrive(one)
		if p.arrive(one) != first {
			t.Error("a domain that is busy twice is two")
		}
		p.depart(first)
		p.fail(t, "one more", 1)
		p.depart(first)
		if p.domains[one] != nil || p.histories.Len() != 0 {
			t.Error("it is remembered")
		}
		for _, d := range busy {
			p.depart(d)
		}
		p.fail(t, "one more", 1)
		if p.domains[one] == nil || p.domains[busy[0].of] != nil || len(p.domains) != mostDomains {
			t.Errorf("the longest unused one did not make room: %d domains", len(p.domains))
		}
		p.consistent(t)
	})
}

func TestFailuresAreBoundedOverAllDomains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{})
		for i := range mostHistories {
			p.fail(t, fmt.Sprint(i%500), i)
		}
		oldest := p.histories.Front().Value.(*history)
		p.fail(t, "0", 0) // a new failure of the oldest
		if p.histories.Front().Value.(*history) == oldest {
			t.Error("a failure made nothing newer")
		}
		for i := range 100 {
			p.fail(t, "another", mostHistories+i)
		}
		if n := p.histories.Len(); n != mostHistories {
			t.Errorf("%d histories", n)
		}
		if p.domains[place.Domain{ID: "0"}].histories[oldest.credential] != oldest {
			t.Error("the newest went in the place of the oldest")
		}
		p.consistent(t)
		time.Sleep(forgotten + time.Second)
		p.Sweep()
		if p.histories.Len()+len(p.domains) != 0 {
			t.Errorf("%d histories of %d domains are left", p.histories.Len(), len(p.domains))
		}
	})
}

// TestWhatIsRememberedDoesNotHoldOnToLongTexts: an okmsId can be a few bytes of a
// parameter of a megabyte.
func TestWhatIsRememberedDoesNotHoldOnToLongTexts(t *testing.T) {
	long := "id" + strings.Repeat(" ", 1<<20)
	d := New(Config{}).arrive(place.Domain{ID: long[:2], CABundle: long})
	if d.of.ID != "id" || unsafe.StringData(d.of.ID) == unsafe.StringData(long) || d.of.CABundle != "" {
		t.Errorf("%q is a part of the long text, or the bundle is remembered", d.of.ID)
	}
	if m := NewMount(long[:2]); m.namespace != "id" || unsafe.StringData(m.namespace) == unsafe.StringData(long) {
		t.Error("a mount's namespace is a part of the long text")
	}
}

func always() bool { return true }
