// SPDX-License-Identifier: Apache-2.0

package render

import (
	"context"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/plan/plantest"
)

// A block scalar ends in a line break, which nobody sees.
func TestWhiteSpaceAtTheEndsOfAKey(t *testing.T) {
	const secret = `{"password":"hunter2","odd\n":"hunter3","nested":{"a":"hunter4"}}`
	const cure = "; write secretKey: password on one line, without white space around it"
	for _, c := range []struct{ name, key, want string }{
		{"a block scalar", "|\n    password", "ends in a line break, and version 7 of the secret has no such key" + cure},
		{"a space behind", `"password "`, "ends in white space, and version 7 of the secret has no such key" + cure},
		{"a space in front", `" password"`, "begins with white space, and version 7 of the secret has no such key" + cure},
		{"a no-break space", `"password\u00a0"`, "ends in white space, and version 7 of the secret has no such key" + cure},
		{"an invisible sign", `"password\u200b"`, "ends in white space, and version 7 of the secret has no such key" + cure},
	} {
		for _, more := range []string{"optional: false", "optional: true"} {
			lines := []string{"- secretPath: s", "  objectName: f", "  secretKey: " + c.key, "  " + more}
			if kind, text := unrendered(t, secrets{"s": secret}, lines...); kind != failure.Invalid ||
				text != "objects[0].secretKey: "+c.want {
				t.Errorf("%s, %s: %s: %s", c.name, more, kind, text)
			}
		}
	}
	const plan = "objects[0].secretKey: ends in a line break; write secretKey: password on one line, without white " +
		"space around it. " +
		"If the key really has it, give objectName (line 3)"
	for _, more := range []string{"optional: false", "optional: true"} {
		if _, text := plantest.Refused(t,
			plantest.Request(plantest.Objects("- secretPath: s", "  "+more, "  secretKey: |", "    password"))); text != plan {
			t.Errorf("%s: %s", more, text)
		}
	}
	if got := rendered(t, secrets{"s": secret}, "- secretPath: s", "  objectName: f", "  secretKey: |",
		"    odd"); got["f"] != "hunter3" {
		t.Errorf("a key that is really so: %v", got)
	}
}

func TestOtherSpellingsOfAPathThatFindsNothing(t *testing.T) {
	const secret = `{"app":{"tls.crt":"x","tls":{"key":"y"},"a.b":{"c.d":"z"}},"users":[{"name":"k"}],"it's":{"a.b":1}}`
	p := plantest.Planned(t, plantest.Request(plantest.Objects("- secretPath: s", "  secretKey: missing")))
	for key, want := range map[string]string{
		"app.tls.crt": `app.tls\.crt`, "app.a.b.c.d": `app.a\.b.c\.d`, `app.tls\.key`: "app.tls.key",
		"$.app.tls.key": "app.tls.key", ".app.tls.key": "app.tls.key",
		"users[0].name": "users.0.name", "$.users[0]['name']": "users.0.name", "/app/tls/key": "app.tls.key",
		"$['app']['tls']['key']": "app.tls.key",
		"it's.a.b":               `it's.a\.b`, "/app/tls.crt": `app.tls\.crt`,
		"app.nothing": "", "x": "", strings.Repeat("a.", 90): "", strings.Repeat("a.", 400): "",
	} {
		r := renderer{plan: p, ctx: context.Background()}
		if got := r.otherSpelling(key, []byte(secret)); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	const want = `objects[0] "f" (secret "s", latest version): version 7 of the secret has no key "app.tls.crt"; ` +
		`write secretKey: 'app.tls\.crt', since a dot in the name of a key needs a backslash; its keys are "app", "users", "it's"`
	if kind, text := unrendered(t, secrets{"s": secret}, "- secretPath: s", "  objectName: f",
		"  secretKey: app.tls.crt"); kind != failure.KeyAbsent || text != want {
		t.Errorf("%s: %s", kind, text)
	}
	if got := rendered(t, secrets{"s": secret}, "- secretPath: s", "  objectName: f",
		`  secretKey: 'app.tls\.crt'`); got["f"] != "x" {
		t.Errorf("the cure gives %v", got)
	}
}

// Such a key would be left out without a word if the object is optional.
func TestAKeyOfWhiteSpaceAlone(t *testing.T) {
	s := secrets{"s": `{"password":"x"}`, "t": `{" ":"y"}`}
	for _, key := range []string{`" "`, `"\u00a0"`, `"  \u200b"`} {
		for _, optional := range []string{"  optional: false", "  optional: true"} {
			kind, text := unrendered(t, s, "- secretPath: s", "  secretKey: "+key, "  objectName: f", optional)
			const want = "objects[0].secretKey: is nothing but white space, and version 7 of the secret has no such key; " +
				"name a key, or drop secretKey for the whole secret"
			if kind != failure.Invalid || text != want {
				t.Errorf("%s: %s: %s", key, kind, text)
			}
		}
	}
	if files := rendered(t, s, "- secretPath: t", `  secretKey: " "`, "  objectName: f"); files["f"] != "y" {
		t.Errorf("a key that is really there: %q", files)
	}
	_, text := plantest.Refused(t, plantest.Request(plantest.Objects("- secretPath: s", `  secretKey: "\n"`)))
	if !strings.Contains(text, "objects[0].secretKey: is nothing but white space; name a key") {
		t.Error(text)
	}
}
