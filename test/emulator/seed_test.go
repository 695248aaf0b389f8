// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"strings"
	"testing"
)

func TestSeedShortForm(t *testing.T) {
	d := start(t, Options{})
	seed := `{
	  "secrets": {
	    "prod/va1/dockerconfigjson": { "auths" : {"registry.example": {"auth":"dTpw"}} },
	    "prod/database": {"port":5432.0, "password":"<&>\u00e9"}
	  },
	  "tokens": [{"token":"seeded","name":"ci","paths":["prod/database"]}]
	}`
	if err := d.Seed(strings.NewReader(seed)); err != nil {
		t.Fatal(err)
	}
	d.get("secret/data/prod/va1/dockerconfigjson").want(200).wantAt(`{ "auths" : {"registry.example": {"auth":"dTpw"}} }`,
		"data", "data")
	d.do(request{path: "secret/data/prod/database", token: "seeded"}).want(200).
		wantAt(`{"port":5432.0, "password":"<&>\u00e9"}`, "data", "data")
	d.do(request{path: "secret/data/prod/va1/dockerconfigjson", token: "seeded"}).wantError(403, codeIAMDenied, `"ci"`)
}

func TestSeedLongForm(t *testing.T) {
	now := newClock()
	d := start(t, Options{Now: now.Now})
	seed := `{
	  "secrets": [
	    {"path":"a/b", "versions":[{"data":{"v":1},"state":"deactivated"},{"state":"deleted"},
	     {"data":{"v":3},"state":"active"},
	     {"data":{"v":4}}],
	     "max_versions":3, "cas_required":true, "delete_version_after":"1d", "custom_metadata":{"team":"a"}},
	    {"path":"c", "data":{"one":1}}
	  ],
	  "tokens":[{"token":"old","expires":"2026-08-22T00:00:00Z"},{"token":"none","actions":[]}]
	}`
	if err := d.Seed(strings.NewReader(seed)); err != nil {
		t.Fatal(err)
	}
	got := d.get("secret/metadata/a/b").want(200)
	got.wantAt("4", "data", "current_version")
	got.wantAt("2", "data", "oldest_version")
	got.wantAt("true", "data", "versions", "2", "destroyed")
	got.wantAt("true", "data", "cas_required")
	got.wantAt(`{"team":"a"}`, "data", "custom_metadata")
	d.get("secret/data/a/b?version=3").want(200).wantAt(`{"v":3}`, "data", "data")
	d.get("secret/data/c").want(200).wantAt(`{"one":1}`, "data", "data")
	d.do(request{path: "secret/data/c", token: "old"}).wantError(401, codeUnauthenticated, "expired")
	d.do(request{path: "secret/data/c", token: "none"}).wantError(403, codeIAMDenied, "not allowed")
}

func TestInvalidSeedsNameThePlaceAndStoreNothing(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for seed, message := range map[string]string{
		``:                                    "seed: is empty",
		`{"secrets":{"a":{}}`:                 "seed: unexpected EOF",
		`{} {}`:                               "more than one JSON value",
		`{"secret":{}}`:                       `unknown field "secret"`,
		`{"secrets":3}`:                       "secrets is neither",
		`{"secrets":{"a b":{}}}`:              `secrets: "a b": path "a b" has a character`,
		`{"secrets":{"a":1}}`:                 `secrets: "a": versions[0]: data is not a JSON object`,
		`{"secrets":{"a":{},"a":{}}}`:         `secrets: "a" is given twice`,
		`{"secrets":[{"path":"a","dta":{}}]}`: `secrets[0]: unknown field "dta"`,
		`{"secrets":[{"path":"a"}]}`:          "secrets[0]: exactly one of data and versions",
		`{"secrets":[{"path":"a","versions":[]}]}`: "it has 0 versions",
		`{"secrets":[{"path":"a","versions":[{"dat":{}}]}]}`: `secrets[0]: ` +
			`versions[0]: unknown field "dat"`,
		`{"secrets":[{"path":"a","versions":[{}]}]}`:                         "versions[0]: data is missing",
		`{"secrets":[{"path":"a","versions":[{"data":{},"state":"gone"}]}]}`: `state "gone" is not`,
		`{"secrets":[{"path":"a","data":{},"max_versions":99999}]}`:          "max_versions 99999",
		`{"secrets":[{"path":"a","data":{},"custom_metadata":{"a":1}}]}`:     "custom_metadata",
		`{"secrets":{"a":{}},"tokens":[{"tokn":"x"}]}`: `tokens[0]: unknown ` +
			`field "tokn"`,
		`{"secrets":{"a":{}},"tokens":[{"token":"a b"}]}`: "tokens[0]: token must " +
			"be printable",
		`{"secrets":{"a":{}},"tokens":[{"token":"x","actions":["okms:apikms:secret/read"]}]}`: `tokens[0]: action ` +
			`"okms:apikms:secret/read"`,
	} {
		if err := e.Seed(strings.NewReader(seed)); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("seed %s: got error %v, want %s", seed, err, message)
		}
	}
	if n := len(e.store.secrets) + len(e.iam.tokens); n != 0 {
		t.Errorf("got %d secrets and tokens, want none", n)
	}
}
