// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// generator makes the history of a seed. A change of it gives other histories to all seeds: what
// shall be kept is kept as text, see record.
type generator struct {
	*rand.Rand
	History
	values int // the number of the last value
	pods   int
}

// Generate returns the history of a seed.
func Generate(seed uint64) History {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), History: History{Setup: Setup{Seed: seed}}}
	g.setup()
	g.beginning()
	for range 5 + g.IntN(15) {
		g.event(time.Duration(g.Int64N(int64(g.End))))
	}
	g.withRefresh()
	slices.SortStableFunc(g.Events, func(a, b Event) int { return int(a.At - b.At) })
	return g.History
}

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

func (g *generator) setup() {
	g.TTL = pick(g, 0, 10*time.Second, 30*time.Second, 30*time.Second, time.Minute, 3*time.Minute)
	g.Stale = pick(g, 0, 0, time.Minute, 4*time.Minute, 10*time.Minute)
	if g.Stale <= g.TTL {
		g.Stale = 0
	}
	g.Reads = pick(g, 64, 64, 64, 4, 2)
	g.Cache = pick(g, 0, 0, 0, 0, 4000)
	g.TLS = g.Seed%8 == 0
	g.Denial = pick(g, 403, 403, 401, 404)
	g.Rotation = pick(g, 5*time.Second, 20*time.Second, time.Minute, 2*time.Minute)
	g.Sync = pick(g, 15*time.Second, 30*time.Second, time.Minute, 75*time.Second)
	g.End = max(90*time.Second, min(g.Sync*time.Duration(4+g.IntN(12)), 20*time.Minute))
}

func (g *generator) add(at time.Duration, format string, args ...any) {
	fields := strings.Fields(fmt.Sprintf(format, args...))
	if at > 0 {
		at = at.Truncate(time.Millisecond) + time.Duration(len(g.Events)+1)*time.Microsecond // no two at once
	}
	g.Events = append(g.Events, Event{at, fields[0], fields[1:]})
}

// What histories are about.
var (
	somePaths = []string{"shop/db", "shop/tls", "pay/card", "all/flag"}
	someCreds = []string{"tok-a", "tok-b", "tok-c", "cli-a"}
)

func (g *generator) path(namespace string) string {
	return pick(g, namespace+"/db", namespace+"/db", namespace+"/tls", "all/flag", pick(g, somePaths...))
}

func (g *generator) beginning() {
	for _, path := range append([]string{"pay/db"}, somePaths...) {
		g.values++
		g.add(0, "write par %s %d", path, g.values)
		if g.IntN(8) == 0 {
			g.values++ // the second region has another value
		}
		g.add(0, "write rbx %s %d", path, g.values)
		if g.IntN(2) == 0 {
			g.values++
			g.add(0, "write dev %s %d", path, g.values)
		}
	}
	for _, store := range []string{"par", "rbx", "dev"} {
		g.add(0, "grant tok-a %s shop/,all/", store)
		g.add(0, "grant tok-b %s pay/,all/", store)
		g.add(0, "grant tok-c %s /", store)
		g.add(0, "grant tok-h %s /", store)
	}
	g.add(0, "grant cli-a par shop/,all/")
	for i, namespace := range []string{"shop", "pay"} {
		g.add(0, "secret %s s1 %s", namespace, someCreds[i])
		g.add(0, "secret %s s2 %s", namespace, g.cred())
		for _, class := range []string{"a", "b", "c"} {
			g.class(0, namespace, class)
		}
	}
	g.add(0, "folder main tok-h")
	g.add(0, "folder second %s", pick(g, "tok-h", "tok-c"))
	g.conns(0)
	for range 1 + g.IntN(3) {
		g.pod(time.Duration(g.Int64N(int64(5*time.Second))) + time.Millisecond)
	}
}

func (g *generator) cred() string {
	if g.TLS && g.IntN(3) == 0 {
		return pick(g, "crt-a", "crt-a", "crt-a~")
	}
	return pick(g, "tok-a", "tok-b", "tok-c", "cli-a", pick(g, "tok-a~", "cli-a~", "tok-c", brokenCred, emptyCred, noCred))
}

func (g *generator) conns(at time.Duration) {
	shop := pick(g, "shop:web:shop/**", "shop:*:shop/**,*:*:all/flag", "shop:web:shop/db", "*:*:**",
		"pay:*:pay/**,shop:*:**")
	g.add(at, "conn main par %s %s %s", pick(g, "second", "second", noCred), g.stale(), shop)
	g.add(at, "conn second rbx - %s %s", g.stale(), pick(g, "*:*:**", "shop:*:shop/**", shop))
}

// stale returns the maxStale of a connection.
func (g *generator) stale() string {
	if d := pick(g, 0, 2*time.Minute, 6*time.Minute); d > g.TTL {
		return d.String()
	}
	return noCred
}

// class writes a class. Class c names a connection.
func (g *generator) class(at time.Duration, namespace, name string) {
	where := pick(g, "par", "par", "par", "dev", "rbx")
	if name == "c" {
		where = pick(g, "conn:main", "conn:main", "conn:main", "conn:second", "conn:none")
	}
	objects := ""
	for i := range 1 + g.IntN(3) {
		objects += " " + g.object(namespace, i)
	}
	if g.IntN(40) == 0 {
		objects += " invalid"
	}
	g.add(at, "class %s %s %s%s", namespace, name, where, objects)
}

func (g *generator) object(namespace string, i int) string {
	o := g.path(namespace)
	if g.IntN(4) == 0 {
		o += fmt.Sprint(":", 1+g.IntN(2))
	}
	switch g.IntN(8) {
	case 0, 1, 2:
		o += "#password"
	case 3:
		o += "#*"
	case 4:
		o += pick(g, "#user", "#n", "#blob!base64", "#blob", "#nested")
	}
	if g.IntN(6) == 0 {
		o += "@0440"
	}
	o += fmt.Sprint(pick(g, ">f", ">d/f"), i)
	if g.IntN(4) == 0 {
		o += "?"
	}
	return o
}

func (g *generator) pod(at time.Duration) { g.podOf(at, pick(g, "shop", "shop", "pay")) }

// podOf adds a pod of a namespace. Its name is the last one then.
func (g *generator) podOf(at time.Duration, namespace string) {
	g.pods++
	class, secret := pick(g, "a", "b", "c", "c"), pick(g, "s1", "s1", "s2")
	if class == "c" {
		secret = noCred
	}
	g.add(at, "pod %s p%d %s %s %s", namespace, g.pods, pick(g, "web", "web", "job"), class, secret)
}

// event adds one event, or a few that belong together.
func (g *generator) event(at time.Duration) {
	switch n := g.IntN(100); {
	case n < 14:
		g.pod(at)
	case n < 19:
		g.add(at, "%s %s p%d", pick(g, "unpod", "killpod"), pick(g, "shop", "pay"), 1+g.IntN(g.pods))
	case n < 36:
		g.storeEvent(at)
	case n < 49:
		g.rightsEvent(at)
	case n < 55:
		g.class(at, pick(g, "shop", "pay"), pick(g, "a", "b", "c"))
	case n < 65:
		g.operatorEvent(at)
	case n < 90:
		g.troubleEvent(at)
	case n < 93:
		g.together(at)
	case n < 95:
		g.add(at, "jump %s", pick(g, "-1h", "-20s", "-3s", "5s", "1m", "2h"))
	case n < 98:
		g.add(at, "handover")
	default:
		g.add(at, "ballast %s %s", pick(g, "running", "holding", "making", "arrived", "clients"), pick(g, "2s", "20s", "1m"))
	}
}

func (g *generator) storeEvent(at time.Duration) {
	path, store := pick(g, append([]string{"shop/db", "shop/db", "pay/db"}, somePaths...)...),
		pick(g, "par", "par", "par", "rbx", "dev")
	switch g.IntN(7) {
	case 0, 1:
		g.values++
		g.add(at, "write %s %s %d", store, path, g.values)
	case 2, 3: // both regions
		g.values++
		g.add(at, "write par %s %d", path, g.values)
		g.add(at+time.Duration(g.IntN(3000))*time.Millisecond, "write rbx %s %d", path, g.values)
	case 4:
		g.add(at, "write %s %s %d", store, path, 1+g.IntN(g.values)) // an old one
	case 5:
		g.add(at, "state %s %s %d %s", store, path, g.IntN(3), pick(g, "deactivated", "deactivated", "deleted", "active"))
	default:
		g.add(at, "delete %s %s", store, path)
		g.values++
		g.add(at+time.Duration(g.IntN(200))*time.Second, "write %s %s %d", store, path, g.values)
	}
}

func (g *generator) rightsEvent(at time.Duration) {
	cred, store := pick(g, "tok-a", "tok-a", "tok-b", "tok-c", "tok-h", "cli-a"), pick(g, "par", "par", "rbx", "dev")
	if cred == "cli-a" {
		store = "par"
	}
	switch g.IntN(8) {
	case 0, 1:
		g.add(at, "revoke %s %s", cred, store)
		if g.IntN(2) == 0 {
			g.add(at+time.Duration(g.IntN(200))*time.Second, "grant %s %s /", cred, store)
		}
	case 2:
		g.add(at, "grant %s %s %s", cred, store, pick(g, "/", "all/", "shop/", "shop/tls,pay/"))
	case 3:
		g.add(at, "grant %s %s / %s", cred, store, pick(g, "30s", "2m"))
	case 4:
		g.add(at, "untoken cli-a")
	default:
		g.add(at, "secret %s %s %s", pick(g, "shop", "pay"), pick(g, "s1", "s2"), g.cred())
	}
}

func (g *generator) operatorEvent(at time.Duration) {
	switch g.IntN(6) {
	case 0, 1:
		g.conns(at)
	case 2, 3:
		g.add(at, "folder %s %s", pick(g, "main", "main", "second"),
			pick(g, "tok-c", "tok-h", brokenCred, emptyCred, noCred, "cli-a"))
	case 4:
		g.add(at, "file %s", pick(g, "broken", "cut"))
		g.add(at+time.Duration(g.IntN(100))*time.Second, "file good")
	default:
		g.add(at, "unconn %s", pick(g, "main", "second"))
	}
}

func (g *generator) troubleEvent(at time.Duration) {
	store := pick(g, "par", "par", "par", "rbx", "login")
	last := pick(g, 2*time.Second, 20*time.Second, time.Minute, 3*time.Minute, 8*time.Minute)
	switch g.IntN(8) {
	case 0:
		g.add(at, "down %s %s %s", store, pick(g, "refuse", "refuse", "blackhole"), last)
	case 1:
		g.add(at, "cut %s", store)
	default:
		part := pick(g, noCred, noCred, "/shop/", "/pay/", "/all/")
		kind := pick(g, "503", "500", "502", "429", "429:3", "429:20", "429:90", "hang", "hang", "slow:2s", "slow:8s",
			"drip", "drip",
			"half", "drop", "page:200", "page:403", "page:404", "page:502", "echo")
		g.add(at, "fault %s %s %s %s", store, part, kind, last)
	}
	if g.IntN(3) == 0 { // and pods start in it
		for range 1 + g.IntN(3) {
			g.pod(at + time.Duration(g.Int64N(int64(last)))/2)
		}
	}
}

// together adds events that seldom meet by chance.
func (g *generator) together(at time.Duration) {
	within := func(d time.Duration) time.Duration { return at + time.Duration(g.Int64N(int64(d))) }
	switch g.IntN(4) {
	case 0: // what is read changes while slow answers are on their way
		g.add(at, "fault %s %s %s 20s", pick(g, "par", "par", "rbx"), pick(g, noCred, "/shop/", "/all/"),
			pick(g, "drip", "drip", "slow:2s", "slow:8s"))
		for range 2 + g.IntN(3) {
			g.pod(within(10 * time.Second))
		}
		for range 1 + g.IntN(2) {
			pick(g, g.rightsEvent, g.rightsEvent, g.storeEvent)(within(12 * time.Second))
		}
	case 1: // pods go while others wait for the same reads
		g.add(at, "fault par - %s 20s", pick(g, "hang", "slow:8s", "503", "drip"))
		for range 3 {
			g.podOf(within(time.Second), "shop")
			g.add(within(8*time.Second)+time.Second, "killpod shop p%d", g.pods)
			g.podOf(within(2*time.Second), "shop")
		}
	case 2: // an outage that the stale values do not survive
		last := max(g.Stale, 2*time.Minute) + 30*time.Second
		g.add(at, "%s %s", pick(g, "down par refuse", "fault par - 503"), last)
		for range 3 {
			g.pod(within(last))
		}
	case 3: // a namespace whose reads hang has many pods
		g.add(at, "fault par /shop/ hang 1m")
		for range 4 {
			g.podOf(within(2*time.Second), "shop")
		}
		g.podOf(within(20*time.Second), "pay")
	}
}
