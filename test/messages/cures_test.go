// SPDX-License-Identifier: Apache-2.0

package messages

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/explain"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// scenario is a mount and everything that an advice can change.
type scenario struct {
	*testing.T
	*harness.Daemon
	ids    *harness.Identities
	mount  harness.Mount
	repair func() // ends the fault of the store
}

// remedy is a failure of one kind, a part of its advice, its cause, and what follows the
// advice.
type remedy struct {
	kind   failure.Kind
	advice string
	cause  func(*scenario)
	follow func(*scenario)
}

// fault injects a fault into the store until again.
func fault(f emulator.Fault) func(*scenario) {
	return func(p *scenario) { p.repair = p.Store.Break(p.T, f) }
}

// again ends the fault, so that the next attempt of kubelet succeeds.
func again(p *scenario) { p.repair() }

func mountOf(objects string) func(*scenario) {
	return func(p *scenario) { p.mount.Objects = objects }
}

// attribute changes an attribute of the class.
func attribute(name, value string) func(*scenario) {
	return func(p *scenario) { p.mount.Attributes = map[string]string{name: value} }
}

func asToken(value string) func(*scenario) {
	return func(p *scenario) { p.mount.Token = value }
}

// client gives the mount the credential of a service account.
func client(secret string) func(*scenario) {
	return func(p *scenario) {
		p.mount.Secrets = map[string]string{"clientId": harness.ClientID, "clientSecret": secret,
			"tokenUrl": p.Store.URL + emulator.TokenPath}
	}
}

// both returns first and then second.
func both(first, second func(*scenario)) func(*scenario) {
	return func(p *scenario) { first(p); second(p) }
}

// state sets the state of the latest version of the secret "two".
func state(s emulator.State) func(*scenario) {
	return func(p *scenario) {
		p.mount.Objects = "- secretPath: two\n"
		if err := p.Store.SetState("two", 0, s); err != nil {
			p.Fatal(err)
		}
	}
}

// write writes a new version of a secret.
func write(path string) func(*scenario) {
	return func(p *scenario) { p.Store.Hold(p.T, map[string]string{path: `{"a":"new"}`}) }
}

// tooMany mounts the large secrets of these numbers. 70 do not fit into an answer.
func tooMany(p *scenario, from, to int) {
	var list strings.Builder
	for i := from; i < to; i++ {
		path := fmt.Sprintf("large%d", i)
		p.Store.Hold(p.T, map[string]string{path: `{"a":"` + strings.Repeat("x", 60000) + `"}`})
		fmt.Fprintf(&list, "- secretPath: %s\n", path)
	}
	p.mount.Objects = list.String()
}

// overTeam mounts with the connection team.
func overTeam(objects string) func(*scenario) {
	return func(p *scenario) { p.mount = harness.OverConnection("team", objects, nil) }
}

// allowPay allows the path, as the operator can.
func allowPay(p *scenario) {
	before := p.ids.Reloads()
	p.ids.Config(p.T, strings.ReplaceAll(p.Store.TwoConnections(), `"prod/shop/**"`, `"prod/shop/**", "prod/pay/*"`))
	p.ids.Await(p.T, before, func(r connections.Reload) bool { return r.Connection == "team" && r.Err == nil })
}

// grant grants a token the action that the advice names.
func grant(p *scenario) {
	if err := p.Store.AddToken("may-nothing", emulator.Identity{Actions: []string{explain.ActionRead}}); err != nil {
		p.Fatal(err)
	}
}

// remedies returns the failures by kind. A kind with several advices has several entries.
func remedies() []remedy {
	const page = "<html>hello</html>"
	return []remedy{
		{failure.Invalid, `did you mean "secretPath"?`, mountOf("- secretpath: one\n"), mountOf("- secretPath: one\n")},
		{failure.EndpointRefused, "use a host of OVHcloud, or ask the cluster's administrator to add this one",
			attribute("endpoint", "https://okms.example"), attribute("okmsId", "734b9b45-8b1a-469c-b140-b10bd6540017")},
		{failure.NotAllowed, "it allows prod/shop/**", overTeam("- secretPath: prod/pay/card\n"),
			overTeam("- secretPath: prod/shop/db\n")},
		{failure.NotAllowed, "drop secret/data/: the path is prod/shop/db",
			overTeam("- secretPath: secret/data/prod/shop/db\n"), overTeam("- secretPath: prod/shop/db\n")},
		{failure.NotAllowed, "it allows prod/shop/**", overTeam("- secretPath: prod/pay/card\n"), allowPay},
		{failure.NotAllowed, "check the name, or ask the cluster's administrator to allow it",
			func(p *scenario) {
				p.mount = harness.OverConnection("taem", "- secretPath: prod/shop/db\n",
					nil)
			}, overTeam("- secretPath: prod/shop/db\n")},
		{failure.NotAllowed,
			"give region, okmsId and nodePublishSecretRef, or ask the cluster's administrator for a connection",
			func(p *scenario) {
				p.mount = harness.OverConnection("", "- secretPath: one\n",
					nil)
			}, func(p *scenario) { p.mount = harness.Mount{Objects: "- secretPath: one\n"} }},
		{failure.TooLarge, "use several classes and volumes", func(p *scenario) { tooMany(p, 0, 70) },
			func(p *scenario) { tooMany(p, 0, 35) }},
		{failure.TooLarge, "use several classes and volumes", func(p *scenario) { tooMany(p, 0, 70) },
			func(p *scenario) { tooMany(p, 35, 70) }},
		{failure.NoCredential, "name a Secret with a token", func(p *scenario) { p.mount.Secrets = map[string]string{} },
			func(p *scenario) { p.mount.Secrets = token(harness.Token) }},
		{failure.NoCredential, `its keys are "pat"; rename them`,
			func(p *scenario) { p.mount.Secrets = map[string]string{"pat": harness.Token} },
			func(p *scenario) { p.mount.Secrets = token(harness.Token) }},
		{failure.ClientRefused, "check clientId and clientSecret, and tokenUrl", client("wrong"),
			client(harness.ClientSecret)},
		{failure.Unauthenticated, "it is wrong, expired, revoked, or not of this OKMS domain", asToken("eyJ.wrong"),
			asToken(harness.Token)},
		{failure.Unauthenticated, "the token is in quotes; store it without them", asToken(`"` + harness.Token + `"`),
			asToken(harness.Token)},
		{failure.Denied, "grant its identity the IAM action okms:apikms:secret/version/getData on the OKMS domain",
			asToken("may-nothing"), grant},
		{failure.Denied,
			"grant its identity the IAM actions okms:apikms:secret/version/getData and okms:apikms:secret/get on the " +
				"OKMS domain",
			func(p *scenario) {
				attribute("api", "rest")(p)
				asToken("may-nothing")(p)
			}, func(p *scenario) {
				if err := p.Store.AddToken("may-nothing",
					emulator.Identity{Actions: []string{explain.ActionRead, explain.ActionDescribe}}); err != nil {
					p.Fatal(err)
				}
			}},
		{failure.DomainUnknown, "check okmsId and region", attribute("okmsId", "00000000-0000-4000-8000-000000000000"),
			func(p *scenario) { p.mount.Attributes = nil }},
		{failure.SecretAbsent, "check secretPath, which is case-sensitive", mountOf("- secretPath: ONE\n"),
			mountOf("- secretPath: one\n")},
		{failure.SecretAbsent, "optional: true lets the mount go on without the file",
			mountOf("- secretPath: two\n- secretPath: ONE\n"), mountOf("- secretPath: two\n- secretPath: ONE\n  optional: " +
				"true\n")},
		{failure.SecretAbsent, "drop secret/data/: the path is one", mountOf("- secretPath: secret/data/one\n"),
			mountOf("- secretPath: one\n")},
		{failure.VersionAbsent, "the latest active version is 2", mountOf("- secretPath: two\n  objectVersion: 9\n"),
			mountOf("- secretPath: two\n  objectVersion: 2\n")},
		{failure.KeyAbsent, `did you mean "a"?`, mountOf("- secretPath: one\n  secretKey: A\n"),
			mountOf("- secretPath: one\n  secretKey: a\n")},
		{failure.Deactivated, "reactivate it", state(emulator.Deactivated), state(emulator.Active)},
		{failure.Deactivated, "write a new version", state(emulator.Deactivated), write("two")},
		{failure.Deactivated, "pin an active one with objectVersion; the latest active version is 1",
			state(emulator.Deactivated), mountOf("- secretPath: two\n  objectVersion: 1\n")},
		{failure.Deleted, "write a new version", state(emulator.Deleted), write("two")},
		{failure.Deleted, "pin an active one with objectVersion; the latest active version is 1", state(emulator.Deleted),
			mountOf("- secretPath: two\n  objectVersion: 1\n")},
		{failure.Unusable, "correct the value in Secret Manager",
			mountOf("- secretPath: odd\n  secretKey: a\n  encoding: base64\n"), func(p *scenario) {
				p.Store.Hold(p.T,
					map[string]string{"odd": `{"a":"YQ=="}`})
			}},
		{failure.Unusable, "or drop encoding", mountOf("- secretPath: odd\n  secretKey: a\n  encoding: base64\n"),
			mountOf("- secretPath: odd\n  secretKey: a\n")},
		{failure.Unusable, "optional: true lets the mount go on",
			mountOf("- secretPath: two\n- secretPath: none\n  allKeys: true\n"), mountOf("- secretPath: two\n- secretPath: " +
				"none\n  allKeys: true\n  optional: true\n")},
		{failure.Rejected, "check okmsId and secretPath", both(fault(emulator.Fault{Path: "/ONE", Status: 400}),
			mountOf("- secretPath: ONE\n")), mountOf("- secretPath: one\n")},
		{failure.Untrusted, "give its certificate authority in caBundle", attribute("caBundle", ""),
			func(p *scenario) { p.mount.Attributes = nil }},
		{failure.Unreadable, "", fault(emulator.Fault{Status: 200, ContentType: "text/html", Body: page}), again},
		{failure.Failing, "perhaps of a proxy or firewall on the way; kubelet tries again",
			fault(emulator.Fault{Status: 403, ContentType: "text/html", Body: page}), again},
		{failure.Limited, "kubelet tries again", fault(emulator.Fault{Status: 429}), again},
		{failure.Failing, "kubelet tries again", fault(emulator.Fault{Status: 503}), again},
		{failure.Unreachable, "kubelet tries again", fault(emulator.Fault{CloseAfterHeaders: true}), again},
		{failure.TimedOut, "kubelet tries again", fault(emulator.Fault{Hang: true}), again},
		{failure.TokenFailing, "kubelet tries again", both(client(harness.ClientSecret),
			fault(emulator.Fault{Path: "oauth2", Status: 503})), again},
	}
}

// untested has the kinds that no mount of this test can have, and why.
var untested = map[failure.Kind]string{
	failure.Broken:   "a user cannot cure a bug in the program",
	failure.NodeFull: "TestLargeMountsWaitAndSmallOnesDoNot and TestUnreadRequestsAreBounded try again",
}

// For each kind of failure, a mount fails with it, gives an advice, and succeeds when the
// advice is followed.
func TestEveryAdviceWorks(t *testing.T) {
	t.Parallel()
	tested := map[failure.Kind]bool{}
	for i, c := range remedies() {
		tested[c.kind] = true
		t.Run(fmt.Sprintf("%d %s", i, c.kind), func(t *testing.T) {
			t.Parallel()
			timeout := 30 * time.Second // for a busy machine
			if c.kind.MayPass() {
				timeout = 3 * time.Second // the fault is retried for as long
			}
			p := newScenario(t, timeout)
			c.cause(p)
			_, err := p.Do(t.Context(), p.mount)
			if err == nil || harness.Forbidden(err) || !strings.Contains(err.Error(), c.advice) {
				t.Fatalf("the mount ended with %v, which does not say %s", err, c.advice)
			}
			p.WantKind(t, c.kind)
			c.follow(p)
			if files, err := p.Do(t.Context(), p.mount); err != nil || len(files) == 0 {
				t.Errorf("the advice does not help: %d files, %v", len(files), err)
			}
		})
	}
	for _, kind := range failure.Kinds() {
		if tested[kind] == (untested[kind] != "") {
			t.Errorf("no advice of %s is followed", kind)
		}
	}
}

// newScenario returns a mount that succeeds, of a daemon with the connection team.
func newScenario(t *testing.T, timeout time.Duration) *scenario {
	t.Helper()
	store := harness.StartStore(t)
	store.Hold(t, map[string]string{"one": `{"a":"1"}`, "two": `{"a":"1"}`, "odd": `{"a":"!"}`, "none": `{}`,
		"prod/shop/db": `{"a":"1"}`, "prod/pay/card": `{"a":"1"}`})
	store.Hold(t, map[string]string{"two": `{"a":"2"}`})
	for name, identity := range map[string]emulator.Identity{harness.HeldToken: {Name: "held"},
		"may-nothing": {Actions: []string{}}} {
		if err := store.AddToken(name, identity); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.AddClient(harness.ClientID, harness.ClientSecret, emulator.Identity{Name: "service"}); err != nil {
		t.Fatal(err)
	}
	ids := harness.NewIdentities(t, store.TwoConnections(),
		map[string]map[string]string{"team": {"token": harness.HeldToken}, "other": {"token": harness.HeldToken}})
	d := harness.Start(t, harness.Options{Emulator: store, Connections: ids.Connections, MountTimeout: timeout})
	return &scenario{T: t, Daemon: d, ids: ids, mount: harness.Mount{Objects: "- secretPath: one\n"}, repair: func() {}}
}
