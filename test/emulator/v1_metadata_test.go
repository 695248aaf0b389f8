// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestMetadataOfASecret checks all fields of the metadata.
func TestMetadataOfASecret(t *testing.T) {
	now := newClock()
	d := start(t, Options{Now: now.Now})
	d.put("prod/x", `{"k":1}`)
	now.advance(time.Minute)
	d.put("prod/x", `{"k":2}`)
	if err := d.SetState("prod/x", 1, Deleted); err != nil {
		t.Fatal(err)
	}
	want := `{"cas_required":false,"created_time":"2026-08-22T02:24:06.945319214Z","current_version":2,` +
		`"custom_metadata":null,` +
		`"urn":"urn:v1:eu:resource:okms:` + d.OKMSID() + `/secret/prod/x","delete_version_after":"0s","max_versions":10,` +
		`"oldest_version":0,` +
		`"updated_time":"2026-08-22T02:25:06.945319214Z","versions":{` +
		`"1":{"created_time":"2026-08-22T02:24:06.945319214Z","deletion_time":"2026-08-22T02:25:06.945319214Z",` +
		`"destroyed":true},` +
		`"2":{"created_time":"2026-08-22T02:25:06.945319214Z","deletion_time":"","destroyed":false}}}`
	d.get("secret/metadata/prod/x").want(200).wantAt(want, "data")
	d.get("secret/metadata/prod%2Fx").want(200).wantAt(want, "data")
	d.get("secret/metadata/prod/x?list=false").want(200).wantAt(want, "data")
}

func TestMetadataChanges(t *testing.T) {
	d := start(t, Options{})
	d.put("prod/x", `{}`)
	const path = "secret/metadata/prod/x"
	d.send("POST", path, `{"delete_version_after":"1d","max_versions":3,"custom_metadata":{"a":"1","b":"2"}}`).want(204)
	got := d.get(path).want(200)
	got.wantAt(`"1d"`, "data", "delete_version_after") // as written, not normalised
	got.wantAt("3", "data", "max_versions")
	got.wantAt(`{"a":"1","b":"2"}`, "data", "custom_metadata")
	got.wantAt("1", "data", "current_version") // a change of metadata adds no version
	d.get("secret/data/prod/x").want(200).wantAt(`{"a":"1","b":"2"}`, "data", "metadata", "custom_metadata")

	d.send("PATCH", path, `{"custom_metadata":{"a":null,"c":"3"}}`).want(204)
	d.get(path).wantAt(`{"b":"2","c":"3"}`, "data", "custom_metadata")
	d.get(path).wantAt(`"1d"`, "data", "delete_version_after")
	d.send("PUT", path, `{"custom_metadata":{}}`).want(204)
	d.get(path).wantAt("null", "data", "custom_metadata")
	d.send("POST", path, `{"max_versions":0}`).want(204)
	d.get(path).wantAt("10", "data", "max_versions") // 0 means the default

	d.send("DELETE", path, "").want(204)
	d.get(path).wantError(404, 17125377, "not found")
	d.send("POST", "secret/data/prod/x", `{"data":{}}`).want(200).wantAt("1", "data", "version") // a new secret
}

func TestMetadataLimits(t *testing.T) {
	d := start(t, Options{})
	d.put("prod/x", `{}`)
	many := make([]string, 65)
	for i := range many {
		many[i] = fmt.Sprintf(`"k%d":"v"`, i)
	}
	for body, message := range map[string]string{
		`{"max_versions":24001}`:                                               "max_versions 24001",
		`{"delete_version_after":"soon"}`:                                      `"soon" is not a duration`,
		`{"delete_version_after":"999999d"}`:                                   "more than 100 years",
		`{"custom_metadata":{"a":"b c"}}`:                                      `custom_metadata "a"`,
		`{"custom_metadata":{"a":""}}`:                                         `custom_metadata "a"`,
		`{"custom_metadata":{"":"b"}}`:                                         `custom_metadata ""`,
		`{"custom_metadata":{"a":1}}`:                                          "not an object of strings",
		`{"custom_metadata":{"a":"` + strings.Repeat("x", 513) + `"}}`:         `custom_metadata "a"`,
		`{"custom_metadata":{` + strings.Join(many, ",") + `}}`:                "65 entries",
		`{"max_versions":3,"custom_metadata":{"a":"b c"},"cas_required":true}`: `custom_metadata "a"`,
	} {
		d.send("POST", "secret/metadata/prod/x", body).wantError(400, codeSecretBadMetadata, message)
	}
	got := d.get("secret/metadata/prod/x")
	got.wantAt("10", "data", "max_versions")
	got.wantAt("false", "data", "cas_required")
	d.send("POST", "secret/metadata/prod/x", `{"deactivate_version_after":"1d"}`).wantError(400, codeRESTArgument,
		"unknown field")
}

// TestListIsOneLevel checks names and folders of one level.
func TestListIsOneLevel(t *testing.T) {
	d := start(t, Options{})
	for _, path := range []string{"prod/va1/x", "prod/va1/y", "prod/va1", "prod/a", "production", "dev/z/z/z"} {
		d.put(path, `{}`)
	}
	for uri, want := range map[string]string{
		"secret/metadata":                     `["dev/","prod/","production"]`,
		"secret/metadata/":                    `["dev/","prod/","production"]`,
		"secret/metadata?list=true":           `["dev/","prod/","production"]`,
		"secret/metadata/?list=true":          `["dev/","prod/","production"]`,
		"secret/metadata/prod?list=true":      `["a","va1","va1/"]`,
		"secret/metadata/prod/?list=true":     `["a","va1","va1/"]`,
		"secret/metadata/prod%2Fva1?list=1":   `["x","y"]`,
		"secret/metadata/dev/z?list=true":     `["z/"]`,
		"secret/metadata/prod/a?list=true":    `[]`,
		"secret/metadata/nothing?list=true":   `[]`,
		"secret/metadata/prod/va?list=true":   `[]`,
		"secret/metadata/prod/va1/x?list=yes": ``,
	} {
		if want == "" {
			d.get(uri).wantError(400, codeRESTArgument, "list")
			continue
		}
		d.get(uri).want(200).wantAt(want, "data", "keys")
	}
	d.do(request{method: "LIST", path: "secret/metadata/prod"}).want(200).wantAt(`["a","va1","va1/"]`, "data", "keys")
}

func TestListIsFilteredByPermissions(t *testing.T) {
	d := start(t, Options{})
	for _, path := range []string{"prod/a", "prod/b", "dev/c"} {
		d.put(path, `{}`)
	}
	if err := d.AddToken("dev", Identity{Paths: []string{"dev/"}}); err != nil {
		t.Fatal(err)
	}
	d.do(request{path: "secret/metadata", token: "dev"}).want(200).wantAt(`["dev/"]`, "data", "keys")
	d.do(request{path: "secret/metadata/prod?list=true", token: "dev"}).want(200).wantAt(`[]`, "data", "keys")
	d.do(request{path: "secret/metadata", token: noneToken}).want(200).wantAt(`[]`, "data", "keys")
}

func TestEmptyListNotFound(t *testing.T) {
	d := start(t, Options{Switches: Switches{EmptyListNotFound: true}})
	d.get("secret/metadata/x?list=true").wantError(404, codeSecretNotFound, "").wantAt("[]", "errors")
}

func TestListPages(t *testing.T) {
	d := start(t, Options{})
	for i := range 205 {
		d.put(fmt.Sprintf("many/k%03d", i), `{}`)
	}
	page := func(size, cursor string) reply {
		header := http.Header{}
		if size != "" {
			header.Set("X-Pagination-Size", size)
		}
		if cursor != "" {
			header.Set("X-Pagination-Cursor", cursor)
		}
		return d.do(request{path: "secret/metadata/many?list=true", header: header})
	}
	var sizes []int
	for cursor := ""; ; {
		got := page("", cursor).want(200)
		sizes = append(sizes, strings.Count(got.at("data", "keys"), "k"))
		if cursor = got.header.Get("X-Pagination-Cursor-Next"); cursor == "" {
			break
		}
	}
	if fmt.Sprint(sizes) != "[100 100 5]" {
		t.Errorf("got pages of %v names", sizes)
	}
	if got := page("10", "").want(200); !strings.HasSuffix(got.at("data", "keys"), `"k009"]`) {
		t.Errorf("a page of 10: got %s", got.at("data", "keys"))
	}
	for _, size := range []string{"9", "101", "many", "-1"} {
		page(size, "").wantError(400, codeRESTArgument, "X-Pagination-Size")
	}
	page("", "§").wantError(400, codeRESTArgument, "X-Pagination-Cursor")

	d.switches.ClampPageSize = true
	if got := page("500", "").want(200); strings.Count(got.at("data", "keys"), "k") != 100 {
		t.Errorf("a page of 500: got %s", got.at("data", "keys"))
	}
}

// TestConfigIsTheDefaultOfSecrets checks the settings of the domain.
func TestConfigIsTheDefaultOfSecrets(t *testing.T) {
	d := start(t, Options{})
	d.put("prod/x", `{}`)
	d.get("secret/config").want(200).wantAt(`{"cas_required":false,"delete_version_after":"0s","max_versions":10}`, "data")
	d.send("POST", "secret/config", `{"max_versions":4,"delete_version_after":"1d"}`).want(204)
	d.get("secret/config").want(200).wantAt(`{"cas_required":false,"delete_version_after":"1d","max_versions":4}`, "data")
	got := d.get("secret/metadata/prod/x").want(200)
	got.wantAt("4", "data", "max_versions")
	got.wantAt(`"1d"`, "data", "delete_version_after")
	d.send("POST", "secret/metadata/prod/x", `{"max_versions":7}`).want(204)
	d.get("secret/metadata/prod/x").wantAt("7", "data", "max_versions")
	d.send("POST", "secret/config", `{"max_versions":24001}`).wantError(400, codeSecretBadMetadata, "max_versions")
	d.send("POST", "secret/config", `{"custom_metadata":{}}`).wantError(400, codeRESTArgument, "custom_metadata")
	d.get("secret/config/x").wantError(404, codeRESTNotFound, "no route")
}
