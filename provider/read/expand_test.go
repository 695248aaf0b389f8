// SPDX-License-Identifier: Apache-2.0

package read

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/plan/plantest"
	"ovhcloud-csi-provider/provider/sensitive"
)

// domain is what a store has, by reference: a text, or a kind of failure. What it does not have is
// absent.
type domain map[okms.Ref]any

func (d domain) read(ref okms.Ref) Result {
	switch has := d[ref].(type) {
	case string:
		return Result{Secret: okms.Secret{Path: ref.Path, Version: ref.Version, Data: sensitive.New([]byte(has))}}
	case failure.Kind:
		return Result{Err: &okms.Error{Kind: has}}
	}
	return Result{Err: &okms.Error{Kind: failure.SecretAbsent}}
}

func folder(path string) okms.Ref   { return okms.Ref{What: okms.Folder, Path: path} }
func versions(path string) okms.Ref { return okms.Ref{What: okms.Versions, Path: path} }
func at(path string, version int) okms.Ref {
	return okms.Ref{Path: path, Version: version}
}

// expanded returns the complete expansion of a request, and how many rounds of reads it took.
func (d domain) expanded(t *testing.T, r plan.Request) (x *expansion, rounds int) {
	t.Helper()
	x = newExpansion(plantest.Planned(t, r))
	for missing := x.round(); len(missing) > 0; missing = x.round() {
		for _, read := range missing {
			x.got[read] = d.read(read.Ref)
		}
		if rounds++; rounds > 300 {
			t.Fatal("the expansion does not end")
		}
	}
	return x, rounds
}

// files returns the files that an expansion makes, with what they are made of, and its failures.
func (x *expansion) files() (files []string, failures string) {
	for _, o := range x.objects {
		file := o.File() + " of " + o.SecretPath
		if o.Version != 0 {
			file += fmt.Sprintf("@%d", o.Version)
		}
		files = append(files, file)
	}
	var texts []string
	for _, f := range x.failures {
		texts = append(texts, string(f.Kind)+" "+f.Where+" "+f.Text())
	}
	return files, strings.Join(texts, "\n")
}

func TestExpansion(t *testing.T) {
	tree := domain{
		folder("prod"): "prod/a\nprod/b/\nprod/db-on\n", folder("prod/b"): "prod/b/deep-on\nprod/b/c/\n",
		folder("prod/b/c"): "prod/b/c/x\n",
		folder(""):         "top\nprod/\n", folder("empty"): "", folder("refused"): failure.Denied,
		at("top", 0): "{}", at("prod/a", 0): "{}", at("prod/db-on", 0): "{}", at("prod/b/deep-on", 0): "{}",
		at("prod/b/c/x", 0): "{}",

		at("bad", 0): failure.Deactivated, versions("bad"): "4 deactivated\n3 deleted\n2 active\n1 active\n",
		at("bad", 2): "{}", at("bad", 1): "{}",
		at("none", 0): failure.Deactivated, versions("none"): "1 deactivated\n",
		at("closed", 0): failure.Deactivated, versions("closed"): failure.Denied,
	}
	for name, c := range map[string]struct {
		object   string
		files    []string
		failures string
		rounds   int
	}{
		"all levels": {"{find: {path: prod/}, objectName: f}",
			[]string{"f/a of prod/a", "f/b/c/x of prod/b/c/x", "f/b/deep-on of prod/b/deep-on", "f/db-on of prod/db-on"}, "", 4},
		"a pattern": {`{find: {path: prod, regexp: "-on$"}}`,
			[]string{"b/deep-on of prod/b/deep-on", "db-on of prod/db-on"}, "", 4},
		"begins below": {`{find: {path: prod, regexp: "^b/"}}`,
			[]string{"b/c/x of prod/b/c/x", "b/deep-on of prod/b/deep-on"}, "", 4},
		"the root": {`{find: {path: /, regexp: "^top$"}}`, []string{"top of top"}, "", 5},
		"nothing": {"{find: {path: empty}}", nil,
			`secret_absent objects[0] (the secrets below "empty/") find selects no secret`, 1},
		"nothing, optional":  {"{find: {path: empty}, optional: true}", []string{" of "}, "", 1},
		"refused":            {"{find: {path: refused}, optional: true}", nil, "denied", 1},
		"rolled back":        {"{secretPath: bad, objectVersion: latest-active}", []string{"bad of bad@2"}, "", 3},
		"no active version":  {"{secretPath: none, objectVersion: latest-active}", []string{"none of none@-1"}, "", 2},
		"no right to list":   {"{secretPath: closed, objectVersion: latest-active}", nil, "okms:apikms:secret/get", 2},
		"the latest is good": {"{secretPath: top, objectVersion: latest-active}", []string{"top of top@-1"}, "", 1},
		"an absent secret":   {"{secretPath: gone, objectVersion: latest-active}", []string{"gone of gone@-1"}, "", 1},
		"history": {"{secretPath: bad, objectVersionHistory: 5}",
			[]string{"bad/0 of bad@2", "bad/1 of bad@1"}, "", 2},
		"a short history":    {"{secretPath: bad, objectVersionHistory: 1, objectName: x}", []string{"x/0 of bad@2"}, "", 2},
		"no history":         {"{secretPath: none, objectVersionHistory: 2}", nil, "the secret has no active version", 1},
		"history of nothing": {"{secretPath: gone, objectVersionHistory: 2}", nil, "secret_absent", 1},
		"optional, of that": {"{secretPath: gone, objectVersionHistory: 2, optional: true}",
			[]string{"gone of gone"}, "", 1},
		"folders of all keys": {"{find: {path: prod/b/c}, allKeys: true}", []string{"x of prod/b/c/x"}, "", 2},
	} {
		x, rounds := tree.expanded(t, plantest.Request(plantest.Objects("- "+c.object)))
		files, failures := x.files()
		if !slices.Equal(files, c.files) || !strings.Contains(failures, c.failures) ||
			(failures == "") != (c.failures == "") || rounds != c.rounds {
			t.Errorf("%s: %v in %d rounds, want %v in %d; failures: %s", name, files, rounds, c.files, c.rounds, failures)
		}
	}
}

// TestSecretsThatAreGoneWhenTheyAreRead are left out; deactivated ones too if the object is
// optional, or are read at their latest active version.
func TestSecretsThatAreGoneWhenTheyAreRead(t *testing.T) {
	tree := domain{folder("p"): "p/a\np/gone\np/off\n", at("p/a", 0): "{}", at("p/off", 0): failure.Deactivated,
		versions("p/off"): "2 deactivated\n1 active\n", at("p/off", 1): "{}", folder("q"): "q/gone\n"}
	for object, want := range map[string]string{
		// its failure is that of the read
		"{find: {path: p}}":                                                   "a of p/a, off of p/off",
		"{find: {path: p}, optional: true}":                                   "a of p/a",
		"{find: {path: p}, objectVersion: latest-active}":                     "a of p/a@-1, off of p/off@1",
		"{find: {path: p}, objectVersion: latest-active, optional: true}":     "a of p/a@-1, off of p/off@1",
		"{find: {path: q}, optional: true}":                                   " of ",
		"{find: {path: q}}":                                                   "",
		"{find: {path: p, regexp: a}}":                                        "a of p/a",
		"{find: {path: p, regexp: a}, objectVersion: latest, optional: true}": "a of p/a",
	} {
		x, _ := tree.expanded(t, plantest.Request(plantest.Objects("- "+object)))
		files, failures := x.files()
		if strings.Join(files, ", ") != want || (want == "") != strings.Contains(failures, "find selects no secret") {
			t.Errorf("%s: %q, want %q; failures %q", object, files, want, failures)
		}
	}
}

func TestWhatFindMaySelectIsBoundedForAMount(t *testing.T) {
	tree := domain{folder("many"): "", folder("deep"): ""}
	var names strings.Builder
	for i := range mostFound {
		fmt.Fprintf(&names, "many/%04d\n", i)
		tree[at(fmt.Sprintf("many/%04d", i), 0)] = "{}"
	}
	tree[folder("many")] = names.String()
	x, _ := tree.expanded(t, plantest.Request(plantest.Objects("- {find: {path: many}}")))
	if files, failures := x.files(); len(files) != mostFound || failures != "" {
		t.Errorf("%d files; failures %s", len(files), failures)
	}
	x, _ = tree.expanded(t,
		plantest.Request(plantest.Objects("- {find: {path: many}}",
			"- {find: {path: many, regexp: ^0001$}, objectName: again}")))
	if files, failures := x.files(); len(files) != mostFound ||
		strings.Count(failures, "more than 1000 secrets and versions") != 1 ||
		!strings.Contains(failures, "objects[1]") {
		t.Errorf("%d files; failures %s", len(files), failures)
	}
	for i := range mostFound + 1 {
		fmt.Fprintf(&names, "many/more-%04d\n", i)
	}
	tree[folder("many")] = names.String()
	all := plantest.Planned(t, plantest.Request(plantest.Objects("- {find: {path: many}}")))
	x = newExpansion(all)
	for missing := x.round(); len(missing) > 0; missing = x.round() {
		for _, r := range missing {
			if r.Ref.What != okms.Folder {
				t.Fatalf("%v is read for an object that selects more than %d secrets", r.Ref, mostSelected)
			}
			x.got[r] = tree.read(r.Ref)
		}
	}
	if files, failures := x.files(); len(files) != 0 ||
		strings.Count(failures, "more than 2000 secrets, with those that are left out") != 1 {
		t.Errorf("%d files; failures %s", len(files), failures)
	}
	tree[at("many/more-0000", 0)] = "{}"
	x, _ = tree.expanded(t, plantest.Request(plantest.Objects(
		"- {find: {path: many, regexp: '^([0-9]+|more-0000)$'}, objectVersion: latest-active}")))
	if files, failures := x.files(); len(files) != mostFound ||
		strings.Count(failures, "more than 1000 secrets and versions") != 1 {
		t.Errorf("latest-active: %d files; failures %s", len(files), failures)
	}
	for i := range mostFolders {
		tree[folder("deep")] = tree[folder("deep")].(string) + fmt.Sprintf("deep/%d/\n", i)
		tree[folder(fmt.Sprintf("deep/%d", i))] = ""
	}
	x, _ = tree.expanded(t, plantest.Request(plantest.Objects("- {find: {path: deep}, optional: true}")))
	if _, failures := x.files(); strings.Count(failures, "more than 1000 folders") != 1 {
		t.Errorf("failures %s", failures)
	}
}

// TestPatternsAreBounded: the steps of heavy patterns over many secrets are counted for the whole mount,
// and none is matched when they are spent.
func TestPatternsAreBounded(t *testing.T) {
	const object = "- {find: {path: many, regexp: '(?:a?){100}b'}, optional: true}"
	tree := domain{}
	var names strings.Builder
	for i := range 20 {
		fmt.Fprintf(&names, "many/%s%02d\n", strings.Repeat("a", 200), i)
	}
	tree[folder("many")] = names.String()
	expanded := func(matched int) (steps int, failures string) {
		x := newExpansion(plantest.Planned(t, plantest.Request(plantest.Objects(object))))
		x.matched = matched
		for missing := x.round(); len(missing) > 0; missing = x.round() {
			for _, read := range missing {
				x.got[read] = tree.read(read.Ref)
			}
		}
		_, failures = x.files()
		return x.matched - matched, failures
	}
	steps, failures := expanded(0)
	if failures != "" || steps/20*10_000 < 2*mostMatched {
		t.Errorf("20 secrets take %d steps, failures %s", steps, failures)
	}
	if _, failures := expanded(mostMatched - steps); failures != "" {
		t.Errorf("with the last steps: %s", failures)
	}
	if _, failures := expanded(mostMatched - steps + 1); !strings.Contains(failures, "take too many steps") {
		t.Errorf("one step too many: failures %q", failures)
	}
}

// TestReadsOfOneSecretAreOneRead: the shortest refreshInterval of its objects holds, and only for
// a renewal.
func TestReadsOfOneSecretAreOneRead(t *testing.T) {
	r := plantest.Request(plantest.With("refreshInterval", "1h"),
		plantest.Objects("- {secretPath: a}", "- {secretPath: a, secretKey: k, refreshInterval: 10m}",
			"- {secretPath: b, refreshInterval: 0s}", "- {secretPath: c}", "- {find: {path: f}, refreshInterval: 2h}"))
	want := map[okms.Ref]time.Duration{at("a", 0): 10 * time.Minute, at("b", 0): 0, at("c", 0): time.Hour,
		folder("f"): 2 * time.Hour}
	for _, renewal := range []bool{false, true} {
		r.Renewal = renewal
		x := newExpansion(plantest.Planned(t, r))
		missing := x.round()
		if len(missing) != len(want) {
			t.Errorf("reads %v", missing)
		}
		for _, read := range missing {
			got, maxAge := x.request(read, nil), time.Duration(0)
			if renewal {
				maxAge = want[read.Ref]
			}
			if got.keep != want[read.Ref] || got.maxAge != maxAge {
				t.Errorf("%v, renewal %t: kept %s, served for %s", read.Ref, renewal, got.keep, got.maxAge)
			}
		}
	}
}
