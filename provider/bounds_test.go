// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/plan/plantest"
	"ovhcloud-csi-provider/provider/read"
	"ovhcloud-csi-provider/provider/render"
	"ovhcloud-csi-provider/provider/sensitive"
)

// denied is a read that OKMS did not allow.
var denied = render.Input{Unread: func(o class.Object) failure.Failure {
	return failure.Failure{Kind: failure.Denied, Object: o.Number, Where: o.Where(), What: "denied"}
}}

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
	_, err := p.Mount(ctx, Request{Attributes: plantest.Request().Attributes, Credentials: plantest.Request().Credentials})
	if failed, is := err.(*failure.Error); !is || failed.Kind() != failure.NodeFull {
		t.Errorf("error = %v", err)
	}
	account := p.budget.Open("store")
	one := plantest.Planned(t, plantest.Request())
	read := map[plan.Read]render.Input{one.Reads[0]: {Secret: okms.Secret{Version: 1, Data: sensitive.New([]byte("{}"))}}}
	if failures := p.render(ctx, account, one, read, &Response{}); len(failures) != 1 ||
		failures[0].Kind != failure.NodeFull {
		t.Errorf("failures %v", failures)
	}
	// What is known without any room is told.
	refused := map[plan.Read]render.Input{one.Reads[0]: denied}
	if failures := p.render(ctx, account, one, refused, &Response{}); len(failures) != 1 ||
		failures[0].Kind != failure.Denied {
		t.Errorf("failures %v", failures)
	}
	empty()
	for range 100 {
		func() {
			defer func() { _ = recover() }()
			// panics: nothing was read
			_ = p.render(t.Context(), account, plan.Plan{Objects: []class.Object{{}}, Reads: []plan.Read{{}}}, nil, &Response{})
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
	one := plantest.Planned(t, plantest.Request())
	refused := map[plan.Read]render.Input{one.Reads[0]: denied}
	for range 100 {
		if failures := p.render(ctx, p.budget.Open("store"), one, refused, &Response{}); len(failures) != 1 ||
			failures[0].Kind != failure.Denied {
			t.Fatalf("failures %v", failures)
		}
	}
}

func TestAnswersThatAreNotSentYetAreCounted(t *testing.T) {
	p := New(Config{})
	defer p.Close()
	one := plantest.Planned(t, plantest.Request(plantest.Objects("- secretPath: s")))
	read := map[plan.Read]render.Input{one.Reads[0]: {Secret: okms.Secret{Version: 1,
		Data: sensitive.New([]byte(`{"a":"` + strings.Repeat("x", 64<<10) + `"}`))}}}
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
	large := map[plan.Read]render.Input{one.Reads[0]: {Secret: okms.Secret{Version: 1,
		Data: sensitive.New([]byte(`{"a":"` + strings.Repeat("x", 400<<10) + `"}`))}}}
	if failures := p.render(ctx, p.budget.Open("store"), one, large, &Response{}); len(failures) != 1 ||
		failures[0].Kind != failure.NodeFull {
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
	got := map[plan.Read]render.Input{}
	for i := range 5 {
		lines = append(lines, fmt.Sprint("- secretPath: s", i), "  allKeys: true", fmt.Sprint("  objectName: d", i))
		got[plan.Read{Ref: okms.Ref{Path: fmt.Sprint("s", i)}}] = render.Input{Secret: okms.Secret{Version: 1,
			Data: sensitive.New([]byte(`{"k":"` + strings.Repeat("a,:", 20_000) + `"}`))}}
	}
	var r Response
	account := p.budget.Open("store")
	if failures := p.render(t.Context(), account, plantest.Planned(t, plantest.Request(plantest.Objects(lines...))), got,
		&r); len(failures) > 0 || len(r.Files) != 5 {
		t.Errorf("%d files, %v", len(r.Files), failures)
	}
	var keys strings.Builder
	for i := range 170_000 {
		fmt.Fprintf(&keys, `,"%d":1`, i)
	}
	got[plan.Read{Ref: okms.Ref{Path: "s0"}}] = render.Input{Secret: okms.Secret{Version: 1,
		Data: sensitive.New([]byte("{" + keys.String()[1:] + "}"))}}
	if failures := p.render(t.Context(), account, plantest.Planned(t, plantest.Request(plantest.Objects(lines[:3]...))),
		got, &r); len(failures) != 1 || failures[0].Kind != failure.TooLarge {
		t.Errorf("of 170,000 keys: %v", failures)
	}
}

func TestNothingOfAPodIsLoggedAsALineOfItsOwn(t *testing.T) {
	p := New(Config{Connections: &connections.Set{}})
	defer p.Close()
	r := plantest.Request(plantest.Without("region"), plantest.Without("okmsId"), plantest.Credentials(nil),
		plantest.With("connection", "x\nI1125 1 mount.go:1] \"mount\" result=\"ok\""))
	response, err := p.Mount(t.Context(), Request{Attributes: r.Attributes, Credentials: r.Credentials})
	if err == nil || strings.Contains(response.Connection, "\n") || !strings.HasPrefix(response.Connection, `"x\n`) {
		t.Errorf("%q, %v", response.Connection, err)
	}
}

// running takes nearly all memory of mounts in progress, but for a rest of bytes, until free is called.
func running(p *Provider, rest int64) (free func()) {
	var all []*budget.Account
	for i := range 40 {
		a := p.budget.Open(fmt.Sprint("crowd", i))
		for n := p.budget.Parts[budget.Running]; n > 1<<10; n /= 2 {
			for p.budget.Parts[budget.Running]-p.budget.UsedBy(budget.Running)-n >= rest && a.Take(budget.Running, n) {
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

// kindIn returns what a mount fails with within ten simulated seconds, "" if it succeeds.
func kindIn(t *testing.T, p *Provider, objects string) failure.Kind {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r := plantest.Request(plantest.With("objects", objects))
	_, err := p.Mount(ctx, Request{Attributes: r.Attributes, Credentials: r.Credentials})
	if failed, is := err.(*failure.Error); is {
		return failed.Kind()
	}
	return ""
}

// A plan takes memory, up to a megabyte for 1,000 objects: 160 mounts that waited with one held five times what
// was counted.
func TestAMountDoesNotWaitForMemoryWithAPlan(t *testing.T) {
	const invalid = "- {secretPaht: a}"
	const large = `- {"\x66ind": {path: "a/"}, objectName: f}` // its plan takes more than is expected of its text
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{})
		defer p.Close()
		free := running(p, 0)
		if kind := kindIn(t, p, invalid); kind != failure.NodeFull {
			t.Errorf("%q, which needs the plan", kind)
		}
		free()
		if kind := kindIn(t, p, invalid); kind != failure.Invalid {
			t.Errorf("%q with memory", kind)
		}
		if kind := kindIn(t, p, large); kind != failure.Unreachable {
			t.Errorf("%q, though no other mount is in progress", kind)
		}
		free = running(p, 4*read.Expected(large)) // a namespace leaves as much as it takes
		crowd := p.budget.UsedBy(budget.Running)
		go func() {
			time.Sleep(5 * time.Second)
			if used := p.budget.UsedBy(budget.Running); used != crowd {
				t.Errorf("a mount that waits holds %d bytes", used-crowd)
			}
		}()
		if kind := kindIn(t, p, large); kind != failure.NodeFull {
			t.Errorf("%q, which needs more than the rest", kind)
		}
		free()
		if used := p.budget.UsedBy(budget.Running); used != 0 {
			t.Errorf("%d bytes are held after the mounts", used)
		}
	})
}

// One namespace may hold half of the memory of mounts in progress. What is expected of a class may be far more than
// it takes, and must not keep it waiting then.
func TestAClassDoesNotWaitForMoreMemoryThanItTakes(t *testing.T) {
	var templates strings.Builder
	for n := range 300 {
		fmt.Fprintf(&templates,
			"- {objectName: f%d, secrets: {db: a}, template: '{{ .db.user }}:{{ .db.password }}@{{ .db.host }}'}\n", n)
	}
	for name, c := range map[string]struct {
		objects string
		limit   int64
		want    failure.Kind
	}{
		"templates":    {templates.String(), 256 << 20, failure.Unreachable},
		"some of them": {templates.String()[:4096] + "'}", 64 << 20, failure.Invalid},
		"a comment": {"- {secretPath: a, objectName: f}\n" + strings.Repeat("# a: b, c\n", 9_000), 256 << 20,
			failure.Unreachable},
		"for a larger node": {templates.String(), 64 << 20, failure.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				down := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("down") }
				p := New(Config{Reader: ReaderConfig{Budget: budget.New(c.limit), Dial: down}})
				defer p.Close()
				other := p.budget.Open("other")
				defer other.Close()
				if !other.Take(budget.Running, p.budget.Parts[budget.Running]/2) {
					t.Fatal("one namespace cannot hold half")
				}
				if kind := kindIn(t, p, c.objects); kind != c.want {
					t.Errorf("%q, want %q", kind, c.want)
				}
			})
		})
	}
}
