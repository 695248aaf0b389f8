// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"context"
	"crypto/tls"
	"fmt"
	"hash/fnv"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/test/emulator"
)

// world is a history that runs: a node with its daemons and pods, and the stores.
type world struct {
	Setup
	dir   string // of the operator's files
	epoch time.Time

	network *network
	sites   []*site
	stores  map[string]*store

	// Of the goroutine of the history only.
	operator operator
	written  map[string]map[string]string // the operator's files that are written
	pods     map[string]*pod
	leaving  []*pod
	pending  []func()

	mu           sync.Mutex
	offset       time.Duration // of the node's clock
	daemons      []*daemon
	classes      map[string]Class  // by namespace/name
	secrets      map[string]string // credential by namespace/name
	certificates map[string]map[string]string
	proofs       map[string]string // credential by what shows it
	randoms      map[string]*rand.Rand
	Outcome
}

// Outcome is what became of a history.
type Outcome struct {
	Mounts     []*Mount
	Requests   []*Request
	Troubles   []Trouble
	Pressures  []Pressure
	Jumps      []Jump
	Reloads    []time.Duration
	Audited    int // lines of the log about a mount
	Violations []Violation
}

// Trouble is a time when no connection to a host could be had or kept.
type Trouble struct {
	At   time.Duration
	Host string
	Hole bool // it does not answer at all
}

// Pressure is a time when others held the memory of a daemon.
type Pressure struct {
	Daemon   int
	From, To time.Duration
}

// Jump is a jump of the node's clock.
type Jump struct{ At, By time.Duration }

// Violation is a rule that a history broke.
type Violation struct {
	At   time.Duration
	Rule string
	Text string
}

// String returns the violation as a line.
func (v Violation) String() string { return fmt.Sprintf("%s %s: %s", v.At, v.Rule, v.Text) }

// The stores of every history. par and dev share a host; rbx is par's second region.
var domains = []struct{ name, host, id string }{
	{"par", "eu-west-par.okms.ovh.net:443", "734b9b45-8b1a-469c-b140-b10bd6540017"},
	{"dev", "eu-west-par.okms.ovh.net:443", "11111111-8b1a-469c-b140-b10bd6540017"},
	{"rbx", "eu-west-rbx.okms.ovh.net:443", "22222222-8b1a-469c-b140-b10bd6540017"},
}

// tokenHost is where OAuth2 clients get their tokens; the first store issues them.
const tokenHost = "www.ovh.com:443"

// loopback is where the hosts are in a history without TLS, since only there plain HTTP is
// allowed.
var loopback = map[string]string{domains[0].host: "127.0.0.1:81", domains[2].host: "127.0.0.1:82",
	tokenHost: "127.0.0.1:83"}

// Run runs a history in a bubble and judges it. dir is an empty folder for its files.
func Run(t *testing.T, h History, dir string) (o Outcome) {
	synctest.Test(t, func(*testing.T) {
		w := newWorld(h, dir)
		logged.start(w)
		w.play(h.Events)
		w.rest()
		logged.stop()
		w.judge()
		o = w.Outcome
	})
	return o
}

func newWorld(h History, dir string) *world {
	w := &world{Setup: h.Setup, dir: dir, epoch: time.Now(), stores: map[string]*store{},
		written: map[string]map[string]string{}, pods: map[string]*pod{},
		classes: map[string]Class{}, secrets: map[string]string{}, certificates: map[string]map[string]string{},
		proofs: map[string]string{}, randoms: map[string]*rand.Rand{},
		operator: operator{connections: map[string]connection{}, folders: map[string]string{}}}
	w.network = newNetwork(w)
	w.empty()
	for _, d := range domains {
		e, err := emulator.New(emulator.Options{OKMSID: d.id, Switches: emulator.Switches{DenialStatus: w.Denial}})
		w.must(err)
		w.addSite(d.host, &store{Emulator: e, w: w, name: d.name})
	}
	w.addSite(tokenHost, &store{Emulator: w.stores["par"].Emulator, w: w, name: "login"})
	return w
}

// addSite adds a store at a host.
func (w *world) addSite(host string, s *store) {
	name, _, _ := net.SplitHostPort(host)
	if !w.TLS {
		host = loopback[host]
	}
	s.host = host
	w.stores[s.name] = s
	for _, known := range w.sites {
		if known.host == host {
			known.stores = append(known.stores, s)
			s.url = known.url()
			return
		}
	}
	at := &site{host: host, tls: w.TLS, stores: []*store{s}}
	at.server = &http.Server{Handler: at, ErrorLog: log.New(io.Discard, "", 0), ConnContext: whoDialled}
	if w.TLS {
		config, err := s.TLSConfig(name)
		w.must(err)
		at.server.TLSConfig = config
	}
	w.sites = append(w.sites, at)
	s.url = at.url()
}

func whoDialled(ctx context.Context, c net.Conn) context.Context {
	if over, is := c.(*tls.Conn); is {
		c = over.NetConn()
	}
	return context.WithValue(ctx, daemonKey{}, c.(taggedConn).daemon)
}

func (s *site) url() string {
	if s.tls {
		return "https://" + strings.TrimSuffix(s.host, ":443")
	}
	return "http://" + s.host
}

// serve serves a site on a listener until the end of the history.
func (w *world) serve(s *site, l net.Listener) {
	if s.tls {
		go func() { _ = s.server.ServeTLS(l, "", "") }()
	} else {
		go func() { _ = s.server.Serve(l) }()
	}
}

func (w *world) tokenURL() string { return w.stores["login"].url + emulator.TokenPath }

// placeOf returns the parameters that say where a store is.
func (w *world) placeOf(name string) map[string]string {
	s := w.stores[name]
	place := map[string]string{"endpoint": s.url, "okmsId": s.OKMSID()}
	if w.TLS {
		place["caBundle"] = string(w.stores["par"].CA()) + string(w.stores["rbx"].CA())
	}
	return place
}

// play lets the events happen.
func (w *world) play(events []Event) {
	for _, e := range events {
		if e.At >= w.End {
			break
		}
		if len(w.daemons) == 0 && e.At > 0 {
			w.begin()
		}
		time.Sleep(e.At - w.now())
		verbs[e.Verb].do(w, e.Args)
	}
	if len(w.daemons) == 0 {
		w.begin()
	}
	time.Sleep(w.End - w.now())
}

// begin starts the first daemon, with what the events at the time 0 have made.
func (w *world) begin() {
	w.reload()
	w.startDaemon()
}

// rest ends faults, pods, daemons and stores, and looks at what is left.
func (w *world) rest() {
	for _, end := range w.pending {
		end()
	}
	for key := range w.pods {
		w.removePod(key, false)
	}
	for _, p := range w.leaving {
		<-p.gone
		p.kill()
	}
	time.Sleep(time.Minute)
	last := w.current()
	w.restOf(last)
	w.endDaemons()
	time.Sleep(idleTime)
	for _, d := range w.daemons {
		if used := d.budget.Used(); used != 0 {
			w.violate(w.now(), "rest", "daemon %d still counts %d bytes after its end", d.n, used)
		}
	}
	for _, s := range w.sites {
		_ = s.server.Close()
	}
	if open := w.network.open(); open != 0 {
		w.violate(w.now(), "rest", "%d connections to stores are left open", open)
	}
}

// now is the time of the history; clock is the clock of the node.
func (w *world) now() time.Duration { return time.Since(w.epoch) }

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.offset)
}

func (w *world) node() time.Duration { return time.Since(w.epoch) + w.offset }

// after calls f after a time, or at the end of the history.
func (w *world) after(d time.Duration, f func()) {
	once := sync.OnceFunc(f)
	timer := time.AfterFunc(d, once)
	w.pending = append(w.pending, func() { timer.Stop(); once() })
}

// latency returns how long a store takes for its next request.
func (w *world) latency(store string) time.Duration {
	return 2*time.Millisecond + w.random(store, 40*time.Millisecond)
}

func (w *world) jitter(below time.Duration) time.Duration { return w.random("jitter", below) }

// random returns a time from 0 to less than below. Each use has a sequence of its own, so that one
// event less changes little of the rest.
func (w *world) random(use string, below time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	rng := w.randoms[use]
	if rng == nil {
		h := fnv.New64a()
		_, _ = h.Write([]byte(use))
		rng = rand.New(rand.NewPCG(w.Seed, h.Sum64()))
		w.randoms[use] = rng
	}
	return time.Duration(rng.Int64N(int64(below)))
}

// arrived notes a request, and returns the fault that it meets; nil for none.
func (w *world) arrived(s *store, q *Request, path string) *fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Requests = append(w.Requests, q)
	for _, f := range s.faults {
		if strings.Contains(path, f.path) {
			q.Fault = f.kind
			return f
		}
	}
	return nil
}

// ended notes the end of a request.
func (w *world) ended(q *Request, answered bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q.Ended, q.Answered, q.Node = w.now(), answered, w.node()
}

func (w *world) begins(x *Mount) {
	w.mu.Lock()
	defer w.mu.Unlock()
	x.N, x.View = len(w.Mounts)+1, x.Daemon.view
	x.Start, x.NodeStart = w.now(), w.node()
	w.Mounts = append(w.Mounts, x)
}

func (w *world) ends(x *Mount) {
	w.mu.Lock()
	defer w.mu.Unlock()
	x.End, x.NodeEnd = w.now(), w.node()
}

func (w *world) trouble(host string, hole bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Troubles = append(w.Troubles, Trouble{w.now(), host, hole})
}

func (w *world) pressed(daemon int, from time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Pressures = append(w.Pressures, Pressure{daemon, from, w.now()})
}

func (w *world) classOf(p *pod) (Class, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, known := w.classes[p.namespace+"/"+p.class]
	return c, known
}

func (w *world) secretOf(p *pod) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if cred := w.secrets[p.namespace+"/"+p.secret]; cred != "" {
		return cred
	}
	return noCred
}

func (w *world) violate(at time.Duration, rule, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Violations = append(w.Violations, Violation{at, rule, fmt.Sprintf(format, args...)})
}

// started is called when a pod has begun to run without a file.
func (w *world) started(p *pod) {
	class := p.volume.class // it may have changed since
	if !p.volume.mounted {
		class, _ = w.classOf(p)
	}
	for _, o := range class.Objects {
		if !o.Optional {
			w.violate(w.now(), "empty volume", "pod %s/%s runs with an empty volume", p.namespace, p.name)
			return
		}
	}
}

func (w *world) reloaded(provider.Reload) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Reloads = append(w.Reloads, w.now())
}

// must panics if a history cannot go on, which is a fault of this package.
func (w *world) must(err error) {
	if err != nil {
		panic(fmt.Sprint("simulation: ", err))
	}
}

// idleTime is how long net/http may keep a connection that nobody uses.
const idleTime = 2 * time.Minute

// empty removes what the history before left in the folder.
func (w *world) empty() {
	left, err := os.ReadDir(w.dir)
	w.must(err)
	for _, one := range left {
		w.must(os.RemoveAll(filepath.Join(w.dir, one.Name())))
	}
}

// scratch returns a new folder for the files of histories, and a function that removes it.
func scratch() (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp("", "simulation")
	return dir, func() { _ = os.RemoveAll(dir) }, err
}
