// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"k8s.io/klog/v2"

	"ovhcloud-csi-provider/provider/config"
	"ovhcloud-csi-provider/provider/rules"
)

const file = `connections:
  team:
    region: eu-west-par
    okmsId: 734b9b45-8b1a-469c-b140-b10bd6540017
    credentialsDir: /nowhere/team
    fallback: rbx
    allow:
      - {namespaces: [shop, "team-*"], serviceAccounts: ["*"], paths: ["prod/shop/**", "prod/*/public"]}
      - {namespaces: [pay], serviceAccounts: [teller], paths: [prod/pay/card]}
  rbx:
    region: eu-west-rbx
    okmsId: 734b9b45-8b1a-469c-b140-b10bd6540018
    credentialsDir: /nowhere/rbx
    allow: [{namespaces: [shop], serviceAccounts: [web], paths: ["**"]}]
`

func connections(t *testing.T, text string) Connections {
	t.Helper()
	all, err := config.Parse(text, 1)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWhoCan(t *testing.T) {
	all := connections(t, file)
	for path, want := range map[string]string{
		"prod/shop/db":     "[{rbx 0 [shop] [web] [**] [team]} {team 0 [shop team-*] [*] [prod/shop/**] []}]",
		"prod/shop/public": "[{rbx 0 [shop] [web] [**] [team]} {team 0 [shop team-*] [*] [prod/shop/** prod/*/public] []}]",
		"prod/pay/card":    "[{rbx 0 [shop] [web] [**] [team]} {team 1 [pay] [teller] [prod/pay/card] []}]",
		"prod/shop/":       "[{rbx 0 [shop] [web] [**] [team]} {team 0 [shop team-*] [*] [prod/shop/**] []}]",
		"/":                "[{rbx 0 [shop] [web] [**] [team]}]",
	} {
		if got, err := all.WhoCan(path); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v; want %s", path, got, err, want)
		}
	}
	for _, path := range []string{"", "/prod", "prod//x", "prod/../x", "prod/*"} {
		if got, err := all.WhoCan(path); err == nil {
			t.Errorf("%q: %v", path, got)
		}
	}
}

func TestCases(t *testing.T) {
	all := connections(t, file)
	for text, want := range map[string]string{
		"{connection: team, namespace: shop, path: prod/shop/db, allowed: true}":                      "",
		"{connection: team, namespace: team-x, serviceAccount: a, path: prod/shop/db, allowed: true}": "",
		"{connection: team, namespace: pay, path: prod/pay/card, allowed: false}":                     "",
		"{connection: team, namespace: shop, paths: [prod/shop/, prod/shop/x/], allowed: true}":       "",
		"{connection: team, namespace: shop, path: prod/, allowed: false}":                            "",
		"{connection: team, namespace: pay, serviceAccount: teller, paths: [prod/pay/card, prod/pay], " +
			"allowed: true}": `2: service account "teller" of namespace "pay" may not read "prod/pay": no rule of connection team allows it`,
		"{connection: team, namespace: shop, path: prod/a/public, " +
			"allowed: false}": `2: service account "default" of namespace "shop" may read "prod/a/public": allow[0] of connection team allows it`,
		"{connection: taem, namespace: shop, path: x, " +
			"allowed: false}": `2: there is no connection "taem"; did you mean "team"?`,
		"{namespace: shop, path: x, allowed: false}": `2: there is no connection "default"; valid are rbx, team`,
		"{namespace: shop, path: x, alowed: false}":  `2: cases[0].alowed: unknown field; did you mean "allowed"?`,
		"{namespace: shop, path: x}":                 "2: cases[0].allowed: is missing, or neither true nor false",
		"{namespace: shop, path: x, allowed: maybe}": "2: cases[0].allowed: is missing, or neither true nor false",
		"{path: x, allowed: true}":                   "2: cases[0].namespace: is missing",
		"{namespace: [a], path: x, allowed: true}":   "2: cases[0].namespace: is a list; want a single value",
		"{namespace: shop, allowed: true}":           "2: cases[0].path: is missing",
		"{namespace: shop, path: x, paths: [y], allowed: true}": "2: cases[0].path: cannot be combined with paths; drop " +
			"one of them",
		"{namespace: shop, paths: x, allowed: true}": "2: cases[0].paths: is a single value, not a list of paths",
		"{namespace: shop, path: prod/*, " +
			"allowed: true}": `2: cases[0].path: "prod/*" may hold only letters, digits and _ . : / = @ -; wildcards are not supported: name each secret`,
		"x": "2: cases[0]: is a single value, not a map",
	} {
		_, wrong, err := all.Test("cases:\n- " + text + "\n")
		var got []string
		for _, m := range wrong {
			got = append(got, fmt.Sprintf("%d: %s", m.Line, m.Text))
		}
		if strings.Join(got, "\n") != want || err != nil {
			t.Errorf("%s:\ngot  %q, %v\nwant %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{"": "is empty", "cases: [": "is not YAML"} {
		if _, _, err := all.Test(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"[]", "cases: []", "cases: {}", "case: []", "{}"} {
		if _, wrong, err := all.Test(text); len(wrong) != 1 || err != nil {
			t.Errorf("%q: %v, %v", text, wrong, err)
		}
	}
}

// audited writes records of mounts as the daemon does, in text or JSON.
func audited(t *testing.T, json bool, records func()) string {
	t.Helper()
	var out bytes.Buffer
	state := klog.CaptureState()
	defer state.Restore()
	if json {
		klog.SetSlogLogger(slog.New(slog.NewJSONHandler(&out, nil)))
	} else {
		set := flag.NewFlagSet("", flag.ContinueOnError)
		klog.InitFlags(set)
		if err := set.Parse([]string{"--logtostderr=false", "--one_output", "--stderrthreshold=FATAL"}); err != nil {
			t.Fatal(err)
		}
		klog.SetOutput(&out)
	}
	records()
	klog.Flush()
	return out.String()
}

func mount(uid, namespace, account, connection string, secrets ...string) {
	klog.InfoS("mount", "result", "ok", "pod", klog.KRef(namespace, "web-"+uid), "uid", uid, "serviceAccount", account,
		"secretProviderClass", namespace+"/shop",
		"connection", connection, "credential", "token 1", "secrets", secrets, "files", 2, "error",
		`a "quoted" connection="x" text`)
}

func TestRulesFromTheLog(t *testing.T) {
	records := func() {
		klog.InfoS("the file of connections is in use", "connection", "team")
		mount("1", "shop", "web", "team", "prod/shop/db@3", "a@b@c@1")
		mount("1", "shop", "web", "team", "prod/shop/db@4")
		mount("2", "shop", "api", "team", "prod/shop/db@3", "a@b@c@2")
		mount("3", "store", "web", "team", "prod/shop/db@3", "a@b@c@2")
		mount("4", "store", "api", "team", "prod/shop/db@3", "a@b@c@2")
		mount("5", "pay", "teller", "rbx", "prod/pay/card@1", "and 2 more")
		klog.InfoS("mount, further secrets", "uid", "5", "secretProviderClass", "pay/shop", "secrets",
			[]string{"prod/pay/pin@1", "7@2"})
		mount("6", "shop", "web", "", "own/secret@1")
		mount("7", "shop", "web", "team,rbx", "mixed@1")
		mount("8", "sync", "", "rbx", "true@1", "and 5 more")
		klog.ErrorS(nil, "mount", "result", "denied", "pod", klog.KRef("shop", "x"), "uid", "9", "serviceAccount", "web",
			"connection", "team", "secrets", []string(nil))
	}
	const want = `connections:
  rbx:
    allow:
      - namespaces: [pay]
        serviceAccounts: [teller]
        paths:
          - "7"
          - prod/pay/card
          - prod/pay/pin
      - namespaces: [sync]
        serviceAccounts: ["*"]
        paths:
          - "true"
  team:
    allow:
      - namespaces: [shop, store]
        serviceAccounts: [api, web]
        paths:
          - "a@b@c"
          - prod/shop/db
`
	for name, json := range map[string]bool{"text": false, "JSON": true} {
		log := audited(t, json, records)
		if json {
			log = "[pod/provider-x/provider] " + strings.ReplaceAll(log, "\n{", "\n[pod/provider-x/provider] {")
		}
		reads, err := ReadAudit(strings.NewReader("garbage {\n" + log))
		if err != nil || reads.Records != 10 || reads.Mixed != 1 || reads.Cut != 1 {
			t.Errorf("%s: %+v, %v\n%s", name, reads, err, log)
		}
		if got := reads.Rules(); got != want {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}

// TestRulesFromAuditRecords: the records are those that the daemon writes with --audit-log.
func TestRulesFromAuditRecords(t *testing.T) {
	const of = `"version":"v1","namespace":"shop","pod":"web-0","serviceAccount":"web","secretProviderClass":"shop/db"`
	reads, err := ReadAudit(strings.NewReader(`{` + of +
		`,"kind":"mount","uid":"1","result":"ok","connection":"team","secrets":["a@1","b@c@2"],"furtherSecrets":3}
{` + of + `,"kind":"more","uid":"1","connection":"team","secrets":["d@1"],"furtherSecrets":2}
{` + of + `,"kind":"more","uid":"1","connection":"team","secrets":["e@1","f@1"]}
{"version":"v1","kind":"lost","lostSlow":3}
{` + of + `,"kind":"mount","uid":"2","result":"denied","connection":"team"}
{` + of + `,"kind":"mount","uid":"3","result":"ok","secrets":["own@1"]}
[pod/x] {` + of + `,"kind":"mount","uid":"4","result":"ok","connection":"rbx","secrets":["g@1"],"furtherSecrets":9}
{"version":"v2","kind":"mount","uid":"5","namespace":"shop","connection":"team","secrets":["h@1"]}
`))
	var got []string
	for read := range reads.All {
		got = append(got, strings.Join([]string{read.Connection, read.Namespace, read.Account, read.Path}, " "))
	}
	slices.Sort(got)
	want := "rbx shop web g,team shop web a,team shop web b@c,team shop web d,team shop web e,team shop web f"
	if strings.Join(got, ",") != want || err != nil || reads.Records != 4 || reads.Cut != 1 || reads.Mixed != 0 {
		t.Errorf("got %q, %+v, %v", got, reads, err)
	}
}

// TestTheRulesAllowWhatWasReadAndNothingElse asks the provider's own code, for reads at random.
func TestTheRulesAllowWhatWasReadAndNothingElse(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(all ...string) string { return all[random.IntN(len(all))] }
	one := func() Read {
		return Read{pick("team", "rbx"), pick("shop", "pay", "123", "on"), pick("web", "api.v1", "7"),
			pick("prod/a", "prod/b", "2024", "a=b@c:d", "x-y/0.1")}
	}
	for range 300 {
		reads := &Reads{All: map[Read]bool{}}
		for range 1 + random.IntN(12) {
			reads.All[one()] = true
		}
		text := reads.Rules()
		const rest = "    region: eu-west-par\n    okmsId: 734b9b45-8b1a-469c-b140-b10bd6540017\n    credentialsDir: " +
			"/nowhere\n    allow:\n"
		all := connections(t, strings.ReplaceAll(text, "    allow:\n", rest))
		for range 200 {
			read := one()
			if got := rules.For(all[read.Connection].Rules, read.Namespace, read.Account).Allows(read.Path); got !=
				reads.All[read] {
				t.Fatalf("%+v: %v\n%s", read, got, text)
			}
		}
	}
}
