package provider

import (
	"context"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/failure"
)

func TestNamesOfFilesOfPaths(t *testing.T) {
	for key, want := range map[string]string{
		`tls\.crt`: "tls.crt", `app.tls\.crt`: "app.tls.crt", `a\.b\.c`: "a.b.c", `certs/tls\.key`: "tls.key", `a\*b`: "a*b", `\#1`: "#1", `a\\b`: `a\b`,
		"tls.crt": "tls.crt", "users.0.name": "users.0.name", `a\b`: `a\b`, `a\`: `a\`, "#1": "#1", "c#": "c#", "a|b": "a|b",
	} {
		if p := planned(t, request(objects("- secretPath: s", "  secretKey: '"+key+"'"))); p.objects[0].file() != want {
			t.Errorf("%s makes the file %s, want %s", key, p.objects[0].file(), want)
		}
	}
	for _, key := range []string{"hosts.#.name", `items.#(name=="a/b").value`, "items.#(port>1)#.name", "#.name", "a|#.b"} {
		const want = `objects[0].objectName: is required where secretKey is a path with operators (#), which makes no name of a file (line 1)`
		if _, text := refused(t, request(objects("- secretPath: s", "  secretKey: '"+key+"'"))); text != want {
			t.Errorf("%s: %s", key, text)
		}
		planned(t, request(objects("- secretPath: s", "  secretKey: '"+key+"'", "  objectName: f")))
	}
}

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
			if kind, text := unrendered(t, secrets{"s": secret}, lines...); kind != failure.Invalid || text != "objects[0].secretKey: "+c.want {
				t.Errorf("%s, %s: %s: %s", c.name, more, kind, text)
			}
		}
	}
	const plan = "objects[0].secretKey: ends in a line break; write secretKey: password on one line, without white space around it. " +
		"If the key really has it, give objectName (line 3)"
	for _, more := range []string{"optional: false", "optional: true"} {
		if _, text := refused(t, request(objects("- secretPath: s", "  "+more, "  secretKey: |", "    password"))); text != plan {
			t.Errorf("%s: %s", more, text)
		}
	}
	if got := rendered(t, secrets{"s": secret}, "- secretPath: s", "  objectName: f", "  secretKey: |", "    odd"); got["f"] != "hunter3" {
		t.Errorf("a key that is really so: %v", got)
	}
}

func TestOtherSpellingsOfAPathThatFindsNothing(t *testing.T) {
	const secret = `{"app":{"tls.crt":"x","tls":{"key":"y"},"a.b":{"c.d":"z"}},"users":[{"name":"k"}],"it's":{"a.b":1}}`
	p := planned(t, request(objects("- secretPath: s", "  secretKey: missing")))
	for key, want := range map[string]string{
		"app.tls.crt": `app.tls\.crt`, "app.a.b.c.d": `app.a\.b.c\.d`, `app.tls\.key`: "app.tls.key", "$.app.tls.key": "app.tls.key", ".app.tls.key": "app.tls.key",
		"users[0].name": "users.0.name", "$.users[0]['name']": "users.0.name", "/app/tls/key": "app.tls.key", "$['app']['tls']['key']": "app.tls.key",
		"it's.a.b": `it's.a\.b`, "/app/tls.crt": `app.tls\.crt`,
		"app.nothing": "", "x": "", strings.Repeat("a.", 90): "", strings.Repeat("a.", 400): "",
	} {
		r := renderer{plan: p, ctx: context.Background()}
		if got := r.otherSpelling(key, []byte(secret)); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	const want = `objects[0] "f" (secret "s", latest version): version 7 of the secret has no key "app.tls.crt"; ` +
		`write secretKey: 'app.tls\.crt', since a dot in the name of a key needs a backslash; its keys are "app", "users", "it's"`
	if kind, text := unrendered(t, secrets{"s": secret}, "- secretPath: s", "  objectName: f", "  secretKey: app.tls.crt"); kind != failure.KeyAbsent || text != want {
		t.Errorf("%s: %s", kind, text)
	}
	if got := rendered(t, secrets{"s": secret}, "- secretPath: s", "  objectName: f", `  secretKey: 'app.tls\.crt'`); got["f"] != "x" {
		t.Errorf("the cure gives %v", got)
	}
}
