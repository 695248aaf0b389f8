package provider

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/auth"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/sensitive"
)

// What bounds the memory and time that one mount, or one pod's mounts, can take.

func TestFewSecretsAreKeptTakenApart(t *testing.T) {
	r := renderer{parsed: map[okms.Ref]parsedSecret{}}
	data := []byte(`{"a":"` + strings.Repeat("x", 60<<10) + `"}`)
	for i := range 100 {
		r.parsedOf(okms.Ref{Path: fmt.Sprint(i)}, data)
		if held := len(r.parsed) * len(data); held > maxParsed {
			t.Fatalf("%d bytes of secrets are kept taken apart", held)
		}
	}
	before := len(r.parsed)
	if r.parsedOf(okms.Ref{Path: "99"}, data); len(r.parsed) != before || before < 2 {
		t.Errorf("%d are kept, then %d", before, len(r.parsed))
	}
	large := []byte(`{"a":"` + strings.Repeat("x", maxParsed) + `"}`)
	if c := r.parsedOf(okms.Ref{Path: "large"}, large); c.err != nil || len(r.parsed) != 1 {
		t.Errorf("%v, and %d are kept", c.err, len(r.parsed))
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
		if fits != (len(failures) == 0) || !fits && (failures[0].Kind != TooLarge || !strings.Contains(failures[0].What, "so many files")) {
			t.Errorf("%d files: %v", 5_000*folders, failures)
		}
	}
}

func TestAMountThatFindsNoPlaceToBeReadFailsInTime(t *testing.T) {
	p := New(Config{})
	defer p.Close()
	for range cap(p.work.places) {
		if _, ok := p.work.begin(t.Context()); !ok {
			t.Fatal("no place")
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := p.Mount(ctx, request())
	if failed, is := err.(*Error); !is || failed.Kind() != NodeFull {
		t.Errorf("error = %v", err)
	}
	if failures := p.render(ctx, plan{}, nil, &Response{}); len(failures) != 1 || failures[0].Kind != NodeFull {
		t.Errorf("failures %v", failures)
	}
	// What is known without a place is told.
	one := planned(t, request())
	refused := map[okms.Ref]fetched{one.reads[0]: {err: &okms.Error{Kind: okms.Denied}}}
	if failures := p.render(ctx, one, refused, &Response{}); len(failures) != 1 || failures[0].Kind != Denied {
		t.Errorf("failures %v", failures)
	}
	<-p.work.places // one ends
	for range 3 {
		func() {
			defer func() { _ = recover() }()
			_ = p.render(t.Context(), plan{objects: []object{{}}}, map[okms.Ref]fetched{}, &Response{}) // panics: nothing was read
		}()
		if n := len(p.work.places); n != cap(p.work.places)-1 {
			t.Fatalf("%d places are taken", n)
		}
	}
}

func TestAFreePlaceCountsForWhoHasNoTimeLeft(t *testing.T) {
	p := New(Config{})
	defer p.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	one := planned(t, request())
	refused := map[okms.Ref]fetched{one.reads[0]: {err: &okms.Error{Kind: okms.Denied}}}
	for range 100 {
		if failures := p.render(ctx, one, refused, &Response{}); len(failures) != 1 || failures[0].Kind != Denied {
			t.Fatalf("failures %v", failures)
		}
	}
}

func TestAnswersThatAreNotSentYetAreBounded(t *testing.T) {
	p := New(Config{})
	defer p.Close()
	one := planned(t, request(objects("- secretPath: s")))
	read := map[okms.Ref]fetched{one.reads[0]: {secret: okms.Secret{Version: 1, Data: sensitive.New([]byte(`{"a":"` + strings.Repeat("x", 1<<20) + `"}`))}}}
	var waiting []Response
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		var r Response
		failures := p.render(ctx, one, read, &r)
		cancel()
		if len(failures) > 0 {
			if failures[0].Kind != NodeFull {
				t.Fatalf("failures %v", failures)
			}
			break
		}
		waiting = append(waiting, r)
	}
	if n := len(waiting); n < 20 || n > maxAnswersHeld>>20 {
		t.Errorf("%d answers of 1 MiB wait to be sent", n)
	}
	for range 2 { // a second call changes nothing
		for _, r := range waiting {
			r.Sent()
		}
	}
	if !p.work.answers.TryAcquire(maxAnswersHeld) || p.work.answers.TryAcquire(1) {
		t.Error("what is counted is not what is held")
	}
}

func TestClientsOfConnectionsAreNotPushedOut(t *testing.T) {
	now := time.Unix(0, 0)
	pool, with := poolOf(&now)
	held := with("held").origin
	held.connection = "team"
	first, release, err := pool.get(held)
	if err != nil {
		t.Fatal(err)
	}
	release()
	for i := range 2 * maxClients {
		now = now.Add(time.Millisecond)
		if _, release, err = pool.get(with(fmt.Sprint("pod", i)).origin); err != nil {
			t.Fatal(err)
		}
		release()
	}
	again, release, err := pool.get(held)
	if err != nil || again.client != first.client || len(pool.byKey) > maxClients+1 {
		t.Errorf("another client: %v, %v, of %d", again.client != first.client, err, len(pool.byKey))
	}
	release()
}

func TestTheCauseStandsBeforeALongListOfObjects(t *testing.T) {
	e := &Error{Class: "shop/shop"}
	for i := range 40 {
		e.Failures = append(e.Failures, Failure{Kind: Unauthenticated, Object: i, Where: fmt.Sprintf("objects[%d] %q", i, strings.Repeat("f", 80)), What: "OKMS refused the token"})
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
	p := New(Config{Connections: &auth.Connections{}})
	defer p.Close()
	r := request(without("region"), without("okmsId"), credentials(nil), with("connection", "x\nI1125 1 mount.go:1] \"mount\" result=\"ok\""))
	response, err := p.Mount(t.Context(), r)
	if err == nil || strings.Contains(response.Connection, "\n") || !strings.HasPrefix(response.Connection, `"x\n`) {
		t.Errorf("%q, %v", response.Connection, err)
	}
}
