package server_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/provider/auth"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// region is a store that stands for one region, under the name of its connection.
type region struct {
	*harness.Store
	name string
}

// credential is the token of the region's connection, which no other store knows.
func (r region) credential() string { return "eyJhbGciOiJFZERTQSJ9.planted-token-of." + r.name }

func startRegion(t *testing.T, name string) region {
	t.Helper()
	r := region{harness.StartStore(t), name}
	if err := r.AddToken(r.credential(), emulator.Identity{Name: name}); err != nil {
		t.Fatal(err)
	}
	return r
}

const allowAll = "    allow: [{namespaces: ['*'], serviceAccounts: ['*'], paths: ['**']}]\n"

// stated is the region's connection in the file; more are further fields.
func (r region) stated(more string) string {
	return "  " + r.name + ":\n" + placed(r.Store) + "    credentialsDir: ROOT/" + r.name + "\n" + more
}

// identities are those of the regions, with their connections as stated.
func identities(t *testing.T, config string, regions ...region) *harness.Identities {
	t.Helper()
	credentials := map[string]map[string]string{}
	for _, r := range regions {
		credentials[r.name] = map[string]string{"token": r.credential()}
	}
	return harness.NewIdentities(t, "connections:\n"+config, credentials)
}

func TestAConnectionHasItsOwnMaxStale(t *testing.T) {
	for name, c := range map[string]struct {
		stated  string
		daemons time.Duration
		served  map[time.Duration]bool // after so long
	}{
		"the daemon's":           {"", time.Hour, map[time.Duration]bool{time.Hour: true, time.Minute: false}},
		"more than the daemon's": {"    maxStale: 3h\n", time.Hour, map[time.Duration]bool{2 * time.Hour: true, 2*time.Hour + 1: false}},
		"less than the daemon's": {"    maxStale: 10m\n", time.Hour, map[time.Duration]bool{10 * time.Minute: true, 1: false}},
		"none":                   {"    maxStale: 0\n", time.Hour, map[time.Duration]bool{time.Minute: false}},
		"some, the daemon none":  {"    maxStale: 1h\n", 0, map[time.Duration]bool{time.Hour: true, 1: false}},
	} {
		t.Run(name, func(t *testing.T) {
			par := startRegion(t, "par")
			par.Hold(t, map[string]string{"s": `{"v":"1"}`})
			now := &clock{}
			d := harness.Start(t, harness.Options{Emulator: par.Store, Connections: identities(t, par.stated(c.stated+allowAll), par).Connections,
				CacheTTL: 30 * time.Second, MaxStale: c.daemons, Now: now.now})
			m := overConnection("par", "- secretPath: s", nil)
			mustMount(t, d, m, "s", `{"v":"1"}`)
			par.Break(t, emulator.Fault{Status: 501})
			for _, served := range []bool{true, false} {
				for after, is := range c.served {
					if is != served {
						continue
					}
					now.advance(after)
					if _, err := d.Do(t.Context(), m); (err == nil) != served {
						t.Errorf("after another %s: %v", after, err)
					}
				}
			}
		})
	}
}

func TestAChangedMaxStaleHoldsForWhatIsKept(t *testing.T) {
	par := startRegion(t, "par")
	par.Hold(t, map[string]string{"s": `{"v":"1"}`})
	now := &clock{}
	ids := identities(t, par.stated("    maxStale: 1h\n"+allowAll), par)
	d := harness.Start(t, harness.Options{Emulator: par.Store, Connections: ids.Connections, CacheTTL: 30 * time.Second, Now: now.now})
	m := overConnection("par", "- secretPath: s", nil)
	mustMount(t, d, m, "s", `{"v":"1"}`)
	par.Break(t, emulator.Fault{Status: 501})
	now.advance(10 * time.Minute)
	mustMount(t, d, m, "s", `{"v":"1"}`)
	before := ids.Reloads()
	ids.Config(t, "connections:\n"+par.stated("    maxStale: 5m\n"+allowAll))
	ids.Await(t, before, func(r auth.Reload) bool { return r.Connection == "par" && r.Err == nil })
	_, err := d.Do(t.Context(), m)
	want(t, err, codes.Internal)
	if page := harness.Page(t, d.Admin+"/readyz"); !strings.HasPrefix(page, "200") {
		t.Error(page)
	}
}

// pair is a daemon whose connection par names rbx as its fallback. Each region
// holds shop/s0 to shop/s9, and each secret says which region it is of.
type pair struct {
	*harness.Daemon
	par, rbx region
	ids      *harness.Identities
	clock    *clock
	revoked  map[string]bool // regions
}

func (p pair) revoke(r region) {
	p.revoked[r.name] = true
	r.RevokeToken(r.credential())
}

func startPair(t *testing.T, o harness.Options, ofPar, ofRbx string) pair {
	t.Helper()
	p := pair{par: startRegion(t, "par"), rbx: startRegion(t, "rbx"), clock: &clock{}, revoked: map[string]bool{}}
	for _, r := range []region{p.par, p.rbx} {
		for i := range 10 {
			r.Hold(t, map[string]string{fmt.Sprintf("shop/s%d", i): fmt.Sprintf(`{"v":"%s %d"}`, r.name, i)})
		}
	}
	p.ids = identities(t, p.par.stated("    fallback: rbx\n"+ofPar)+p.rbx.stated(ofRbx), p.par, p.rbx)
	o.Emulator, o.Connections, o.Now = p.par.Store, p.ids.Connections, p.clock.now
	p.Daemon = harness.Start(t, o)
	t.Cleanup(func() { p.eachToItsOwn(t) })
	return p
}

// eachToItsOwn looks into the stores' logs: no credential may have come to
// another region than its own.
func (p pair) eachToItsOwn(t *testing.T) {
	t.Helper()
	for _, r := range []region{p.par, p.rbx} {
		for _, q := range r.Requests() {
			if q.Identity != r.name && !(q.Identity == "" && p.revoked[r.name]) {
				t.Errorf("%s was asked with a credential that it does not know: %+v", r.name, q)
			}
		}
	}
}

// gets mounts a secret of a folder over par, and wants that of a region.
func (p pair) gets(t *testing.T, number int, from region) {
	t.Helper()
	mustMount(t, p.Daemon, shopOver("par", number), fmt.Sprintf("s%d", number), fmt.Sprintf(`{"v":"%s %d"}`, from.name, number))
}

func shopOver(connection string, number int) harness.Mount {
	return overConnection(connection, fmt.Sprintf("- secretPath: shop/s%d", number), nil)
}

func (p pair) wantReads(t *testing.T, par, rbx int) {
	t.Helper()
	if ofPar, ofRbx := len(p.par.Requests()), len(p.rbx.Requests()); ofPar != par || ofRbx != rbx {
		t.Errorf("par was asked %d times and rbx %d times, want %d and %d", ofPar, ofRbx, par, rbx)
	}
}

// down is a fault that is not tried again.
var down = emulator.Fault{Status: 501}

func TestTheFallbackIsAskedWhereTheFirstCannotBe(t *testing.T) {
	for name, fault := range map[string]emulator.Fault{
		"has a fault":               down,
		"is overloaded":             {Status: 503},
		"limits":                    {Status: 429, RetryAfter: "3600"},
		"accepts and never answers": {Hang: true},
		"answers one byte a second": {Drip: time.Second},
		"closes after the headers":  {CloseAfterHeaders: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPair(t, harness.Options{MountTimeout: 2 * time.Second}, allowAll, allowAll)
			p.gets(t, 0, p.par)
			mend := p.par.Break(t, fault)
			p.gets(t, 0, p.rbx)
			mend()
			p.clock.advance(time.Minute)
			p.gets(t, 0, p.par) // back, and nothing of rbx is in the way
			if page := harness.Page(t, p.Admin+"/metrics"); !strings.Contains(page, `ovhcloud_csi_secret_reads_total{served="fallback"} 1`) {
				t.Error("the metrics do not tell")
			}
		})
	}
	t.Run("is not there", func(t *testing.T) {
		p := startPair(t, harness.Options{MountTimeout: 5 * time.Second}, allowAll, allowAll)
		if err := p.par.Server.Close(); err != nil {
			t.Fatal(err)
		}
		p.gets(t, 0, p.rbx)
	})
}

func TestARefusalOfTheFirstIsTheLastWord(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, p pair)
		code  codes.Code
	}{
		"401":         {func(_ *testing.T, p pair) { p.revoke(p.par) }, codes.Unauthenticated},
		"403":         {func(t *testing.T, p pair) { p.par.Break(t, emulator.Fault{Status: 403}) }, codes.PermissionDenied},
		"404":         {func(t *testing.T, p pair) { must(t, p.par.Delete("shop/s0")) }, codes.NotFound},
		"deactivated": {func(t *testing.T, p pair) { must(t, p.par.SetState("shop/s0", 0, emulator.Deactivated)) }, codes.FailedPrecondition},
		"400":         {func(t *testing.T, p pair) { p.par.Break(t, emulator.Fault{Status: 400}) }, codes.InvalidArgument},
		"200 with HTML": {func(t *testing.T, p pair) {
			p.par.Break(t, emulator.Fault{Status: 200, ContentType: "text/html", Body: "<html>"})
		}, codes.Internal},
		"a TLS alert": {func(t *testing.T, p pair) { p.par.Break(t, emulator.Fault{TLSAlert: true}) }, codes.Unauthenticated},
		"no such page's 404": {func(t *testing.T, p pair) {
			p.par.Break(t, emulator.Fault{Status: 404, ContentType: "text/html", Body: "no"})
		}, codes.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			p := startPair(t, harness.Options{}, "    maxStale: 1h\n"+allowAll, allowAll)
			c.spoil(t, p)
			_, err := p.Do(t.Context(), shopOver("par", 0))
			want(t, err, c.code)
			if strings.Contains(err.Error(), "rbx") || len(p.rbx.Requests()) > 0 {
				t.Errorf("the fallback was asked: %v", err)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsServedInWhatOrder: of the first if fresh, of the fallback, stale of
// the fallback, stale of the first, an error that tells both.
func TestWhatIsServedInWhatOrder(t *testing.T) {
	p := startPair(t, harness.Options{CacheTTL: 30 * time.Second}, "    maxStale: 3h\n"+allowAll, "    maxStale: 1h\n"+allowAll)
	p.gets(t, 0, p.par)
	p.par.Break(t, down)
	p.gets(t, 0, p.par) // fresh
	p.wantReads(t, 1, 0)
	p.clock.advance(time.Minute)
	p.gets(t, 0, p.rbx)
	p.gets(t, 0, p.rbx) // fresh there; par is asked again, since nothing is kept as its
	p.wantReads(t, 3, 1)
	p.rbx.Break(t, down)
	p.clock.advance(time.Hour)
	p.gets(t, 0, p.rbx) // stale
	p.clock.advance(time.Minute)
	p.gets(t, 0, p.par) // that of rbx is too old now
	p.clock.advance(2 * time.Hour)
	_, err := p.Do(t.Context(), shopOver("par", 0))
	want(t, err, codes.Internal, "OKMS at "+strings.TrimPrefix(p.par.URL, "https://")+" has a fault (",
		`; the fallback, connection "rbx", was asked too: OKMS at `+strings.TrimPrefix(p.rbx.URL, "https://")+" has a fault (", "HTTP 501", "kubelet tries again")
}

func TestAFallbackThatRefuses(t *testing.T) {
	p := startPair(t, harness.Options{CacheTTL: 30 * time.Second}, allowAll, "    maxStale: 1h\n"+allowAll)
	p.par.Break(t, down)
	p.gets(t, 0, p.rbx)
	p.gets(t, 1, p.rbx)
	p.clock.advance(time.Minute)
	p.revoke(p.rbx)
	both := overConnection("par", "- secretPath: shop/s0\n- secretPath: shop/s1\n", nil)
	_, err := p.Do(t.Context(), both)
	// Retrying may help: the first may be back.
	want(t, err, codes.Internal, "has a fault", `the fallback, connection "rbx", was asked too: OKMS refused the token`, "objects[0]", "objects[1]")
	p.rbx.Break(t, down)
	_, err = p.Do(t.Context(), both)
	want(t, err, codes.Internal, "rbx") // nothing stale is left of what it gave
	for _, secret := range []string{p.par.credential(), p.rbx.credential()} {
		if strings.Contains(err.Error(), secret) {
			t.Error("a credential is told")
		}
	}
	// An outage of the first with a 404 of the second is an outage.
	other := startPair(t, harness.Options{}, allowAll, allowAll)
	other.par.Break(t, down)
	_, err = other.Do(t.Context(), overConnection("par", "- secretPath: shop/none\n  optional: true", nil))
	want(t, err, codes.Internal, "has a fault", "OKMS has no such secret")
}

func TestTheRulesOfTheFallbackHoldToo(t *testing.T) {
	rules := "    allow:\n      - {namespaces: [store], serviceAccounts: [web], paths: [shop/s0]}\n      - {namespaces: [other], serviceAccounts: ['*'], paths: ['**']}\n"
	p := startPair(t, harness.Options{}, allowAll, rules)
	p.par.Break(t, down)
	p.gets(t, 0, p.rbx)
	for name, m := range map[string]harness.Mount{
		"another path":            shopOver("par", 1),
		"another service account": overConnection("par", "- secretPath: shop/s0", map[string]string{accountKey: "thief"}),
		"another namespace":       overConnection("par", "- secretPath: shop/s0", map[string]string{namespaceKey: "thief"}),
	} {
		_, err := p.Do(t.Context(), m)
		want(t, err, codes.Internal, "has a fault")
		if strings.Contains(err.Error(), "rbx") {
			t.Errorf("%s: the fallback was asked: %v", name, err)
		}
	}
	if got := len(p.rbx.Requests()); got != 1 {
		t.Errorf("rbx was asked %d times", got)
	}
}

// TestWhoJoinsAReadDoesNotGetWhatItsFallbackGave: the read of the first is shared,
// with who has the same credential, but not the right to the fallback.
func TestWhoJoinsAReadDoesNotGetWhatItsFallbackGave(t *testing.T) {
	rules := "    allow: [{namespaces: [store], serviceAccounts: [web], paths: ['**']}]\n"
	p := startPair(t, harness.Options{CacheTTL: time.Hour, MountTimeout: 20 * time.Second}, allowAll, rules)
	mend := p.par.Break(t, emulator.Fault{Status: 501, Delay: time.Second})
	defer mend()
	strangers := []harness.Mount{
		overConnection("par", "- secretPath: shop/s0", map[string]string{accountKey: "thief"}),
		{Objects: "- secretPath: shop/s0", Token: p.par.credential()},
	}
	var all sync.WaitGroup
	all.Go(func() { p.gets(t, 0, p.rbx) })
	must(t, p.par.Await(t.Context(), 1))
	for _, m := range strangers {
		all.Go(func() {
			if files, err := p.Do(t.Context(), m); err == nil || forbidden(err) {
				t.Errorf("a stranger got %v, %v", files, err)
			}
		})
	}
	all.Wait()
	p.gets(t, 0, p.rbx)
	for _, m := range strangers {
		if files, err := p.Do(t.Context(), m); err == nil {
			t.Errorf("a stranger got %v", files)
		}
	}
}

func TestAFallbacksFallbackIsNotFollowed(t *testing.T) {
	par, rbx, gra := startRegion(t, "par"), startRegion(t, "rbx"), startRegion(t, "gra")
	for _, r := range []region{par, rbx, gra} {
		r.Hold(t, map[string]string{"s": `{"v":"` + r.name + `"}`})
	}
	ids := identities(t, par.stated("    fallback: rbx\n"+allowAll)+rbx.stated("    fallback: gra\n"+allowAll)+gra.stated("    fallback: par\n"+allowAll), par, rbx, gra)
	d := harness.Start(t, harness.Options{Emulator: par.Store, Connections: ids.Connections})
	par.Break(t, down)
	mend := rbx.Break(t, down)
	_, err := d.Do(t.Context(), overConnection("par", "- secretPath: s", nil))
	want(t, err, codes.Internal)
	mustMount(t, d, overConnection("rbx", "- secretPath: s", nil), "s", `{"v":"gra"}`)
	mend()
	mustMount(t, d, overConnection("gra", "- secretPath: s", nil), "s", `{"v":"gra"}`)
	if got := len(gra.Requests()); got != 2 {
		t.Errorf("gra was asked %d times", got)
	}
}

func TestABrokenFallbackLeavesTheFirstAsItIs(t *testing.T) {
	p := startPair(t, harness.Options{}, allowAll, allowAll)
	p.gets(t, 0, p.par)
	broken := identities(t, p.par.stated("    fallback: rbx\n"+allowAll)+p.rbx.stated(allowAll), p.par)
	d := harness.Start(t, harness.Options{Emulator: p.par.Store, Connections: broken.Connections})
	mustMount(t, d, shopOver("par", 0), "s0", `{"v":"par 0"}`)
	mend := p.par.Break(t, down)
	_, err := d.Do(t.Context(), shopOver("par", 0))
	want(t, err, codes.Internal, "has a fault")
	before := broken.Reloads()
	broken.Credential(t, "rbx", map[string]string{"token": p.rbx.credential()})
	broken.Await(t, before, func(r auth.Reload) bool { return r.Connection == "rbx" && r.Err == nil })
	mustMount(t, d, shopOver("par", 0), "s0", `{"v":"rbx 0"}`)
	before = broken.Reloads()
	broken.Config(t, "connections:\n"+p.par.stated(allowAll))
	broken.Await(t, before, func(r auth.Reload) bool { return r.Connection == "rbx" && r.Removed })
	_, err = d.Do(t.Context(), shopOver("par", 0))
	want(t, err, codes.Internal, "has a fault")
	mend()
}

func TestVersionsTellTheDomainThatWasRead(t *testing.T) {
	p := startPair(t, harness.Options{}, allowAll, allowAll)
	version := func() string {
		t.Helper()
		resp, err := p.Client.Mount(t.Context(), p.Request(overConnection("par", "- secretPath: shop/s0\n- secretPath: shop/s1\n", nil)))
		if err != nil {
			t.Fatal(err)
		}
		return resp.GetObjectVersion()[0].GetVersion() + " " + resp.GetObjectVersion()[1].GetVersion()
	}
	first := version()
	mend := p.par.Break(t, emulator.Fault{Path: "shop/s1", Status: 501})
	mixed := version()
	mend()
	ofFirst, ofSecond, _ := strings.Cut(mixed, " ")
	if !strings.HasPrefix(first, ofFirst+" ") || strings.Contains(first, "@") || !strings.HasSuffix(ofSecond, "@"+strings.TrimPrefix(p.rbx.URL, "https://")) {
		t.Errorf("versions %q, then %q", first, mixed)
	}
	if hash, _, _ := strings.Cut(ofSecond, "@"); strings.HasSuffix(first, hash) {
		t.Errorf("the hash of %q is that of the first domain", mixed)
	}
	if again := version(); again != first {
		t.Errorf("versions %q once it is back, want %q", again, first)
	}
}

// TestAHangingFirstIsLeftAlone: three mounts wait for it, then none does but one
// at a time, and those who want what that one asks for do not wait with it.
func TestAHangingFirstIsLeftAlone(t *testing.T) {
	p := startPair(t, harness.Options{MountTimeout: 8 * time.Second}, allowAll, allowAll)
	p.par.Break(t, emulator.Fault{Hang: true})
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() { p.gets(t, i, p.rbx) })
	}
	all.Wait()
	p.wantReads(t, 3, 3)
	for i := range 10 {
		p.gets(t, i, p.rbx)
	}
	p.wantReads(t, 3, 13)
	p.clock.advance(time.Minute)
	probed := make(chan struct{})
	go func() {
		defer close(probed)
		p.gets(t, 9, p.rbx)
	}()
	must(t, p.par.Await(t.Context(), 4))
	for range 20 {
		p.gets(t, 9, p.rbx)
	}
	select {
	case <-probed:
		t.Error("they waited for the probe to end")
	default:
	}
	p.wantReads(t, 4, 33)
	<-probed
}

// TestANodeOnItsFallback: many mounts at once, over rounds; a store that is down is
// asked little, and each secret is read once from the other.
func TestANodeOnItsFallback(t *testing.T) {
	const pods = 60
	p := startPair(t, harness.Options{CacheTTL: 30 * time.Second}, allowAll, allowAll)
	m := overConnection("par", objects("shop", 10), nil)
	round := func(from region) {
		var all sync.WaitGroup
		for range pods {
			all.Go(func() { mustMount(t, p.Daemon, m, "s9", fmt.Sprintf(`{"v":"%s 9"}`, from.name)) })
		}
		all.Wait()
	}
	mend := p.par.Break(t, emulator.Fault{Status: 503})
	for range 5 {
		round(p.rbx)
	}
	// At first ten reads that all share, each with its retries; then probes.
	if got := len(p.par.Requests()); got > 100 {
		t.Errorf("%d mounts asked a store that is down %d times", 5*pods, got)
	}
	if got := len(p.rbx.Requests()); got != 10 {
		t.Errorf("rbx was asked %d times for ten secrets", got)
	}
	mend()
	p.par.ResetRequests()
	p.clock.advance(time.Minute)
	mustMount(t, p.Daemon, m, "s9", `{"v":"par 9"}`) // the probe
	round(p.par)
	p.wantReads(t, 10, 10)
}
