package provider

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/cache"
	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/sensitive"
)

// What bounds the memory and time that one mount, or one pod's mounts, can take.

// TestASecretIsTakenApartOnce, wherever its objects stand in the class: they may
// alternate with those of others.
func TestASecretIsTakenApartOnce(t *testing.T) {
	large := secrets{"a": `{"k":1,"v":"` + strings.Repeat("x", 1<<20) + `"}`, "b": `{"k":2,"v":"` + strings.Repeat("y", 1<<20) + `"}`}
	var lines []string
	for i := range 800 {
		lines = append(lines, "- secretPath: "+[]string{"a", "b"}[i%2], "  secretKey: k", fmt.Sprintf("  objectName: f%d", i))
	}
	files := rendered(t, large, lines...)
	if len(files) != 800 || files["f0"] != "1" || files["f799"] != "2" {
		t.Errorf("%d files, %q, %q", len(files), files["f0"], files["f799"])
	}
	p := planned(t, request(objects(lines...)))
	resp, _, _ := render(t.Context(), p, large.fetch(p))
	for i, f := range resp.Files {
		if want := fmt.Sprint("f", i); f.Path != want || resp.Versions[i].ID != want {
			t.Fatalf("file %d is %s, version %s", i, f.Path, resp.Versions[i].ID)
		}
	}
}

// TestPathsEnd: what a class may look at is a sum over its objects.
func TestPathsEnd(t *testing.T) {
	large := secrets{"s": `{"k":[` + strings.Repeat(`{"a":1,"b":"aaaaaaaaaaaaaaaaaa"},`, 1800) + `{"a":2}]}`}
	chain := strings.Repeat("#(a=1)#|", 100) + "#(a=1)#"
	for name, c := range map[string]struct {
		path     string
		times    int
		optional bool
	}{
		"a chain": {chain, 4, false}, "a chain that may be absent": {chain, 4, true}, "many": {"#(a==2).a", 1000, false}, "many that find nothing": {"#(a==3).a", 1000, true},
	} {
		var lines []string
		for i := range c.times {
			lines = append(lines, "- secretPath: s", "  secretKey: 'k."+c.path+"'", fmt.Sprintf("  objectName: f%d", i), fmt.Sprint("  optional: ", c.optional))
		}
		kind, text := unrendered(t, large, lines...)
		if kind != failure.TooLarge || !strings.Contains(text, "the objects of this mount look at more than 33554432 bytes of JSON altogether") || strings.Contains(text, "errors:") {
			t.Errorf("%s: %s %s", name, kind, text)
		}
	}
	if got := rendered(t, large, "- secretPath: s", "  secretKey: 'k.#(a==2).a'", "  objectName: f"); got["f"] != "2" {
		t.Errorf("one path: %q", got)
	}
}

func TestTheListOfFilesFitsIntoAnObjectOfKubernetes(t *testing.T) {
	var keys strings.Builder
	for i := range 5_000 {
		fmt.Fprintf(&keys, `,"%0100d":"x"`, i)
	}
	secret := sensitive.New([]byte("{" + keys.String()[1:] + "}"))
	for folders, fits := range map[int]bool{1: true, 2: false} {
		var lines []string
		for i := range folders {
			lines = append(lines, "- secretPath: s", "  allKeys: true", fmt.Sprintf("  objectName: f%d", i))
		}
		p := planned(t, request(objects(lines...)))
		_, _, failures := render(t.Context(), p, map[okms.Ref]fetched{p.reads[0]: {secret: okms.Secret{Version: 1, Data: secret}}})
		if fits != (len(failures) == 0) || !fits && (failures[0].Kind != failure.TooLarge || !strings.Contains(failures[0].What, "so many files")) {
			t.Errorf("%d files: %v", 5_000*folders, failures)
		}
	}
}

// fill takes nearly all of a provider's budget, in many namespaces.
func fill(p *Provider) (empty func()) {
	var all []*budget.Account
	for i := range 40 {
		a := p.budget.Open(fmt.Sprint("crowd", i))
		for n := p.budget.Parts[budget.Making]; n > 16<<10; n /= 2 {
			for a.Take(budget.Making, n) {
			}
		}
		all = append(all, a)
	}
	return func() {
		for _, a := range all {
			a.Close()
		}
	}
}

func TestAMountThatFindsNoRoomFailsInTime(t *testing.T) {
	p := New(Config{})
	defer p.Close()
	empty := fill(p)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := p.Mount(ctx, request())
	if failed, is := err.(*failure.Error); !is || failed.Kind() != failure.NodeFull {
		t.Errorf("error = %v", err)
	}
	account := p.budget.Open("store")
	one := planned(t, request())
	read := map[okms.Ref]fetched{one.reads[0]: {secret: okms.Secret{Version: 1, Data: sensitive.New([]byte("{}"))}}}
	if failures := p.render(ctx, account, one, read, &Response{}); len(failures) != 1 || failures[0].Kind != failure.NodeFull {
		t.Errorf("failures %v", failures)
	}
	// What is known without any room is told.
	refused := map[okms.Ref]fetched{one.reads[0]: {err: &okms.Error{Kind: failure.Denied}}}
	if failures := p.render(ctx, account, one, refused, &Response{}); len(failures) != 1 || failures[0].Kind != failure.Denied {
		t.Errorf("failures %v", failures)
	}
	empty()
	for range 100 {
		func() {
			defer func() { _ = recover() }()
			_ = p.render(t.Context(), account, plan{objects: []object{{}}, reads: []okms.Ref{{}}}, nil, &Response{}) // panics: nothing was read
		}()
	}
	if failures := p.render(t.Context(), account, one, read, &Response{}); len(failures) > 0 {
		t.Errorf("panics keep places: %v", failures)
	}
}

func TestRoomThatIsFreeCountsForWhoHasNoTimeLeft(t *testing.T) {
	p := New(Config{})
	defer p.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	one := planned(t, request())
	refused := map[okms.Ref]fetched{one.reads[0]: {err: &okms.Error{Kind: failure.Denied}}}
	for range 100 {
		if failures := p.render(ctx, p.budget.Open("store"), one, refused, &Response{}); len(failures) != 1 || failures[0].Kind != failure.Denied {
			t.Fatalf("failures %v", failures)
		}
	}
}

func TestAnswersThatAreNotSentYetAreCounted(t *testing.T) {
	p := New(Config{})
	defer p.Close()
	one := planned(t, request(objects("- secretPath: s")))
	read := map[okms.Ref]fetched{one.reads[0]: {secret: okms.Secret{Version: 1, Data: sensitive.New([]byte(`{"a":"` + strings.Repeat("x", 64<<10) + `"}`))}}}
	var waiting []Response
	for p.budget.Used() < p.budget.Parts[budget.Making]/2-2<<20 { // half is what one namespace may have
		account := p.budget.Open("store")
		var r Response
		if failures := p.render(t.Context(), account, one, read, &r); len(failures) > 0 {
			t.Fatalf("failures %v after %d answers", failures, len(waiting))
		}
		account.Close()
		waiting = append(waiting, r)
		if used, least := p.budget.Used(), int64(len(waiting))*2*64<<10; used < least {
			t.Fatalf("%d answers count %d bytes, less than %d", len(waiting), used, least)
		}
	}
	if n := len(waiting); n < 30 {
		t.Errorf("%d answers of 64 KiB fill the budget", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	large := map[okms.Ref]fetched{one.reads[0]: {secret: okms.Secret{Version: 1, Data: sensitive.New([]byte(`{"a":"` + strings.Repeat("x", 400<<10) + `"}`))}}}
	if failures := p.render(ctx, p.budget.Open("store"), one, large, &Response{}); len(failures) != 1 || failures[0].Kind != failure.NodeFull {
		t.Errorf("failures %v", failures)
	}
	for range 2 { // a second call changes nothing
		for _, r := range waiting {
			r.Sent()
		}
	}
	if used := p.budget.Used(); used != 0 {
		t.Errorf("%d bytes are still counted", used)
	}
}

// TestCommasAreNoFiles: what a mount may need is judged by the keys that a secret can have.
func TestCommasAreNoFiles(t *testing.T) {
	p := New(Config{})
	defer p.Close()
	var lines []string
	got := map[okms.Ref]fetched{}
	for i := range 5 {
		lines = append(lines, fmt.Sprint("- secretPath: s", i), "  allKeys: true", fmt.Sprint("  objectName: d", i))
		got[okms.Ref{Path: fmt.Sprint("s", i)}] = fetched{secret: okms.Secret{Version: 1, Data: sensitive.New([]byte(`{"k":"` + strings.Repeat("a,:", 20_000) + `"}`))}}
	}
	var r Response
	account := p.budget.Open("store")
	if failures := p.render(t.Context(), account, planned(t, request(objects(lines...))), got, &r); len(failures) > 0 || len(r.Files) != 5 {
		t.Errorf("%d files, %v", len(r.Files), failures)
	}
	var keys strings.Builder
	for i := range 170_000 {
		fmt.Fprintf(&keys, `,"%d":1`, i)
	}
	got[okms.Ref{Path: "s0"}] = fetched{secret: okms.Secret{Version: 1, Data: sensitive.New([]byte("{" + keys.String()[1:] + "}"))}}
	if failures := p.render(t.Context(), account, planned(t, request(objects(lines[:3]...))), got, &r); len(failures) != 1 || failures[0].Kind != failure.TooLarge {
		t.Errorf("of 170,000 keys: %v", failures)
	}
}

// TestTheCacheGivesWay to mounts, and what it gives are the values that were not used.
func TestTheCacheGivesWay(t *testing.T) {
	p := New(Config{CacheTTL: time.Hour, CacheBytes: 1 << 30, Budget: budget.New(64 << 20)})
	defer p.Close()
	read := func(path string) (asked bool) {
		_, err := p.cache.Get(t.Context(), cache.Read{Key: cache.Key{Ref: okms.Ref{Path: path}}, Do: func(context.Context) (okms.Secret, error) {
			asked = true
			return okms.Secret{Path: path, Version: 1, Data: sensitive.New(make([]byte, 60<<10))}, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		return asked
	}
	for i := range 400 {
		read(fmt.Sprint("s", i))
	}
	if _, kept := p.cache.Size(); kept < 400*60<<10 {
		t.Fatalf("%d bytes are kept", kept)
	}
	empty := fill(p)
	holding := p.budget.Open("one")
	for holding.Take(budget.Holding, 1<<20) {
	}
	running := p.budget.Open("two")
	for running.Take(budget.Running, 1<<20) {
	}
	if _, kept := p.cache.Size(); int64(kept) > p.budget.Free() || kept == 0 {
		t.Errorf("%d bytes are kept of %d that are free", kept, p.budget.Free())
	}
	if read("s399") || !read("s0") {
		t.Error("not the least recently used values were given away")
	}
	holding.Close()
	running.Close()
	empty()
}

func TestClientsOfConnectionsAreNotPushedOut(t *testing.T) {
	now := time.Unix(0, 0)
	pool, with := poolOf(&now)
	held := with("held").origin
	held.connection = "team"
	first, release, err := pool.get(held, "shop")
	if err != nil {
		t.Fatal(err)
	}
	release()
	most := int(pool.budget.Parts[budget.Clients] / perClient)
	for i := range 2 * most {
		now = now.Add(time.Millisecond)
		if _, release, err = pool.get(with(fmt.Sprint("pod", i)).origin, "shop"); err != nil {
			t.Fatal(err)
		}
		release()
	}
	again, release, err := pool.get(held, "shop")
	if err != nil || again.client != first.client || len(pool.byKey) > most+1 {
		t.Errorf("another client: %v, %v, of %d", again.client != first.client, err, len(pool.byKey))
	}
	release()
}

func TestTheCauseStandsBeforeALongListOfObjects(t *testing.T) {
	e := &failure.Error{Class: "shop/shop"}
	for i := range 40 {
		e.Failures = append(e.Failures, failure.Failure{Kind: failure.Unauthenticated, Object: i, Where: fmt.Sprintf("objects[%d] %q", i, strings.Repeat("f", 80)), What: "OKMS refused the token"})
	}
	text := e.Error()
	if at := strings.Index(text, "and 37 more: OKMS refused the token"); at < 0 || at > 500 || !strings.Contains(text, "objects[2] ") || strings.Contains(text, "objects[3] ") {
		t.Errorf("the cause stands at %d of %s", at, text)
	}
	e.Failures = e.Failures[:4]
	if text := e.Error(); !strings.Contains(text, "objects[3] ") { // "and 1 more" is no shorter
		t.Errorf("got %s", text)
	}
}

func TestNothingOfAPodIsLoggedAsALineOfItsOwn(t *testing.T) {
	p := New(Config{Connections: &connections.Set{}})
	defer p.Close()
	r := request(without("region"), without("okmsId"), credentials(nil), with("connection", "x\nI1125 1 mount.go:1] \"mount\" result=\"ok\""))
	response, err := p.Mount(t.Context(), r)
	if err == nil || strings.Contains(response.Connection, "\n") || !strings.HasPrefix(response.Connection, `"x\n`) {
		t.Errorf("%q, %v", response.Connection, err)
	}
}
