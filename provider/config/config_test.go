// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/place"
)

func TestAValidFile(t *testing.T) {
	specs, err := Parse(goodConfig, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := specs["default"]
	want := place.Domain{Endpoint: "https://eu-west-par.okms.ovh.net", ID: "734b9b45-8b1a-469c-b140-b10bd6540017"}
	const dir = "/etc/ovhcloud-csi/credentials/default"
	if len(specs) != 1 || s.Name != "default" || s.Place != want || s.Dir != dir || len(s.Rules) != 2 {
		t.Errorf("got %+v, want one connection of %+v", specs, want)
	}
	if specs, err := Parse("connections: {}\n", 0); err != nil || len(specs) != 0 {
		t.Errorf("a file without connections: got %v, error %v", specs, err)
	}
}

func TestAFileWithFallbacks(t *testing.T) {
	// Two domains of one region may be each other's fallback.
	one := strings.Replace(goodConfig, "    allow:", "    maxStale: 36h\n    fallback: rbx\n    allow:", 1)
	other := strings.NewReplacer("connections:\n", "", "default:", "rbx:", "734b9b45", "11111111",
		"    allow:", "    fallback: default\n    maxStale: 0\n    allow:").Replace(goodConfig)
	specs, err := Parse(one+other, 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Outage{
		"default": {MaxStale: 36 * time.Hour, HasMaxStale: true, Fallback: "rbx"},
		"rbx":     {HasMaxStale: true, Fallback: "default"},
	}
	for name, outage := range want {
		if got := specs[name].Outage; got != outage {
			t.Errorf("connection %s: got %+v, want %+v", name, got, outage)
		}
	}
}

// invalidFiles are changes of goodConfig, old to new, each with all problems of the result.
var invalidFiles = []struct{ name, old, new, want string }{
	{"unknown field", "region:", "regoin:", `3: connections.default.regoin: unknown field; did you mean "region"?`},
	{"unknown field without a near one", "region:", "place:",
		"3: connections.default.place: unknown field; valid are region, endpoint, okmsId, caBundle, api, credentialsDir, " +
			"maxStale, fallback, allow\n" +
			"3: connections.default.region: is missing; give a region, such as eu-west-par, or an endpoint"},
	{"the chart's values", "credentialsDir:", "existingSecret:",
		"5: connections.default.existingSecret: unknown field; " +
			"it belongs in the Helm chart's values; write credentialsDir here. " +
			"The chart's ConfigMap has the file to check (ovhcsi connections check --help)"},
	{"misspelt field of a rule", "        paths: [prod/pay/card]", "        path: [prod/pay/card]",
		`12: connections.default.allow[1].path: unknown field; did you mean "paths"?`},
	{"unknown field of a rule", "        paths: [prod/pay/card]", "        paths: [prod/pay/card]\n        deny: [x]",
		`13: connections.default.allow[1].deny: unknown field; drop it: everything that allow does not list is denied`},
	{"another unknown field of a rule", "        paths: [prod/pay/card]",
		"        paths: [prod/pay/card]\n        colour: [x]",
		`13: connections.default.allow[1].colour: unknown field; valid are namespaces, serviceAccounts, paths`},
	{"the address as ESO calls it", "region: eu-west-par", "server: https://eu-west-par.okms.ovh.net",
		`3: connections.default.server: unknown field; did you mean "endpoint"?`},
	{"the address and the region", "    okmsId:", "    vault_address: https://x\n    okmsId:",
		"4: connections.default.vault_address: unknown field; drop it: endpoint cannot be combined with region"},
	{"the domain as ESO calls it", "okmsId:", "okmsid:",
		`4: connections.default.okmsid: unknown field; did you mean "okmsId"?`},
	{"a region to fall back to", "    allow:", "    failoverRegion: rbx\n    allow:",
		`6: connections.default.failoverRegion: unknown field; did you mean "fallback"?`},
	{"two names for one field", "    allow:", "    failover: rbx\n    fallbck: rbx\n    allow:",
		`6: connections.default.failover: unknown field; did you mean "fallback"?` + "\n" +
			"7: connections.default.fallbck: unknown field; drop it: fallback is given already"},
	{"a token in the file", "    allow:", "    token: planted\n    allow:",
		"6: connections.default.token: unknown field; drop it: credentials do not belong in this file; put them into " +
			"files of credentialsDir"},
	{"rules as a policy", "    allow:", "    policies:",
		`6: connections.default.policies: unknown field; did you mean "allow"?`},
	{"secrets of a rule", "        paths: [prod/pay/card]", "        secretPaths: [prod/pay/card]",
		`12: connections.default.allow[1].secretPaths: unknown field; did you mean "paths"?`},
	{"a field of another part of the file", "    allow:", "    namespace: x\n    allow:",
		"6: connections.default.namespace: unknown field; valid are region, endpoint, okmsId, caBundle, api, " +
			"credentialsDir, maxStale, fallback, allow"},
	{"unknown field at the top", "connections:", "connection:",
		`1: connection: unknown field; did you mean "connections"?`},
	{"field twice", "    okmsId:", "    region: x\n    okmsId:",
		"4: connections.default.region: is given twice, first in line 3; drop one of them"},
	{"connection twice", "    okmsId:", "    okmsId: 734b9b45-8b1a-469c-b140-b10bd6540017\n  default:\n    okmsId:",
		"3: connections.default.credentialsDir: is missing; it is the folder with the files of the credential\n" +
			"3: connections.default.allow: is missing; add at least one rule: without rules no pod may use the connection\n" +
			"5: connections.default: is given twice, first in line 2; drop one of them"},
	{"name of a connection", "  default:", "  De/fault:",
		`2: connections."De/fault": is not a valid name of a connection; use at most 63 lower case letters, digits and -`},
	{"name of a connection with a forged line", "  default:", "  \"a\\nlevel=INFO msg=forged\":",
		`2: connections."a\nlevel=INFO msg=forged": is not a valid name of a connection; use at most 63 lower case ` +
			`letters, digits and -`},
	{"field with a forged line", "region:", "\"a\\r\\u2028\\e[2Kb\":",
		"3: connections.default.\"a\\r\\u2028\\x1b[2Kb\": unknown field; valid are region, endpoint, okmsId, " +
			"caBundle, api, credentialsDir, maxStale, fallback, allow\n" +
			"3: connections.default.region: is missing; give a region, such as eu-west-par, or an endpoint"},
	{"an unknown API", "    okmsId:", "    api: v2\n    okmsId:",
		`4: connections.default.api: "v2" is not an API of OKMS; valid are kv2 (default) and rest`},
	{"an empty API", "    okmsId:", "    api:\n    okmsId:", "4: connections.default.api: is empty"},
	{"the API by another name", "    okmsId:", "    kvVersion: 2\n    okmsId:",
		`4: connections.default.kvVersion: unknown field; did you mean "api"?`},
	{"region and endpoint", "    okmsId:", "    endpoint: https://x.example\n    okmsId:",
		"3: connections.default.region: cannot be combined with endpoint; drop one of them"},
	{"plain http", "region: eu-west-par", "endpoint: http://okms.example",
		"3: connections.default.endpoint: plain http is for loopback addresses only"},
	{"okmsId", "734b9b45-8b1a", "x",
		`4: connections.default.okmsId: "x-469c-b140-b10bd6540017" is not a UUID, such as ` +
			`734b9b45-8b1a-469c-b140-b10bd6540017`},
	{"an empty region", "eu-west-par", "", "3: connections.default.region: is empty"},
	{"folder that is not absolute", "/etc/ovhcloud-csi/", "etc/",
		`5: connections.default.credentialsDir: "etc/credentials/default" is not a clean absolute path; begin it with ` +
			`/, and drop . and .. segments and extra slashes`},
	{"folder with .. in it", "/etc/ovhcloud-csi/", "/etc/../",
		`5: connections.default.credentialsDir: "/etc/../credentials/default" is not a clean absolute path; begin it ` +
			`with /, and drop . and .. segments and extra slashes`},
	{"no rules", goodConfig[strings.Index(goodConfig, "    allow:"):], "",
		"3: connections.default.allow: is missing; add at least one rule: without rules no pod may use the connection"},
	{"empty rules", goodConfig[strings.Index(goodConfig, "    allow:"):], "    allow: []",
		"6: connections.default.allow: is an empty list; add at least one rule: without rules no pod may use the " +
			"connection"},
	{"rules as a map", goodConfig[strings.Index(goodConfig, "    allow:"):], "    allow: {namespaces: [a]}",
		"6: connections.default.allow: is a map, not a list of rules"},
	{"the same rule twice",
		"      - namespaces: [pay]\n        serviceAccounts: [teller]\n        paths: [prod/pay/card]",
		"      - namespaces: [shop, team-*]\n        serviceAccounts: ['*']\n        paths: [prod/shop/**]",
		"10: connections.default.allow[1]: is the same rule as in line 7; drop one of them"},
	{"a rule without namespaces", "      - namespaces: [pay]\n        serviceAccounts", "      - serviceAccounts",
		`10: connections.default.allow[1].namespaces: is missing; write ["*"] to match all`},
	{"a rule without paths", "        paths: [prod/pay/card]", "",
		`10: connections.default.allow[1].paths: is missing; write ["**"] to match all`},
	{"empty list of accounts", "[teller]", "[]",
		"11: connections.default.allow[1].serviceAccounts: is an empty list, so the rule allows nothing; add an " +
			"entry, or drop the rule"},
	{"a single account, not a list", "[teller]", "teller",
		"11: connections.default.allow[1].serviceAccounts: is a single value, not a list"},
	{"empty path", "[prod/pay/card]", "['']", "12: connections.default.allow[1].paths[0]: is empty"},
	{"no paths in the list", "[prod/pay/card]", "[]",
		"12: connections.default.allow[1].paths: is an empty list, so the rule allows nothing; add an entry, or drop " +
			"the rule"},
	{"path with a slash in front", "[prod/pay/card]", "[/prod]",
		`12: connections.default.allow[1].paths[0]: "/prod" must not begin or end with a slash, nor hold two in a row`},
	{"path with dots", "[prod/pay/card]", "[prod/../x]",
		`12: connections.default.allow[1].paths[0]: "prod/../x" must not hold the segment ".."`},
	{"path in percent form", "[prod/pay/card]", "[prod%2Fpay]",
		`12: connections.default.allow[1].paths[0]: "prod%2Fpay" can match no path; use letters, digits and _ . : / = ` +
			`@ -, * for any characters of a segment, ** for any segments`},
	{"** within a segment", "[prod/pay/card]", "[prod/x**]",
		`12: connections.default.allow[1].paths[0]: "prod/x**": ** must be a segment of its own, as in prod/**`},
	{"** twice in a row", "[prod/pay/card]", "[prod/**/**]",
		"12: connections.default.allow[1].paths[0]: has ** twice in a row; write it once"},
	{"path that is too long", "[prod/pay/card]", "[" + strings.Repeat("x", 256) + "]",
		"12: connections.default.allow[1].paths[0]: is 256 characters long; OKMS allows 255"},
	{"path twice", "[prod/pay/card]", "[a, a]",
		`12: connections.default.allow[1].paths[1]: "a" is given twice; drop one of them`},
	{"namespace in capitals", "[pay]", "[Pay*]",
		`10: connections.default.allow[1].namespaces[0]: "Pay*" can match no namespace; use at most 63 lower case ` +
			`letters, digits and -, and * for any characters`},
	{"namespace with a slash", "[pay]", "[pay/*]",
		`10: connections.default.allow[1].namespaces[0]: "pay/*" can match no namespace; use at most 63 lower case ` +
			`letters, digits and -, and * for any characters`},
	{"namespace as a set", "[pay]", "['pay[ab]']",
		`10: connections.default.allow[1].namespaces[0]: "pay[ab]" can match no namespace; use at most 63 lower case ` +
			`letters, digits and -, and * for any characters`},
	{"namespace that begins with a dash", "[pay]", "['-*']",
		`10: connections.default.allow[1].namespaces[0]: "-*" can match no namespace; use at most 63 lower case ` +
			`letters, digits and -, and * for any characters`},
	{"namespace that is too long", "[pay]", "[" + strings.Repeat("x", 64) + "*]",
		`10: connections.default.allow[1].namespaces[0]: "` + strings.Repeat("x", 64) +
			`*" can match no namespace; use at most 63 lower case letters, digits and -, and * for any characters`},
	{"service account with two dots", "[teller]", "['a..*']",
		`11: connections.default.allow[1].serviceAccounts[0]: "a..*" can match no service account; use lower case ` +
			`letters, digits, - and ., and * for any characters`},
	{"service account with a space", "[teller]", "['a b']",
		`11: connections.default.allow[1].serviceAccounts[0]: "a b" can match no service account; use lower case ` +
			`letters, digits, - and ., and * for any characters`},
	{"maxStale without a unit", "    allow:", "    maxStale: 5\n    allow:",
		`6: connections.default.maxStale: "5" is not a duration, such as 30m or 24h; 0 serves nothing stale`},
	{"maxStale in words", "    allow:", "    maxStale: a day\n    allow:",
		`6: connections.default.maxStale: "a day" is not a duration, such as 30m or 24h; 0 serves nothing stale`},
	{"maxStale below 0", "    allow:", "    maxStale: -1h\n    allow:",
		"6: connections.default.maxStale: -1h0m0s is not from 0 to 168h"},
	{"maxStale of a year", "    allow:", "    maxStale: 8760h\n    allow:",
		"6: connections.default.maxStale: 8760h0m0s is not from 0 to 168h"},
	{"maxStale within the ttl", "    allow:", "    maxStale: 30s\n    allow:",
		"6: connections.default.maxStale: 30s is not longer than --cache-ttl, which is 30s"},
	{"maxStale left empty", "    allow:", "    maxStale:\n    allow:", "6: connections.default.maxStale: is empty"},
	{"maxStale as a list", "    allow:", "    maxStale: [1h]\n    allow:",
		"6: connections.default.maxStale: is a list; want a single value"},
	{"maxStale misspelt", "    allow:", "    maxstale: 1h\n    allow:",
		`6: connections.default.maxstale: unknown field; did you mean "maxStale"?`},
	{"fallback to itself", "    allow:", "    fallback: default\n    allow:",
		"6: connections.default.fallback: is the connection itself; name one of another domain"},
	{"fallback that does not exist", "    allow:", "    fallback: defualt\n    allow:",
		`6: connections.default.fallback: there is no connection "defualt"; this file has no connection of another ` +
			`domain; add one, or drop fallback`},
	{"fallback that does not exist, with a near name", "    allow:", "    fallback: rxb\n    allow:",
		`6: connections.default.fallback: there is no connection "rxb"; did you mean "rbx"?`},
	{"fallback that does not exist, without a near name", "    allow:", "    fallback: nope-rbx\n    allow:",
		`6: connections.default.fallback: there is no connection "nope-rbx"; valid are rbx`},
	{"fallback that does not exist, near one of the same domain", "    allow:", "    fallback: twim\n    allow:",
		`6: connections.default.fallback: there is no connection "twim"; this file has no connection of another ` +
			`domain; add one, or drop fallback`},
	{"fallback with an invalid name", "    allow:", "    fallback: 'Rbx\\e'\n    allow:",
		`6: connections.default.fallback: there is no connection "Rbx\\e"; this file has no connection of another ` +
			`domain; add one, or drop fallback`},
	{"fallback left empty", "    allow:", "    fallback:\n    allow:", "6: connections.default.fallback: is empty"},
	{"fallback as a map", "    allow:", "    fallback: {name: rbx}\n    allow:",
		"6: connections.default.fallback: is a map; want a single value"},
	{"fallback to the same domain", "    allow:", "    fallback: twin\n    allow:",
		`6: connections.default.fallback: connection "twin" reads the same domain (https://eu-west-par.okms.ovh.net, ` +
			`okmsId 734b9b45-8b1a-469c-b140-b10bd6540017), which fails when this one does; name one of another domain`},
	{"an alias", "[pay]", "&x [pay]", "10: connections.default.allow[1].namespaces: is an anchor (&x), not a list"},
	{"invalid YAML", "connections:", "connections",
		"0: is not YAML: line 2: mapping values are not allowed in this context"},
	{"two documents", "connections:", "---\nconnections: {}\n---\nconnections:",
		"0: holds more than one YAML document (---)"},
	{"nothing", goodConfig, "", "0: is empty; write connections: {…}"},
	{"a list", goodConfig, "- a", "1: is a list, not a map"},
	{"connections left empty", goodConfig, "connections:", "1: connections: is empty, not a map"},
	{"a map without connections", goodConfig, "{}", "1: connections: is missing"},
}

func TestInvalidFiles(t *testing.T) {
	for _, c := range invalidFiles {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(goodConfig, c.old) {
				t.Fatal("the row does not change goodConfig")
			}
			text := strings.Replace(goodConfig, c.old, c.new, 1)
			if strings.Contains(c.new, "rxb") || strings.Contains(c.new, "-rbx") {
				text += strings.NewReplacer("connections:\n", "", "default:", "rbx:", "734b9b45", "11111111").Replace(goodConfig)
			}
			if strings.Contains(c.new, "twi") {
				text += strings.Replace(strings.TrimPrefix(goodConfig, "connections:\n"), "default:", "twin:", 1)
			}
			if text != "" && !strings.HasSuffix(text, "\n") {
				text += "\n"
			}
			_, err := Parse(text, 30*time.Second)
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("got error %v, want Problems", err)
			}
			var lines []string
			for _, p := range problems {
				lines = append(lines, fmt.Sprintf("%d: %s", p.Line, p.Text))
			}
			if got := strings.Join(lines, "\n"); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

const cutText = "does not end in a line break, so it may have been cut; " +
	"write the whole file again, with a line break at its end"

// TestAFileThatWasCutIsRefused: every cut of a file with one connection and one rule is refused.
// oneRule ends in a pattern whose first part allows more than the whole.
func TestAFileThatWasCutIsRefused(t *testing.T) {
	const oneRule = `connections:
  default:
    region: eu-west-par
    okmsId: 734b9b45-8b1a-469c-b140-b10bd6540017
    credentialsDir: /etc/ovhcloud-csi/credentials/default
    allow:
      - namespaces: ["shop"]
        serviceAccounts: ["*"]
        paths:
          - prod/shop/**/public
`
	for _, whole := range []string{oneRule, strings.ReplaceAll(oneRule, "\n", "\r\n")} {
		for i := range len(whole) {
			if specs, err := Parse(whole[:i], 0); err == nil {
				t.Errorf("the cut file %q is accepted: %v", whole[:i], specs)
			}
		}
		if _, err := Parse(whole, 0); err != nil {
			t.Errorf("the whole file is refused: %v", err)
		}
	}
	for text, want := range map[string]string{
		strings.TrimSuffix(oneRule, "\n"):               cutText,
		strings.TrimSuffix(oneRule, "**/public\n"):      cutText + "; line 10: ",
		strings.TrimSuffix(oneRule, "/public\n"):        cutText,
		strings.TrimSuffix(oneRule, "\n") + "\r":        cutText,
		"connections: [":                                "is not YAML: ",
		"connections: [\"":                              "; " + cutText,
		strings.TrimSuffix(goodConfig, "card]\n") + "*": cutText,
	} {
		if _, err := Parse(text, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// TestACutAllowsNothingMore: a cut between two lines may leave valid rules, but only rules of the
// whole file.
func TestACutAllowsNothingMore(t *testing.T) {
	whole, err := Parse(goodConfig, 0)
	if err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for i := range len(goodConfig) {
		specs, err := Parse(goodConfig[:i], 0)
		if err != nil {
			continue
		}
		accepted++
		for name, s := range specs {
			for _, r := range s.Rules {
				if !r.CoveredBy(whole[name].Rules) {
					t.Errorf("the cut at %d of %d allows more: %s", i, len(goodConfig), r.String())
				}
			}
		}
	}
	if accepted != 1 {
		t.Errorf("%d cuts are accepted, want only the one after the first rule", accepted)
	}
}

func TestTheFileIsBounded(t *testing.T) {
	var many strings.Builder
	one := strings.TrimPrefix(goodConfig, "connections:\n")
	for i := range MaxConnections + 1 {
		many.WriteString(strings.Replace(one, "default:", fmt.Sprintf("c%d:", i), 1))
	}
	for text, want := range map[string]string{
		"connections:\n" + many.String():      "line 2: connections: there are 201; at most 200 are read",
		strings.Repeat("#", maxConfig) + "\n": "is 1048577 bytes long; at most 1048576 are read",
	} {
		if _, err := Parse(text, 0); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
