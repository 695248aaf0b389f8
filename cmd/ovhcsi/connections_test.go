// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/explain"
	"ovhcloud-csi-provider/test/emulator"
)

const planted = "planted-token-of-a-connection"

// bench is a directory with a configuration and credentials, and a store.
type bench struct {
	t    *testing.T
	dir  string
	okms *emulator.Emulator
	url  string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	b := &bench{t: t, dir: t.TempDir(), okms: e, url: s.URL}
	b.write("config.yaml",
		"connections:\n  team:\n    endpoint: "+s.URL+"\n    okmsId: "+e.OKMSID()+"\n    credentialsDir: /nowhere/team\n"+
			"    allow: [{namespaces: [shop, 'team-*'], serviceAccounts: ['*'], paths: ['prod/**', other]}]\n"+
			"    caBundle: |\n      "+
			strings.ReplaceAll(strings.TrimSpace(string(e.CA())), "\n", "\n      ")+"\n")
	return b
}

func (b *bench) write(name, content string) {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// check runs the command, checks its exit status, and returns all that it printed.
func (b *bench) check(status int, args ...string) string {
	b.t.Helper()
	var stdout, stderr bytes.Buffer
	args = append([]string{"connections", "check", "--config", filepath.Join(b.dir, "config.yaml")}, args...)
	if got := run(b.t.Context(), args, nil, &stdout, &stderr); got != status {
		b.t.Errorf("exit status %d, want %d", got, status)
	}
	text := stdout.String() + stderr.String()
	if strings.Contains(text, planted) {
		b.t.Errorf("a secret is printed:\n%s", text)
	}
	return text
}

func (b *bench) has(text string, lines ...string) {
	b.t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, line) {
			b.t.Errorf("the output lacks %q:\n%s", line, text)
		}
	}
}

func TestCheckOfConnectionsWithoutTheirCredentials(t *testing.T) {
	b := newBench(t)
	b.has(b.check(exitOK), "team: "+b.url+", okmsId 734b9b45-8b1a-469c-b140-b10bd6540017\n",
		"  allows      namespaces shop, team-*; service accounts *; paths prod/**, other\n",
		"  credential  not checked: /nowhere/team is not on this machine\n",
		"\n1 connection, no mistake found; credentials not checked: 1 (set --credentials to their directory).\n")
	b.has(b.check(exitFailed, "--online"), "  credential  ERROR: /nowhere/team: no credential: there is no such folder\n",
		"\n1 connection, with errors.\n")
	if n := len(b.okms.Requests()); n != 0 {
		t.Errorf("got %d requests, want none", n)
	}
}

func TestCheckOfAnInvalidFilePrintsEachMistakeWithItsLine(t *testing.T) {
	b := newBench(t)
	b.write("config.yaml", "connections:\n  team:\n    regoin: x\n    allow: []\n")
	file := filepath.Join(b.dir, "config.yaml")
	b.has(b.check(exitFailed), file+":3: connections.team.regoin: unknown field; did you mean \"region\"?\n",
		file+":4: connections.team.allow: is an empty list; add at least one rule: "+
			"without rules no pod may use the connection\n")
	b.write("config.yaml", "connections: [")
	b.has(b.check(exitFailed), file+": is not YAML: ")
	b.write("config.yaml", "connections: {}")
	b.has(b.check(exitFailed), file+": does not end in a line break, so it may have been cut; "+
		"write the whole file again, with a line break at its end\n")
	b.write("config.yaml", "connections: {}\n")
	b.has(b.check(exitOK), "The file has no connections.\n")
}

// TestCheckOfACredentialThatLooksWrong checks credentials that can be read, but with which no
// mount works.
func TestCheckOfACredentialThatLooksWrong(t *testing.T) {
	b := newBench(t)
	for token, want := range map[string]string{
		base64.StdEncoding.EncodeToString([]byte("eyJ" + planted)): "probably INVALID: the token looks " +
			"base64-encoded twice",
		"eyJ." + base64.RawURLEncoding.EncodeToString([]byte(`{"exp":1e9}`)) + ".x": "probably INVALID: by its exp claim " +
			"the token expired on 2001-09-09T01:46:40Z",
	} {
		b.write("team/token", token)
		b.has(b.check(exitFailed, "--credentials", b.dir), want, "\n1 connection, with errors.\n")
	}
	b.write("team/token", planted)
	b.has(b.check(exitOK, "--credentials", b.dir), "\n1 connection, no mistake found.\n")
}

func TestCheckOnlinePrintsThePermissions(t *testing.T) {
	b := newBench(t)
	config, err := os.ReadFile(filepath.Join(b.dir, "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		actions []string
		paths   []string
		status  int
		want    []string
	}{
		"everything": {nil, nil, exitOK,
			[]string{"  online      tried to read prod/ovhcsi-connections-check, which need not exist\n",
				"getData: allowed\n", "secret/get: allowed\n", "\n1 connection, no mistake found.\n"}},
		"reads alone": {[]string{explain.ActionRead}, nil, exitOK,
			[]string{"getData: allowed\n", "secret/get: NO: OKMS does not allow it to the token ",
				"; grant its identity the IAM action okms:apikms:secret/get on the OKMS domain ",
				"mounts work; with okms:apikms:secret/get, error texts would be more precise\n"}},
		"nothing": {[]string{}, nil, exitFailed, []string{"getData: NO: OKMS does not allow it to the token ",
			"; grant its identity the IAM action okms:apikms:secret/version/getData on the OKMS domain ",
			"ERROR: no mount works without okms:apikms:secret/version/getData\n"}},
		"elsewhere": {nil, []string{"dev/"}, exitFailed, []string{"getData: NO: "}},
		"over rest, everything": {nil, nil, exitOK,
			[]string{"getData and okms:apikms:secret/get: allowed\n", "  okms:apikms:secret/get: allowed\n"}},
		"over rest, reads alone": {[]string{explain.ActionRead}, nil, exitFailed, []string{
			"getData and okms:apikms:secret/get: NO: OKMS does not allow it to the token ",
			"; grant its identity the IAM actions okms:apikms:secret/version/getData and okms:apikms:secret/get on the " +
				"OKMS domain ",
			"ERROR: no mount works without okms:apikms:secret/version/getData and okms:apikms:secret/get\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			b.t = t
			b.write("config.yaml", string(config))
			if strings.HasPrefix(name, "over rest") {
				b.write("config.yaml", strings.Replace(string(config), "    okmsId:", "    api: rest\n    okmsId:", 1))
			}
			if err := b.okms.AddToken(planted, emulator.Identity{Actions: c.actions, Paths: c.paths}); err != nil {
				t.Fatal(err)
			}
			b.write("team/token", planted+"\n")
			b.has(b.check(c.status, "--online", "--credentials", b.dir), c.want...)
		})
	}
	b.t = t
	b.write("config.yaml", string(config))
	b.okms.RevokeToken(planted)
	refused := b.check(exitFailed, "--online", "--credentials", b.dir)
	b.has(refused, "  online      ERROR: OKMS refused the token ")
	if strings.Count(refused, "OKMS refused") > 1 {
		t.Errorf("printed twice:\n%s", refused)
	}
	repair, err := b.okms.Inject(emulator.Fault{Status: 503})
	if err != nil {
		t.Fatal(err)
	}
	b.has(b.check(exitFailed, "--online", "--credentials", b.dir), "  online      ERROR: OKMS at 127.0.0.1:",
		"; try again\n")
	repair()
	b.write("team/clientId", "x")
	b.has(b.check(exitFailed, "--credentials", b.dir),
		"ERROR: "+b.dir+"/team: holds both a token and an OAuth2 client; keep exactly one of them\n")
}

func TestCheckOnlineWithAServiceAccount(t *testing.T) {
	b := newBench(t)
	if err := b.okms.AddClient("EU.id", planted, emulator.Identity{}); err != nil {
		t.Fatal(err)
	}
	b.write("team/clientId", "EU.id")
	b.write("team/clientSecret", planted)
	b.write("team/tokenUrl", b.url+emulator.TokenPath)
	b.has(b.check(exitOK, "--online", "--credentials", b.dir), "  credential  OAuth2 client ",
		"requests its tokens at "+b.url, "secret/get: allowed\n")
	b.write("team/clientSecret", "wrong")
	b.has(b.check(exitFailed, "--online", "--credentials", b.dir), "ERROR: the token endpoint refused the OAuth2 client ",
		"HTTP 401, invalid_client")
}

func TestCheckWarnsOfRulesThatTheFallbackMayNotCover(t *testing.T) {
	b := newBench(t)
	config, err := os.ReadFile(filepath.Join(b.dir, "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const shown = "  fallback    rbx: https://eu-west-rbx.okms.ovh.net\n"
	const warning = "              WARNING: rbx may not allow all of this rule: namespaces shop, team-*; service " +
		"accounts *; paths prod/**, other; the rest of the rule has no fallback\n"
	fallsBackTo := func(rules string) {
		b.write("config.yaml",
			strings.Replace(string(config), "    allow:", "    fallback: rbx\n    maxStale: 1h\n    allow:", 1)+
				"  rbx:\n    region: eu-west-rbx\n    okmsId: 734b9b45-8b1a-469c-b140-b10bd6540017\n    credentialsDir: "+
				"/nowhere/rbx\n    allow: ["+rules+"]\n")
	}
	for rules, warned := range map[string]bool{
		"{namespaces: [shop, 'team-*'], serviceAccounts: ['*'], paths: ['prod/**', other]}": false,
		"{namespaces: ['*'], serviceAccounts: ['*'], paths: ['**']}":                        false,
		"{namespaces: [shop], serviceAccounts: ['*'], paths: ['**']}, {namespaces: ['team-*'], serviceAccounts: ['*'], " +
			"paths: ['**']}": false,
		"{namespaces: ['*'], serviceAccounts: ['*'], paths: ['prod/**', 'o*']}": false,
		"{namespaces: [shop], serviceAccounts: ['*'], paths: ['**']}":           true,
		"{namespaces: ['*'], serviceAccounts: [web], paths: ['**']}":            true,
		"{namespaces: ['*'], serviceAccounts: ['*'], paths: ['prod/*', other]}": true,
		"{namespaces: [shop], serviceAccounts: ['*'], paths: ['**']}, {namespaces: ['team-*'], serviceAccounts: ['*'], " +
			"paths: ['p/**']}": true,
	} {
		fallsBackTo(rules)
		text := b.check(exitOK)
		b.has(text, shown, "  maxStale    1h0m0s\n")
		if strings.Contains(text, warning) != warned {
			t.Errorf("%s: got a warning: %v\n%s", rules, !warned, text)
		}
		last := "\n2 connections, no mistake found; credentials not checked: 2 (set --credentials to their directory)"
		if warned {
			last += "; WARNINGS: 1 (see above)"
		}
		b.has(text, last+".\n")
	}
	fallsBackTo("{namespaces: [shop], serviceAccounts: ['*'], paths: ['**']}")
	b.write("team/token", planted)
	b.has(b.check(exitFailed, "--credentials", b.dir),
		"\n2 connections, 1 of them with errors; WARNINGS: 1 (see above).\n")
	b.write("rbx/token", planted)
	b.has(b.check(exitOK, "--credentials", b.dir), "\n2 connections, no mistake found; WARNINGS: 1 (see above).\n")
	b.has(b.check(exitFailed, "--cache-ttl", "1h"),
		"connections.team.maxStale: 1h0m0s is not longer than --cache-ttl, which is 1h0m0s\n")
}

func TestInvalidCommandsOfConnections(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "missing subcommand; available: check"},
		{"chek", `unknown subcommand "chek", did you mean check? (available: check)`},
		{"chek --config x", `unknown subcommand "chek", did you mean check? (available: check)`},
		{"check", "--config is missing"},
		{"check --confg x", "unknown flag --confg, did you mean --config?"},
		{"check --config x y", `unexpected argument "y"; only flags are accepted`},
		{"check --config x --cache-ttl 2h", "--cache-ttl: 2h0m0s is not from 0 to 1h"},
		{"check --config x --cache-ttl -5s", "--cache-ttl: -5s is not from 0 to 1h"},
		{"check --config x --cache-ttl 30", `invalid value "30" for --cache-ttl: not a duration with a unit, such as 30s`},
		{"check --config x --online=perhaps", `invalid value "perhaps" for --online: neither true nor false`},
	} {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), append([]string{"connections"}, strings.Fields(c.args)...), nil, &stdout, &stderr)
		want := "ovhcsi connections check: " + c.want + " (see --help)\n"
		if !strings.HasPrefix(c.args, "check") {
			want = strings.Replace(want, " check:", ":", 1)
		}
		if status != exitUsage || stderr.String() != want || stdout.Len() > 0 {
			t.Errorf("%q: exit status %d, %q", c.args, status, stderr.String())
		}
	}
}

// TestNamesForgeNoLines checks that a name with a line break is printed on one line, whatever its
// source.
func TestNamesForgeNoLines(t *testing.T) {
	b := newBench(t)
	const forged = "\nteam: https://evil.example\x1b[2K"
	file := filepath.Join(b.dir, "x"+forged)
	for name, args := range map[string][]string{
		"a missing file": {"--config", file},
		"a directory":    {"--credentials", b.dir + forged},
		"a flag":         {"--fl" + forged},
		"an argument":    {forged},
		"a duration":     {"--cache-ttl", "1s" + forged},
	} {
		status := exitUsage
		if name == "a missing file" || name == "a directory" {
			status = exitFailed
		}
		if text := b.check(status, args...); strings.Contains(text, forged) ||
			strings.Contains(text, "\nteam: https://evil") || !strings.Contains(text, "evil.example") {
			t.Errorf("%s: %q", name, text)
		}
	}
	for _, text := range []string{
		"connections:\n  \"a\\nteam: https://evil.example\": {}\n",
		"connections:\n  team:\n    \"a\\nteam: https://evil.example\": x\n",
		"connections:\n  team:\n    region: \"a\\nteam: https://evil.example\"\n",
		"connections:\n  team:\n    fallback: \"a\\nteam: https://evil.example\"\n",
		"connections:\n  team:\n    allow: [{paths: [\"a\\nteam: https://evil.example\"]}]\n",
		"\"a\\nteam: https://evil.example\": {}\n",
	} {
		b.write("config.yaml", text)
		if got := b.check(exitFailed); strings.Contains(got, "\nteam: https://evil") ||
			!strings.Contains(got, `\nteam: https://evil.example"`) {
			t.Errorf("%q: %s", text, got)
		}
	}
}
