// SPDX-License-Identifier: Apache-2.0

package render

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/plan/plantest"
	"ovhcloud-csi-provider/provider/rawjson"
	"ovhcloud-csi-provider/provider/sensitive"
)

// secrets are what a store holds: JSON text by path. Each is at version 7.
type secrets map[string]string

// gave is a read that gave a secret.
func gave(s okms.Secret) Input {
	return Input{Secret: s, Version: s.Version, Created: s.Created}
}

// failed is a read that failed.
func failed(kind failure.Kind) Input {
	return Input{Absent: kind == failure.SecretAbsent || kind == failure.VersionAbsent,
		Unread: func(o class.Object) failure.Failure {
			return failure.Failure{Kind: kind, Object: o.Number, Where: o.Where(), What: "the read failed"}
		}}
}

func (s secrets) fetch(p plan.Plan) map[plan.Read]Input {
	got := map[plan.Read]Input{}
	for _, ref := range p.Reads {
		data, exists := s[ref.Ref.Path]
		if !exists {
			got[ref] = failed(failure.SecretAbsent)
			continue
		}
		got[ref] = gave(okms.Secret{Path: ref.Ref.Path, Version: 7, Created: "2026-01-02T03:04:05Z",
			Data: sensitive.New([]byte(data))})
	}
	return got
}

// rendered gives the files of a good mount, contents by path.
func rendered(t *testing.T, s secrets, lines ...string) map[string]string {
	t.Helper()
	p := plantest.Planned(t, plantest.Request(plantest.Objects(lines...)))
	resp, _, failures := Make(context.Background(), p, s.fetch(p))
	if len(failures) > 0 {
		t.Fatalf("refused: %v", &failure.Error{Failures: failures})
	}
	files := map[string]string{}
	for _, f := range resp.Files {
		files[f.Path] = string(f.Contents.Reveal())
	}
	return files
}

// unrendered gives the message of a mount that the store's content forbids.
func unrendered(t *testing.T, s secrets, lines ...string) (failure.Kind, string) {
	t.Helper()
	p := plantest.Planned(t, plantest.Request(plantest.Objects(lines...)))
	resp, _, failures := Make(context.Background(), p, s.fetch(p))
	if len(failures) == 0 {
		t.Fatal("the mount was accepted")
	}
	if len(resp.Files) > 0 || len(resp.Versions) > 0 {
		t.Error("a failed mount delivers something")
	}
	err := &failure.Error{Class: "store/shop", Failures: failures}
	return err.Kind(), strings.TrimPrefix(err.Error(), "SecretProviderClass store/shop: ")
}

func TestBytesAreExact(t *testing.T) {
	const awkward = `{"b":1.0,"a":12345678901234567890,"h":"<&>"}`
	nested := `{ "users" : {"kevin":{"token":"t\u00e9","n":1e400,"list":[1, 2,{"x":"<"}] } } ,"users.kevin.token":"literal"}`
	cases := []struct{ name, data, key, want string }{
		{"a whole secret", awkward, "", awkward},
		{"a whole secret with its white space", " {\n\t\"a\" : 1 }\n", "", " {\n\t\"a\" : 1 }\n"},
		{"an empty whole secret", "{}", "", "{}"},
		{"a number beyond 2^53", awkward, "a", "12345678901234567890"},
		{"1.0", awkward, "b", "1.0"},
		{"HTML in a string", awkward, "h", "<&>"},
		{"null", `{"a":null}`, "a", "null"},
		{"a boolean", `{"a":false}`, "a", "false"},
		{"an empty string", `{"a":""}`, "a", ""},
		{"every escape", `{"a":"\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00\u0000x"}`, "a", "\"\\/\b\f\n\r\tAé€😀\x00x"},
		{"bytes that are not UTF-8", "{\"a\":\"\xff\xfe\"}", "a", "\xff\xfe"},
		{"U+FFFD that is really there", `{"a":"\ufffd"}`, "a", "\ufffd"},
		{"a literal key before a path", nested, "users.kevin.token", "literal"},
		{"a path", nested, "users.kevin.n", "1e400"},
		{"an object by a path", nested, "users.kevin.list.2", `{"x":"<"}`},
		{"an array with its white space", nested, "users.kevin.list", `[1, 2,{"x":"<"}]`},
		{"a string by a path", `{"users":{"kevin":{"token":"t\u00e9"}}}`, "users.kevin.token", "té"},
		{"a path with an escaped dot", `{"a":{"b.c":"x"}}`, `a.b\.c`, "x"},
		{"a key with a dash", `{"a-b":"x"}`, "a-b", "x"},
		{"a key with a space", `{"a b":"x"}`, "a b", "x"},
		{"a key in unicode", `{"clé":"x"}`, "clé", "x"},
		{"a key that is spelled with escapes", `{"cl\u00e9":"x"}`, "clé", "x"},
		{"a key like a modifier", `{"@this":"x"}`, "@this", "x"},
		{"a key like a wildcard", `{"ab":"no","a*":"x"}`, "a*", "x"},
		{"64 KiB", `{"a":"` + strings.Repeat("x", 64<<10) + `"}`, "a", strings.Repeat("x", 64<<10)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			lines := []string{"- secretPath: s", "  objectName: f"}
			if c.key != "" {
				lines = append(lines, fmt.Sprintf("  secretKey: '%s'", c.key))
			}
			if got := rendered(t, secrets{"s": c.data}, lines...)["f"]; got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestEncodings(t *testing.T) {
	cases := []struct{ encoding, text, want string }{
		{"utf-8", "aGk=", "aGk="},
		{"base64", "AP8+Pw==", "\x00\xff>?"},
		{"base64", `\n AP8+\nPw== \n`, "\x00\xff>?"},
		{"base64url", "AP8-Pw", "\x00\xff>?"},
		{"hex", "00fF3e3f\\n", "\x00\xff>?"},
		{"base64", "", ""},
	}
	for _, c := range cases {
		got := rendered(t, secrets{"s": `{"k":"` + c.text + `"}`}, "- secretPath: s", "  secretKey: k",
			"  encoding: "+c.encoding)["k"]
		if got != c.want {
			t.Errorf("%s of %q is %q, want %q", c.encoding, c.text, got, c.want)
		}
	}
}

func TestAllKeys(t *testing.T) {
	s := secrets{"s": `{"tls.crt":"C","tls-key":"K","a b":1,"clé":{"x":1.0}}`, "one": `{"a":"1"}`}
	got := rendered(t, s, "- secretPath: s", "  allKeys: true", "  objectName: d", "- secretPath: one", "  allKeys: true")
	want := map[string]string{"d/tls.crt": "C", "d/tls-key": "K", "d/a b": "1", "d/clé": `{"x":1.0}`, "a": "1"}
	if !maps.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhatASecretMayNotHold(t *testing.T) {
	const at = `objects[0] "f" (secret "s", latest version): `
	const all = `objects[0] (all keys of secret "s", latest version): `
	one := []string{"- secretPath: s", "  objectName: f", "  secretKey: k"}
	every := []string{"- secretPath: s", "  allKeys: true"}
	cases := []struct {
		name, data string
		lines      []string
		kind       failure.Kind
		want       string
	}{
		{"null", "null", one, failure.Unusable, at + "version 7 of the secret is null, not a JSON object"},
		{"null as a whole", "null", one[:2], failure.Unusable, at + "version 7 of the secret is null, not a JSON object"},
		{"an array", `["hunter2"]`, one, failure.Unusable, at + "version 7 of the secret is an array, not a JSON object"},
		{"a string", `"hunter2"`, one[:2], failure.Unusable, at + "version 7 of the secret is a string, not a JSON object"},
		{"a key twice", `{"k":"hunter2","k":"hunter3"}`, one, failure.Unusable,
			at + `version 7 of the secret holds the key "k" twice`},
		{"no keys", `{}`, one, failure.KeyAbsent, at + `version 7 of the secret has no key "k"; it has no keys at all`},
		{"no keys, all wanted", `{}`, every, failure.Unusable,
			all + "version 7 of the secret has no keys; optional: true lets the mount go on without files of it"},
		{"another key", `{"K":"hunter2","password":"hunter3"}`, one, failure.KeyAbsent,
			at + `version 7 of the secret has no key "k"; did you mean "K"? its keys are "K", "password"`},
		{"a near key", `{"passwrod":"hunter2"}`, []string{"- secretPath: s", "  objectName: f", "  secretKey: password"},
			failure.KeyAbsent,
			at + `version 7 of the secret has no key "password"; did you mean "passwrod"? its keys are "passwrod"`},
		{"a path into nothing", `{"a":{"b":"hunter2"}}`, []string{"- secretPath: s", "  objectName: f", "  secretKey: a.c"},
			failure.KeyAbsent,
			at + `version 7 of the secret has no key "a.c"; its keys are "a"`},
		{"a path that makes JSON", `{"a":"hunter2"}`,
			[]string{"- secretPath: s", "  objectName: f", "  secretKey: '[a,a]|[@this,@this]'"}, failure.Invalid,
			`objects[0].secretKey: the secret has no key "[a,a]|[@this,@this]", and as a path it cannot be used: modifiers, literals and multipaths ([) are not supported in a path`},
		{"half a surrogate pair", `{"k":"hunter2\ud83d"}`, one, failure.Unusable,
			at + `the value of key "k" holds half a UTF-16 surrogate pair, which stands for no bytes`},
		{"the wrong half", `{"k":"hunter2\ude00\ud83d"}`, one, failure.Unusable,
			at + `the value of key "k" holds half a UTF-16 surrogate pair, which stands for no bytes`},
		{"not base64", `{"k":"hunter2!"}`, append(slices.Clone(one), "  encoding: base64"), failure.Unusable,
			at + `the value of key "k" is not base64: character 8 is not valid; correct the value in Secret Manager, or drop encoding`},
		{"not hex", `{"k":"hunter2"}`, append(slices.Clone(one), "  encoding: hex"), failure.Unusable,
			at + `the value of key "k" is not hex: character 1 is not valid; correct the value in Secret Manager, or drop encoding`},
		{"padding without text", `{"k":"===="}`, append(slices.Clone(one), "  encoding: base64"), failure.Unusable,
			at + `the value of key "k" is not base64: its padding (=) is wrong; correct the value in Secret Manager, or drop encoding`},
		{"an encoded number", `{"k":12}`, append(slices.Clone(one), "  encoding: hex"), failure.Unusable,
			at + `the value of key "k" is a number; encoding: hex wants a string, so drop encoding`},
		{"keys that are no file names", `{"a/b":"hunter2","..":"hunter3","":"hunter4","x":"fine"}`, every, failure.Unusable,
			"3 errors:\n- " +
				all + `the key "a/b" cannot be the name of a file: it holds a slash; write it with an object of its own, with secretKey and objectName; allKeys leaves it to that one` + "\n- " +
				all + `the key ".." cannot be the name of a file: it must not begin with ".."; write it with an object of its own, with secretKey and objectName; allKeys leaves it to that one` + "\n- " +
				all + `the key "" cannot be the name of a file: it is empty; rename it in the secret: secretKey cannot name it either`},
		{"an absent secret", "", []string{"- secretPath: gone", "  objectName: f", "  objectVersion: 3"},
			failure.SecretAbsent,
			`objects[0] "f" (secret "gone", version 3): the read failed`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			kind, text := unrendered(t, secrets{"s": c.data}, c.lines...)
			if kind != c.kind || text != c.want {
				t.Errorf("got  %s: %s\nwant %s: %s", kind, text, c.kind, c.want)
			}
			if strings.Contains(text, "hunter") {
				t.Error("the message shows a value")
			}
		})
	}
}

func TestFilesOfKeysThatCollide(t *testing.T) {
	s := secrets{"a": `{"x":"1"}`, "b": `{"x":"2"}`}
	_, text := unrendered(t, s, "- secretPath: a", "  allKeys: true", "- secretPath: b", "  allKeys: true")
	if want := `objects[1] (all keys of secret "b", latest version): objects[0] already writes the file "x"; give another objectName`; text != want {
		t.Errorf("got %s", text)
	}
}

func TestOptional(t *testing.T) {
	s := secrets{"s": `{"a":"1"}`}
	p := plantest.Planned(t, plantest.Request(plantest.Objects(
		"- secretPath: s", "  secretKey: a", "  optional: true",
		"- secretPath: s", "  secretKey: b", "  optional: true",
		"- secretPath: gone", "  optional: true",
		"- secretPath: gone", "  allKeys: true", "  objectName: d", "  optional: true",
	)))
	resp, _, failures := Make(context.Background(), p, s.fetch(p))
	if len(failures) > 0 {
		t.Fatal(&failure.Error{Failures: failures})
	}
	if len(resp.Files) != 1 || resp.Files[0].Path != "a" {
		t.Errorf("files = %+v", resp.Files)
	}
	var versions []string
	for _, v := range resp.Versions[1:] {
		versions = append(versions, v.ID+"="+v.Version)
	}
	if want := []string{"b=absent", "gone=absent", "objects[3]/=absent"}; !slices.Equal(versions, want) {
		t.Errorf("versions = %q, want %q", versions, want)
	}
}

// TestAKeyThatIsNoFileNameHasACure follows what the message advises.
func TestAKeyThatIsNoFileNameHasACure(t *testing.T) {
	for _, key := range []string{"a/b", "..", "../x", ".", "tab\\tkey", "line\\nbreak"} {
		s := secrets{"s": `{"` + key + `":"odd","x":"fine"}`}
		every := []string{"- secretPath: s", "  allKeys: true", "  objectName: d"}
		if _, text := unrendered(t, s, every...); !strings.Contains(text,
			"; write it with an object of its own, with secretKey and objectName") {
			t.Errorf("%s: %s", key, text)
		}
		files := rendered(t, s, append(every, "- secretPath: s", `  secretKey: "`+key+`"`, "  objectName: odd")...)
		if want := map[string]string{"d/x": "fine", "odd": "odd"}; !maps.Equal(files, want) {
			t.Errorf("%s: %q", key, files)
		}
	}
	// Only a key of the same secret and version is left to another object.
	s := secrets{"s": `{"a":"1"}`, "other": `{"a":"2"}`}
	files := rendered(t, s, "- secretPath: s", "  allKeys: true", "- secretPath: other", "  secretKey: a",
		"  objectName: b")
	if want := map[string]string{"a": "1", "b": "2"}; !maps.Equal(files, want) {
		t.Errorf("%q", files)
	}
}

func TestOptionalHidesNothingElse(t *testing.T) {
	p := plantest.Planned(t, plantest.Request(plantest.Objects("- secretPath: s", "  optional: true")))
	for _, kind := range []failure.Kind{failure.Deactivated, failure.Deleted, failure.Unauthenticated, failure.Denied,
		failure.DomainUnknown,
		failure.Rejected, failure.Limited, failure.Failing, failure.Unreachable, failure.TimedOut, failure.Untrusted,
		failure.Unreadable, failure.NodeFull} {
		_, _, failures := Make(context.Background(), p, map[plan.Read]Input{{Ref: okms.Ref{Path: "s"}}: failed(kind)})
		if len(failures) != 1 || failures[0].Kind != failure.Kind(kind) {
			t.Errorf("%s: failures = %v", kind, failures)
		}
	}
}

func TestOptionalHidesNoPathThatCannotBeUsed(t *testing.T) {
	for key, words := range map[string]string{
		"@this": "modifiers", "u.@this": "modifiers", "u.#.{n,p}": "multipaths", `!"x"`: "literals", "u|@ugly": "modifiers",
		`u.#(n=="x".p`: "brackets", "u.#(n==1))": "brackets", "pass*": "wildcards", "u.?": "wildcards",
		`u.#(n%"x*").p`: "patterns", "u.#": "a count", "..0.n": "JSON lines",
	} {
		_, text := unrendered(t, secrets{"s": `{"u":[{"n":"x","p":"1"}],"password":"2"}`}, "- secretPath: s",
			"  objectName: f", "  optional: true", "  secretKey: '"+key+"'")
		if !strings.HasPrefix(text, "objects[0].secretKey: the secret has no key ") || !strings.Contains(text, words) {
			t.Errorf("%s: %s", key, text)
		}
	}
	for key, want := range map[string]string{`u.#(n=="x").p`: "1", "u.0.p": "1", "u.#.p": `["1"]`, `a\*b`: "3", "a*b": "3",
		`c.x\?`: "4"} {
		got := rendered(t, secrets{"s": `{"u":[{"n":"x","p":"1"}],"a*b":"3","c":{"x?":"4"}}`}, "- secretPath: s",
			"  objectName: f", "  secretKey: '"+key+"'")
		if got["f"] != want {
			t.Errorf("%s: %q, want %q", key, got["f"], want)
		}
	}
}

func TestAnAbsentObjectsNameStaysTaken(t *testing.T) {
	s := secrets{"one": `{"b":"1"}`}
	_, text := unrendered(t, s, "- secretPath: one", "  allKeys: true", "- secretPath: gone", "  objectName: b",
		"  optional: true")
	if want := `objects[1] "b" (secret "gone", latest version): objects[0] already writes the file "b"; give another objectName`; text != want {
		t.Errorf("got %s", text)
	}
}

func TestRenderEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := plantest.Planned(t, plantest.Request(plantest.Objects("- secretPath: s", "- secretPath: s", "  objectName: x")))
	resp, _, failures := Make(ctx, p, secrets{"s": `{}`}.fetch(p))
	if len(failures) != 1 || failures[0].Kind != failure.TimedOut || len(resp.Files) > 0 {
		t.Errorf("%+v, %+v", resp, failures)
	}
}

func TestRenderStopsWhereItIsTooMuch(t *testing.T) {
	many := []string{}
	for i := range 900 {
		many = append(many, "- secretPath: s", "  allKeys: true", fmt.Sprintf("  objectName: d%d", i))
	}
	var keys strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&keys, `"k%d":"%s",`, i, strings.Repeat("x", 50))
	}
	p := plantest.Planned(t, plantest.Request(plantest.Objects(many...)))
	got := secrets{"s": "{" + strings.TrimSuffix(keys.String(), ",") + "}"}.fetch(p)
	r := renderer{plan: p, ctx: t.Context(), steps: rawjson.NewSteps(t.Context(), maxSteps),
		made: make([]made, len(p.Objects))}
	var all []int
	for i := range p.Objects {
		all = append(all, i)
	}
	r.secret(all, got[p.Reads[0]])
	if r.size > maxResponse+1000 {
		t.Errorf("%d bytes were made", r.size)
	}
	if _, _, failures := Make(t.Context(), p, got); len(failures) != 1 || failures[0].Kind != failure.TooLarge {
		t.Errorf("failures %v", failures)
	}
	wrong := []string{}
	for i := range 900 {
		wrong = append(wrong, "- secretPath: s", fmt.Sprintf("  secretKey: wrong%d", i))
	}
	p = plantest.Planned(t, plantest.Request(plantest.Objects(wrong...)))
	if _, _, failures := Make(t.Context(), p, got); len(failures) != failure.Most+1 {
		t.Errorf("%d failures were looked for", len(failures))
	}
}

func TestVersionsChangeWhenContentCan(t *testing.T) {
	base := []string{"- secretPath: s", "  secretKey: a", "  objectName: f"}
	version := func(s okms.Secret, lines ...string) string {
		t.Helper()
		p := plantest.Planned(t, plantest.Request(plantest.Objects(lines...)))
		resp, _, failures := Make(context.Background(), p, map[plan.Read]Input{p.Reads[0]: gave(s)})
		if len(failures) > 0 {
			t.Fatal(&failure.Error{Failures: failures})
		}
		return resp.Versions[0].Version
	}
	secret := okms.Secret{Path: "s", Version: 7, Created: "2026-01-02T03:04:05Z",
		Data: sensitive.New([]byte(`{"a":"1","b":"2"}`))}
	first := version(secret, base...)
	if !strings.HasPrefix(first, "7-") {
		t.Errorf("version = %s: a person wants to see OKMS's number", first)
	}
	if again := version(secret, base...); again != first {
		t.Errorf("%s became %s though nothing changed", first, again)
	}
	if mode := version(secret, append(slices.Clone(base), "  filePermission: 0400")...); mode != first {
		t.Error("a change of the mode changed the version, but not the content")
	}
	other := secret
	other.Version = 8
	restored := secret
	restored.Created = "2026-02-02T03:04:05Z" // deleted and made anew: numbers start over
	changed := map[string]string{
		"another version": version(other, base...),
		"made anew":       version(restored, base...),
		"another key":     version(secret, "- secretPath: s", "  secretKey: b", "  objectName: f"),
		"the whole":       version(secret, "- secretPath: s", "  objectName: f"),
		"another encoding": version(okms.Secret{Path: "s", Version: 7, Created: secret.Created,
			Data: sensitive.New([]byte(`{"a":"00"}`))},
			append(slices.Clone(base), "  encoding: hex")...),
	}
	for what, v := range changed {
		if v == first {
			t.Errorf("%s: the version stayed %s", what, v)
		}
	}
}

func TestEachFileHasItsOwnID(t *testing.T) {
	p := plantest.Planned(t,
		plantest.Request(plantest.Objects("- secretPath: s", "  objectName: x", "- secretPath: s", "  objectName: y",
			"- secretPath: s", "  allKeys: true")))
	resp, _, _ := Make(context.Background(), p, secrets{"s": `{"a":"1","b":"2"}`}.fetch(p))
	ids := map[string]bool{}
	for _, v := range resp.Versions {
		ids[v.ID] = true
	}
	if len(ids) != 4 || len(resp.Files) != 4 {
		t.Errorf("ids = %v for %d files", ids, len(resp.Files))
	}
}

func TestFilesComeInTheOrderOfThePlan(t *testing.T) {
	p := plantest.Planned(t,
		plantest.Request(plantest.Objects("- secretPath: s", "  objectName: z", "- secretPath: s", "  allKeys: true",
			"- secretPath: s", "  objectName: m")))
	resp, _, _ := Make(context.Background(), p, secrets{"s": `{"y":"1","b":"2"}`}.fetch(p))
	var files []string
	for _, f := range resp.Files {
		files = append(files, f.Path)
	}
	if want := []string{"z", "y", "b", "m"}; !slices.Equal(files, want) {
		t.Errorf("files = %q, want %q", files, want)
	}
}

func TestModesReachTheFiles(t *testing.T) {
	p := plantest.Planned(t,
		plantest.Request(plantest.Objects("- secretPath: s", "  objectName: x", "  filePermission: 0400", "- secretPath: s",
			"  allKeys: true", "  filePermission: 0777")))
	resp, _, _ := Make(context.Background(), p, secrets{"s": `{"a":"1"}`}.fetch(p))
	if got := []fs.FileMode{resp.Files[0].Mode, resp.Files[1].Mode}; !slices.Equal(got, []fs.FileMode{0o400, 0o777}) {
		t.Errorf("modes = %o", got)
	}
}

func TestAnAnswerIsNeverTooLargeForTheDriver(t *testing.T) {
	var lines []string
	s := secrets{}
	for i := range 60 {
		s[fmt.Sprintf("s%d", i)] = `{"a":"` + strings.Repeat("x", 64000) + `"}`
		lines = append(lines, fmt.Sprintf("- secretPath: s%d", i))
	}
	kind, text := unrendered(t, s, lines...)
	if want := "objects: the files of this mount take more than the 3670016 bytes that the driver accepts; use several " +
		"classes and volumes"; kind != failure.TooLarge || text != want {
		t.Errorf("got %s: %s", kind, text)
	}
	if got := rendered(t, s, lines[:57]...); len(got) != 57 {
		t.Errorf("%d files", len(got))
	}
}
