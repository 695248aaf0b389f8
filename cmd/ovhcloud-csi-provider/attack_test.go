// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// The tokens that the store of the honest mounts knows.
const (
	honestToken = "planted-token-of-the-honest-namespace"
	attackToken = plantedInAttack + "on-the-honest-domain"
)

// attackPlan is what the environment asks for: ATTACK for how long (10s if it is empty),
// ATTACK_KINDS which kinds (such as 3,6), ATTACK_SEED in which order and with which contents.
// With ATTACK_SAID, a message of each code is printed.
type attackPlan struct {
	long         bool
	lasts        time.Duration
	mountTimeout time.Duration
	probeEvery   time.Duration
	kinds        []attackKind
	seed         uint64
	random       *rand.Rand
}

// inFlight is how many mounts of the attackers may wait for an answer at once.
const inFlight = 3000

func planOfAttack(t *testing.T) attackPlan {
	t.Helper()
	p := attackPlan{lasts: 10 * time.Second, mountTimeout: 5 * time.Second, probeEvery: 2 * time.Second}
	if text := os.Getenv("ATTACK"); text != "" {
		p.long, p.lasts = true, must(time.ParseDuration(text))
		p.mountTimeout, p.probeEvery = 15*time.Second, 10*time.Second
	}
	p.seed = rand.Uint64()
	if text := os.Getenv("ATTACK_SEED"); text != "" {
		p.seed = must(strconv.ParseUint(text, 10, 64))
	}
	only := strings.Split(os.Getenv("ATTACK_KINDS"), ",")
	for _, k := range attackKinds {
		if only[0] == "" || slices.Contains(only, strconv.Itoa(k.number)) {
			p.kinds = append(p.kinds, k)
		}
	}
	p.random = rand.New(rand.NewPCG(p.seed, 1))
	t.Logf("ATTACK=%s ATTACK_SEED=%d, %d kinds", p.lasts, p.seed, len(p.kinds))
	return p
}

// shuffled are the kinds in random order.
func (p attackPlan) shuffled() []attackKind {
	kinds := slices.Clone(p.kinds)
	p.random.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	return kinds
}

// One namespace attacks the daemon in a cgroup of the chart's size in every known way, in
// random mixes, while another namespace mounts as usual.
func TestMixedAttack(t *testing.T) {
	plan := planOfAttack(t)
	group := newMemoryGroup(t, chartLimit)
	attack := startAttackers(t)
	store, socket := honestStore(t), harness.SocketPath(t)
	p := startDaemonIn(t, group.run, store, socket, []string{fmt.Sprint("GOMEMLIMIT=", chartLimit/5*4)}, "--cache-ttl=0",
		"--mount-timeout", plan.mountTimeout.String(),
		"--allow-endpoint", attack.stores.HTTP1, "--allow-endpoint", attack.stores.HTTP2)
	w := &witness{daemon: p, group: group, store: store, socket: socket, died: watch(p)}
	w.measureUsual(t)
	before := w.measure(t)
	attack.aim(t, attackTarget{socket, store.URL, string(store.Server.CA), store.OKMSID()})
	stop := w.begin(t, plan.probeEvery)
	attack.run(t, plan, w)
	stop()
	attack.logReports(t)
	w.checkMounts(t, plan.long)
	if w.checkAlive(t) {
		w.checkRecovery(t, before)
		if code := p.stop(t, syscall.SIGTERM); code != 0 {
			t.Errorf("the daemon ended with exit status %d", code)
		}
	}
	lookFor(t, p.log.String(), plantedInAttack, honestToken)
}

// honestStore is a store that takes 20 ms for an answer.
func honestStore(t *testing.T) *harness.Store {
	store := harness.StartStore(t)
	store.Break(t, emulator.Fault{Delay: slowAnswer})
	for i := range 30 {
		store.Hold(t, map[string]string{fmt.Sprint("honest/", i): `{"a":"` + strings.Repeat("x", 1000) + `"}`})
	}
	for _, token := range []string{honestToken, attackToken} {
		if err := store.AddToken(token, emulator.Identity{Name: token}); err != nil {
			t.Fatal(err)
		}
	}
	return store
}

// watch returns a channel that is closed when the daemon ends.
func watch(p *process) <-chan struct{} {
	died := make(chan struct{})
	go func() {
		p.ended <- <-p.ended // stop wants it, too
		close(died)
	}()
	return died
}

// attackProcess is the attackers as the test sees them.
type attackProcess struct {
	stores  attackStores
	orders  io.Writer
	reports chan attackReport

	of      map[int]*attackReport // of all waves of a kind
	waiting int                   // mounts without an answer
}

// startAttackers starts the attackers and their stores, which end with the test.
func startAttackers(t *testing.T) *attackProcess {
	t.Helper()
	cmd := exec.Command("chrt", "-i", "0", must(os.Executable()), "-test.run=^TestAttackers$")
	cmd.Env = append(os.Environ(), "ATTACKERS=1")
	cmd.Stderr = os.Stderr
	orders, output := must(cmd.StdinPipe()), must(cmd.StdoutPipe())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	a := &attackProcess{orders: orders, reports: make(chan attackReport), of: map[int]*attackReport{}}
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &a.stores) != nil {
		t.Fatalf("the attackers did not start: %s", lines.Text())
	}
	go func() {
		defer close(a.reports)
		for lines.Scan() {
			var r attackReport
			if json.Unmarshal(lines.Bytes(), &r) == nil {
				a.reports <- r
			}
		}
	}()
	return a
}

// aim gives the attackers the addresses of the daemon and the stores.
func (a *attackProcess) aim(t *testing.T, target any) {
	t.Helper()
	if _, err := fmt.Fprintln(a.orders, string(must(json.Marshal(target)))); err != nil {
		t.Fatal(err)
	}
}

// run orders a wave of each kind in random order, repeatedly in a long attack, so that
// several are in progress at any time, and waits for the last answer.
func (a *attackProcess) run(t *testing.T, plan attackPlan, w *witness) {
	t.Helper()
	pace := plan.lasts / time.Duration(2*len(plan.kinds)) // a short attack needs as long again to end
	if plan.long {
		pace = 2 * time.Second
	}
	tick := time.NewTicker(pace)
	defer tick.Stop()
	begin := time.Now()
	kinds := plan.shuffled()
	for len(kinds) > 0 {
		mounts := kinds[0].short
		if plan.long {
			mounts = kinds[0].long
		}
		if a.waiting+mounts <= inFlight {
			a.aim(t, attackOrder{kinds[0].number, mounts, plan.random.Uint64()})
			a.waiting += mounts
			t.Logf("%5.1fs: %d mounts of kind %d, %d in progress; cgroup: %s", time.Since(begin).Seconds(), mounts,
				kinds[0].number, a.waiting, w.group)
			kinds = kinds[1:]
		}
		if plan.long && len(kinds) == 0 {
			kinds = plan.shuffled()
		}
		if plan.long && time.Since(begin) > plan.lasts {
			break
		}
		if !a.next(t, tick.C, w) {
			return
		}
	}
	for a.waiting > 0 {
		if !a.next(t, nil, w) {
			return
		}
	}
}

// next waits for a report or a tick. It returns false if there is nothing left to attack.
func (a *attackProcess) next(t *testing.T, tick <-chan time.Time, w *witness) bool {
	select {
	case r, more := <-a.reports:
		if !more {
			t.Error("the attackers ended")
			return false
		}
		a.note(r)
	case <-tick:
	case <-w.died:
		t.Errorf("the daemon ended during the attack, with %d mounts in progress: %s", a.waiting, w.group)
		return false
	}
	return true
}

// note adds the report of a wave to those of its kind.
func (a *attackProcess) note(r attackReport) {
	a.waiting -= r.Mounts
	all := a.of[r.Kind]
	if all == nil {
		all = &attackReport{Kind: r.Kind, Codes: map[string]int{}, Said: map[string]string{}}
		a.of[r.Kind] = all
	}
	all.Mounts += r.Mounts
	all.Forbidden += r.Forbidden
	all.Took = max(all.Took, r.Took)
	for code, n := range r.Codes {
		all.Codes[code] += n
		all.Said[code] = cmp.Or(all.Said[code], r.Said[code])
	}
}

// logReports logs the results of each kind, and checks that no answer had one of the
// five codes.
func (a *attackProcess) logReports(t *testing.T) {
	t.Helper()
	for _, k := range attackKinds {
		r := a.of[k.number]
		if r == nil {
			continue
		}
		t.Logf("%2d %-32s %5d mounts, longest wave %4.1fs, %v", k.number, k.name, r.Mounts, r.Took.Seconds(), r.Codes)
		if r.Forbidden > 0 {
			t.Errorf("%d answers with a code after which a pod may start empty: %v", r.Forbidden, r.Said)
		}
		for code, said := range r.Said {
			if os.Getenv("ATTACK_SAID") != "" {
				t.Logf("     %s: %s", code, said)
			}
		}
	}
}

// witness is an honest namespace, a scraper of metrics and kubelet's probe.
type witness struct {
	daemon *process
	group  *memoryGroup
	store  *harness.Store
	socket string
	died   <-chan struct{}
	usual  time.Duration

	mu     sync.Mutex
	took   []time.Duration
	direct []time.Duration // the same reads without the daemon: what the machine gives
	failed []string
	probes int
}

// usualMounts is how many mounts measureUsual makes.
const usualMounts = 50

// measureUsual measures what a mount takes without an attack.
func (w *witness) measureUsual(t *testing.T) {
	t.Helper()
	client := harness.Dial(t, w.socket)
	for range usualMounts {
		w.mount(t.Context(), client)
	}
	if len(w.failed) > 0 {
		t.Fatalf("a mount before the attack: %s", w.failed[0])
	}
	w.usual, w.took = percentile(w.took, 50), nil
}

// kubeletBackoff is how long kubelet waits at least after a mount that failed.
const kubeletBackoff = 500 * time.Millisecond

// waitOr waits for so long, or for ctx to be done.
func waitOr(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// mount mounts a small class, notes the result, and reports whether it succeeded.
func (w *witness) mount(ctx context.Context, client pb.CSIDriverProviderClient) (ok bool) {
	patience, cancel := context.WithTimeout(ctx, kubeletPatience)
	defer cancel()
	pod := map[string]string{"csi.storage.k8s.io/pod.namespace": "honest", "secretProviderClass": "honest"}
	req := w.store.Request(harness.Mount{Objects: manyObjects(3, "honest/%d", ""), Token: honestToken, Attributes: pod})
	begin := time.Now()
	resp, err := client.Mount(patience, req)
	took := time.Since(begin)
	if err == nil && len(resp.GetFiles()) != 3 {
		err = fmt.Errorf("%d files", len(resp.GetFiles()))
	}
	if ctx.Err() != nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.took = append(w.took, took)
	if err != nil {
		w.failed = append(w.failed, fmt.Sprintf("after %s: %v", took.Round(time.Millisecond), err))
	}
	return err == nil
}

// begin starts the mounts of the honest namespace and the probes. They end when stop is
// called or the daemon ends.
func (w *witness) begin(t *testing.T, every time.Duration) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	client := harness.Dial(t, w.socket)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for ctx.Err() == nil {
				if !w.mount(ctx, client) {
					waitOr(ctx, kubeletBackoff)
				}
			}
		})
	}
	all.Go(func() {
		for read := w.reader(t); ctx.Err() == nil; {
			w.readDirectly(ctx, read)
		}
	})
	all.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				w.probe(ctx, t)
			case <-ctx.Done():
				return
			}
		}
	})
	all.Go(func() {
		select {
		case <-w.died:
			cancel()
		case <-ctx.Done():
		}
	})
	return func() {
		cancel()
		all.Wait()
	}
}

// reader is a client of the honest store.
func (w *witness) reader(t *testing.T) *http.Client {
	t.Helper()
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(w.store.Server.CA)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// readDirectly reads the secrets of mount from the store itself, and notes how long it
// took.
func (w *witness) readDirectly(ctx context.Context, client *http.Client) {
	begin := time.Now()
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() {
			url := fmt.Sprintf("%s/v1/secret/data/honest/%d", w.store.Server.VaultAddress(), i)
			req := must(http.NewRequestWithContext(ctx, http.MethodGet, url, nil))
			req.Header.Set("X-Vault-Token", honestToken)
			if resp, err := client.Do(req); err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
	all.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.direct = append(w.direct, time.Since(begin))
}

// probe does the requests of kubelet and Prometheus. The probe runs in the container, as
// kubelet's does.
func (w *witness) probe(ctx context.Context, t *testing.T) {
	for _, page := range []string{"/healthz", "/metrics"} {
		begin := time.Now()
		if _, err := fetchPage(ctx, w.daemon.admin+page); err != nil && ctx.Err() == nil {
			t.Errorf("%s: %v after %s", page, err, time.Since(begin).Round(time.Millisecond))
		}
	}
	cmd := exec.CommandContext(ctx, must(binary()), "--probe", "--endpoint", "unix://"+w.socket)
	w.group.run(cmd)
	begin := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil && ctx.Err() == nil {
		t.Errorf("--probe: %v after %s: %s", err, time.Since(begin).Round(time.Millisecond), out)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.probes++
}

func fetchPage(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req := must(http.NewRequestWithContext(ctx, http.MethodGet, url, nil))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %.300s", resp.Status, body)
	}
	return string(body), err
}

// checkMounts checks that 99 of 100 honest mounts went on, and within twice their usual time, or
// about so in a short attack. The others may find the node full.
func (w *witness) checkMounts(t *testing.T, long bool) {
	t.Helper()
	n, bound := len(w.took), 2*w.usual
	if !long { // other tests run at the same time
		bound = max(bound, w.usual+time.Second)
	}
	t.Logf("honest: %d mounts, %d failed, %d probes; usual %s; %s; %d took more than twice the usual time",
		n, len(w.failed), w.probes, w.usual.Round(time.Millisecond), percentiles(w.took), longer(w.took, 2*w.usual))
	t.Logf("the same reads without the daemon: %d, %s; %d took more than twice the usual time",
		len(w.direct), percentiles(w.direct), longer(w.direct, 2*w.usual))
	t.Logf("cgroup: %s", w.group)
	if len(w.failed) > n/100 {
		t.Errorf("%d of %d honest mounts failed: %.400s; …; %.400s", len(w.failed), n,
			w.failed[0], w.failed[len(w.failed)-1])
	}
	if late := longer(w.took, bound); late > n/100 {
		t.Errorf("%d of %d honest mounts took more than %s", late, n, bound.Round(time.Millisecond))
	}
	if n < 2*w.probes || w.probes == 0 {
		t.Errorf("only %d honest mounts and %d probes were done", n, w.probes)
	}
}

// longer counts those that took longer than most.
func longer(took []time.Duration, most time.Duration) (n int) {
	for _, d := range took {
		if d > most {
			n++
		}
	}
	return n
}

func percentiles(took []time.Duration) string {
	var text []string
	for _, of := range []int{50, 90, 95, 99, 100} {
		text = append(text, fmt.Sprintf("%d%% %s", of, percentile(took, of).Round(time.Millisecond)))
	}
	return strings.Join(text, ", ")
}

// percentile is the time within which so many of 100 ended.
func percentile(took []time.Duration, of int) time.Duration {
	if len(took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(took))
	return sorted[(len(sorted)-1)*of/100]
}

// checkAlive checks that the process is the one that was started.
func (w *witness) checkAlive(t *testing.T) bool {
	t.Helper()
	if n := w.group.killed(); n > 0 {
		t.Errorf("%d processes of the container were killed for its memory", n)
	}
	select {
	case <-w.died:
		t.Errorf("the daemon ended: %s", w.daemon.ProcessState)
		return false
	default:
		return true
	}
}

// holdings is what a process holds.
type holdings struct{ memory, goroutines, descriptors int }

func (u holdings) String() string {
	return fmt.Sprintf("%d MiB, %d goroutines, %d descriptors", u.memory>>20, u.goroutines, u.descriptors)
}

// remains is what may be left of each after an attack: clients and connections that are
// kept for a while, in their bounds, and what the runtime uses. 18 MB of objects in 52 MB of
// partly used pages were seen after five minutes, and 18 MiB more than before the attack when the
// clients were dropped, after ten minutes.
var remains = holdings{memory: 64 << 20, goroutines: 700, descriptors: 200}

var (
	residentSet  = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)
	goGoroutines = regexp.MustCompile(`(?m)^go_goroutines (\d+)$`)
)

// measure returns what the daemon holds.
func (w *witness) measure(t *testing.T) (u holdings) {
	t.Helper()
	status := string(must(os.ReadFile(fmt.Sprintf("/proc/%d/status", w.daemon.Process.Pid))))
	page, err := fetchPage(t.Context(), w.daemon.admin+"/metrics")
	if err != nil {
		t.Errorf("/metrics: %v", err)
	}
	if m := residentSet.FindStringSubmatch(status); m != nil {
		u.memory = must(strconv.Atoi(m[1])) << 10
	}
	if m := goGoroutines.FindStringSubmatch(page); m != nil {
		u.goroutines = must(strconv.Atoi(m[1]))
	}
	u.descriptors = len(must(os.ReadDir(fmt.Sprintf("/proc/%d/fd", w.daemon.Process.Pid))))
	return u
}

// checkRecovery waits for the daemon to hold about what it held before. The stores of
// the attack are still there, so that connections do not end by themselves.
func (w *witness) checkRecovery(t *testing.T, before holdings) {
	t.Helper()
	var now holdings
	begin := time.Now()
	ok := eventually(30*time.Second, func() bool {
		now = w.measure(t)
		return now.memory <= before.memory+remains.memory && now.goroutines <= before.goroutines+remains.goroutines &&
			now.descriptors <= before.descriptors+remains.descriptors
	})
	t.Logf("before: %s; %s after: %s; at most %d MiB", before, time.Since(begin).Round(time.Second), now,
		mostMemory(t, w.daemon.Process.Pid)>>20)
	if !ok {
		t.Errorf("what the daemon holds did not come back: %s before, %s now:\n%s", before, now, w.whatHolds(t))
	}
	for _, part := range budgetMetric.FindAllStringSubmatch(w.whatHolds(t), -1) {
		if clients := part[1] == "clients"; !clients && part[2] != "0" || part[2][0] == '-' {
			t.Errorf("without a mount, %s of the part %q of the memory budget are in use", part[2], part[1])
		}
	}
}

// budgetMetric matches the lines of /metrics about the memory budget. Clients are kept for a while.
var budgetMetric = regexp.MustCompile(`(?m)^ovhcloud_csi_memory_budget_used_bytes\{part="(\w+)"\} (\S+)$`)

// memoryMetric matches the lines of /metrics about memory and what is kept.
var memoryMetric = regexp.MustCompile(
	`(?m)^(ovhcloud_csi_(memory_budget_used|cache|clients|connections)|go_memstats_heap|go_gc_gogc).*\n`)

// whatHolds returns what the daemon's metrics say of its memory.
func (w *witness) whatHolds(t *testing.T) string {
	t.Helper()
	page, err := fetchPage(t.Context(), w.daemon.admin+"/metrics")
	if err != nil {
		return err.Error()
	}
	return strings.Join(memoryMetric.FindAllString(page, -1), "")
}
