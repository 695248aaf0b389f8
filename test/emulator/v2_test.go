// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// native returns the path of a request to the native API.
func (d *domain) native(rest string) string { return "/api/" + d.OKMSID() + "/v2/" + rest }

// TestNativeSecret checks all fields of a secret, and that data takes includeData=true.
func TestNativeSecret(t *testing.T) {
	now := newClock()
	d := start(t, Options{Now: now.Now})
	const data = `{"b":1.0,"a":12345678901234567890,"h":"<&>"}`
	written := d.send("POST", d.native("secret"),
		`{"path":"prod/x","metadata":{"deactivateVersionAfter":"1d","customMetadata":{"a":"1"}},`+
			`"version":{"data":`+data+`}}`).want(200)
	metadata := `{"casRequired":false,"createdAt":"2026-08-22T02:24:06Z","currentVersion":1,"customMetadata":{"a":"1"},` +
		`"deactivateVersionAfter":"1d","maxVersions":10,"oldestVersion":0,"updatedAt":"2026-08-22T02:24:06Z",` +
		`"urn":"urn:v1:eu:resource:okms:` + d.OKMSID() + `/secret/prod/x"}`
	written.wantAt(metadata, "metadata")
	written.wantAt("", "version")
	got := d.get(d.native("secret/prod%2Fx?includeData=true")).want(200)
	got.wantAt(`"prod/x"`, "path")
	got.wantAt(metadata, "metadata")
	if version := got.at("version"); version != `{"id":1,"state":"active","createdAt":"2026-08-22T02:24:06Z","data":`+
		data+`}` {
		t.Errorf("the version is %s", version)
	}
	for _, query := range []string{"", "?includeData=false"} {
		d.get(d.native("secret/prod%2Fx"+query)).want(200).wantAt("", "version", "data")
	}
	d.get(d.native("secret/prod%2Fx/version/1?includeData=true")).want(200).wantAt(data, "data")
	d.get("secret/data/prod/x").want(200).wantAt(data, "data", "data")
	now.advance(24 * time.Hour)
	late := d.get(d.native("secret/prod%2Fx?includeData=true")).want(200)
	late.wantAt(`{"id":1,"state":"deactivated","createdAt":"2026-08-22T02:24:06Z","deactivatedAt":"2026-08-23T02:24:06Z"}`,
		"version")
	d.send("DELETE", d.native("secret/prod%2Fx"), "").want(204)
	d.get(d.native("secret/prod%2Fx")).wantError(404, 17125377, "not found")
}

// TestNativePaths: %2F is a slash of the path, and a raw slash may be one.
func TestNativePaths(t *testing.T) {
	d := start(t, Options{})
	for _, path := range []string{"prod/x", "prod/version", "a@b/c=d"} {
		d.put(path, `{"k":1}`)
	}
	for path, want := range map[string]string{
		"prod%2Fx":           "prod/x",
		"prod/x":             "prod/x",
		"prod%2fx":           "prod/x",
		"prod%2Fversion":     "prod/version",
		"a%40b%2Fc%3Dd":      "a@b/c=d",
		"prod%2Fx?version=1": "prod/x",
	} {
		d.get(d.native("secret/"+path)).want(200).wantAt(`"`+want+`"`, "path")
	}
	for path, row := range map[string]struct {
		status, code int
		message      string
	}{
		"prod%252Fx":             {400, codeSecretBadPath, "has a character outside"},
		"prod%2F":                {400, codeSecretBadPath, "begins or ends with /"},
		"%2Fprod":                {400, codeSecretBadPath, "begins or ends with /"},
		"prod%2F%2Fx":            {400, codeSecretBadPath, "empty segment"},
		"prod//x":                {400, codeSecretBadPath, "empty segment"},
		"prod%20x":               {400, codeSecretBadPath, "has a character outside"},
		"prod/version":           {404, codeSecretNotFound, `"prod" not found`}, // the versions of prod
		"prod%2Fy":               {404, codeSecretNotFound, `"prod/y" not found`},
		"prod%2Fx/version/0":     {400, codeRESTArgument, "version"},
		"prod%2Fx/version/new":   {400, codeRESTArgument, "version"},
		"prod%2Fx/version/9":     {404, codeVersionNotFound, "version 9"},
		"prod%2Fx?version=9":     {404, codeVersionNotFound, "version 9"},
		"prod%2Fx?version=0":     {400, codeRESTArgument, "version"},
		"prod%2Fx?version=x":     {400, codeRESTArgument, "version"},
		"x?includeData=perhaps":  {400, codeRESTArgument, "includeData"},
		strings.Repeat("x", 256): {400, codeSecretBadPath, "longer than 255"},
	} {
		d.get(d.native("secret/"+path)).wantError(row.status, row.code, row.message)
	}
	d.send("PATCH", d.native("secret/prod%2Fx"), `{}`).wantError(405, codeRESTArgument, "not allowed")
	d.send("DELETE", d.native("secret"), "").wantError(405, codeRESTArgument, "not allowed")
	d.send("DELETE", d.native("secret/prod%2Fx/version/1"), "").wantError(405, codeRESTArgument, "not allowed")
}

// TestNativeStates checks each state of a version, which is listed in all of them, without data.
func TestNativeStates(t *testing.T) {
	d := start(t, Options{})
	d.put("prod/x", `{"k":1}`)
	d.put("prod/x", `{"k":2}`)
	set := func(version int, state string) reply {
		return d.send("PUT", d.native(fmt.Sprintf("secret/prod%%2Fx/version/%d", version)), `{"state":"`+state+`"}`)
	}
	current := func(state, data string) {
		t.Helper()
		got := d.get(d.native("secret/prod%2Fx?includeData=true")).want(200)
		got.wantAt("2", "version", "id")
		got.wantAt(`"`+state+`"`, "version", "state")
		got.wantAt(data, "version", "data")
	}
	set(2, "deactivated").want(200).wantAt(`"deactivated"`, "state")
	current("deactivated", "")
	d.get("secret/data/prod/x").wantError(404, codeVersionNotFound, "deactivated")
	set(2, "active").want(200).wantAt("", "data")
	current("active", `{"k":2}`)
	set(2, "deleted").want(200)
	current("deleted", "")
	set(2, "active").wantError(400, codeSecretBadState, "permanently deleted")
	set(1, "ACTIVE").wantError(400, codeRESTArgument, `"ACTIVE" is not one of`)
	set(3, "active").wantError(404, codeVersionNotFound, "version 3")
	var listed []string
	for _, v := range d.nativePage("secret/prod%2Fx/version", "", "").items(t) {
		listed = append(listed, fmt.Sprint(v["id"], v["state"], v["data"]))
	}
	if want := []string{"2deleted<nil>", "1active<nil>"}; !slices.Equal(listed, want) {
		t.Errorf("listed: %v", listed)
	}
}

func (d *domain) nativePage(path, size, cursor string) reply {
	d.t.Helper()
	header := http.Header{}
	if size != "" {
		header.Set("X-Pagination-Size", size)
	}
	if cursor != "" {
		header.Set("X-Pagination-Cursor", cursor)
	}
	return d.do(request{path: d.native(path), header: header})
}

// items returns the entries of a list.
func (r reply) items(t *testing.T) (items []map[string]any) {
	t.Helper()
	if err := decodeStrict([]byte(r.want(200).body), &items, false); err != nil {
		t.Fatalf("%s: %v", r.body, err)
	}
	return items
}

// TestNativePages reads both lists to their ends.
func TestNativePages(t *testing.T) {
	d := start(t, Options{})
	d.send("PUT", d.native("secretConfig"), `{"maxVersions":25}`).want(200)
	for i := range 30 {
		d.put(fmt.Sprintf("many/k%03d", i), `{}`)
		d.put("many", `{}`)
	}
	entry := map[string]func(map[string]any) string{
		"secret":              func(item map[string]any) string { return fmt.Sprint(item["path"]) },
		"secret/many/version": func(item map[string]any) string { return fmt.Sprint(item["id"]) },
	}
	for path, want := range map[string]string{
		"secret":              "[many many/k000 many/k001] 31 [10 10 10 1]",
		"secret/many/version": "[30 29 28] 25 [10 10 5]",
	} {
		var all []string
		var sizes []int
		for cursor := ""; len(sizes) == 0 || cursor != ""; {
			got := d.nativePage(path, "10", cursor)
			items := got.items(t)
			sizes = append(sizes, len(items))
			for _, item := range items {
				all = append(all, entry[path](item))
			}
			cursor = got.header.Get("X-Pagination-Cursor-Next")
		}
		if got := fmt.Sprint(all[:3], len(all), sizes); got != want {
			t.Errorf("%s: got %s", path, got)
		}
		if slices.Sort(all); len(slices.Compact(all)) != len(all) {
			t.Errorf("%s: an entry is on two pages: %v", path, all)
		}
		for _, size := range []string{"9", "101", "many"} {
			d.nativePage(path, size, "").wantError(400, codeRESTArgument, "X-Pagination-Size")
		}
		d.nativePage(path, "", "§").wantError(400, codeRESTArgument, "X-Pagination-Cursor")
		if got := d.nativePage(path, "", ""); len(got.items(t)) < 25 || got.header.Get("X-Pagination-Cursor-Next") != "" {
			t.Errorf("%s: by default a page has %d entries", path, len(got.items(t)))
		}
	}
	d.nativePage("secret/many/version", "", "eA==").wantError(400, codeRESTArgument, "not one of this list")
}

// TestNativeListLeavesOut: a secret that the caller may not get is left out, as in the other API.
func TestNativeListLeavesOut(t *testing.T) {
	d := start(t, Options{})
	list := func(token string) string { return d.do(request{path: d.native("secret"), token: token}).want(200).body }
	if got := list(""); got != "[]" {
		t.Errorf("an empty domain: %s", got)
	}
	d.put("prod/x", `{"k":1}`)
	d.put("dev/y", `{"k":1}`)
	if err := d.AddToken("dev", Identity{Paths: []string{"dev/"}}); err != nil {
		t.Fatal(err)
	}
	if got := list("dev"); !strings.Contains(got, "dev/y") || strings.Contains(got, "prod/x") ||
		strings.Contains(got, `"data"`) {
		t.Errorf("with the right on one folder: %s", got)
	}
	if got := list(noneToken); got != "[]" {
		t.Errorf("without a right: %s", got)
	}
}

// TestNativeWrites checks cas, which a change of the metadata in the same request precedes.
func TestNativeWrites(t *testing.T) {
	d := start(t, Options{})
	path := d.native("secret/prod%2Fx")
	create := `{"path":"prod/x","version":{"data":{"k":1}}}`
	d.send("POST", d.native("secret"), create).want(200)
	d.send("POST", d.native("secret"), create).wantError(409, codeSecretExists, "exists")
	for body, message := range map[string]string{
		`{"path":"prod//x","version":{"data":{}}}`: "empty segment",
		`{"path":"y"}`:                        "version.data is missing",
		`{"path":"y","version":{"data":[1]}}`: "not a JSON object",
		`{"path":"y","version":{"data":{"k":"` + strings.Repeat("x", 64<<10) + `"}}}`: "",
		`{"path":"y","metadata":{"maxVersions":24001},"version":{"data":{}}}`:         "max_versions",
		"{\"path\":\"y\",\"version\":{\"data\":{\"k\":\"\xff\"}}}":                    "not UTF-8",
	} {
		if got := d.send("POST", d.native("secret"), body); got.status != 400 || !strings.Contains(got.body, message) {
			t.Errorf("%.60s: %s", body, got.body)
		}
	}
	d.get(d.native("secret/y")).want(404)

	d.send("PUT", path, `{"metadata":{"maxVersions":2}}`).want(200).wantAt("1", "metadata", "currentVersion")
	d.send("PUT", path+"?cas=1", `{"version":{"data":{"k":2}}}`).want(200).wantAt("2", "metadata", "currentVersion")
	d.send("PUT", path+"?cas=1", `{"version":{"data":{"k":3}}}`).wantError(400, codeSecretBadCAS, "cas is 1 but")
	d.send("PUT", path, `{"metadata":{"casRequired":true},"version":{"data":{"k":3}}}`).wantError(400, codeSecretBadCAS,
		"cas is required")
	d.get(path).wantAt("false", "metadata", "casRequired")
	d.send("POST", path+"/version?cas=1", `{"data":{"k":3}}`).wantError(400, codeSecretBadCAS, "cas is 1 but")
	d.send("POST", path+"/version?cas=x", `{"data":{"k":3}}`).wantError(400, codeRESTArgument, "cas")
	d.send("POST", path+"/version?cas=2", `{"data":{"k":3}}`).want(200).wantAt(`{"k":3}`, "data")
	d.send("POST", path+"/version", `{}`).wantError(400, codeSecretBadData, "data is missing")
	d.get(path+"?version=1").wantError(404, codeVersionNotFound, "version 1") // pruned
	d.get(path).wantAt("2", "metadata", "oldestVersion")
	for _, method := range []string{"PUT", "DELETE"} {
		d.send(method, d.native("secret/absent"), `{}`).wantError(404, codeSecretNotFound, "not found")
	}
	d.send("POST", d.native("secret/absent/version"), `{"data":{}}`).wantError(404, codeSecretNotFound, "not found")
}

// TestNativeConfig: both APIs have the same settings of the domain.
func TestNativeConfig(t *testing.T) {
	d := start(t, Options{})
	const want = `{"casRequired":true,"deactivateVersionAfter":"1d","maxVersions":4}`
	d.send("PUT", d.native("secretConfig"), want).want(200).wantAt("[]", "warnings")
	if got := d.get(d.native("secretConfig")).want(200); got.body != want {
		t.Errorf("got %s", got.body)
	}
	d.get("secret/config").want(200).wantAt(`{"cas_required":true,"delete_version_after":"1d","max_versions":4}`, "data")
	d.send("PUT", d.native("secretConfig"), `{"maxVersions":24001}`).wantError(400, codeSecretBadMetadata, "max_versions")
	d.send("DELETE", d.native("secretConfig"), "").wantError(405, codeRESTArgument, "not allowed")
}

// TestEachNativeCallNeedsItsActions checks that each call requires the actions that OKMS documents.
// Lists have none: they leave out secrets.
func TestEachNativeCallNeedsItsActions(t *testing.T) {
	d := start(t, Options{})
	for _, row := range []struct {
		method, path, body string
		status             int
		actions            []string
	}{
		{"POST", "secret", `{"path":"prod/x","version":{"data":{"k":1}}}`, 200, []string{actionCreate}},
		{"GET", "secret/prod%2Fx", "", 200, []string{actionGet}},
		{"GET", "secret/prod%2Fx?includeData=true", "", 200, []string{actionGet, actionGetData}},
		{"GET", "secret/prod%2Fx/version", "", 200, []string{actionGet}},
		{"GET", "secret/prod%2Fx/version/1", "", 200, []string{actionGet}},
		{"GET", "secret/prod%2Fx/version/1?includeData=true", "", 200, []string{actionGet, actionGetData}},
		{"PUT", "secret/prod%2Fx", `{"metadata":{}}`, 200, []string{actionUpdateMeta}},
		{"PUT", "secret/prod%2Fx", `{"version":{"data":{}}}`, 200, []string{actionNewVersion}},
		{"PUT", "secret/prod%2Fx", `{"metadata":{},"version":{"data":{}}}`, 200,
			[]string{actionUpdateMeta, actionNewVersion}},
		{"POST", "secret/prod%2Fx/version", `{"data":{}}`, 200, []string{actionNewVersion}},
		{"PUT", "secret/prod%2Fx/version/1", `{"state":"deactivated"}`, 200, []string{actionDeactivate}},
		{"PUT", "secret/prod%2Fx/version/1", `{"state":"active"}`, 200, []string{actionActivate}},
		{"PUT", "secret/prod%2Fx/version/1", `{"state":"deleted"}`, 200, []string{actionDestroy}},
		{"GET", "secretConfig", "", 200, []string{actionGetConfig}},
		{"PUT", "secretConfig", `{}`, 200, []string{actionWriteConfig}},
		{"DELETE", "secret/prod%2Fx", "", 204, []string{actionDelete}},
	} {
		call := func(actions []string) reply {
			if err := d.AddToken("someone", Identity{Name: "someone", Actions: actions, Paths: []string{"prod/"}}); err != nil {
				t.Fatal(err)
			}
			return d.do(request{method: row.method, path: d.native(row.path), body: row.body,
				header: http.Header{"Authorization": {"Bearer someone"}}, token: "-"})
		}
		for _, action := range row.actions {
			without := slices.DeleteFunc(dataPlaneActions(), func(a string) bool { return a == action })
			call(without).wantError(403, codeIAMDenied, `identity "someone" is not allowed `+action)
		}
		call(row.actions).want(row.status)
	}
}

func TestNativeDenialStatus(t *testing.T) {
	for _, status := range []int{401, 403, 404} {
		d := start(t, Options{Switches: Switches{DenialStatus: status}})
		d.put("x", `{}`)
		for _, path := range []string{"secret/x", "secret/x?includeData=true", "secret/x/version", "secret/absent",
			"secretConfig"} {
			d.do(request{path: d.native(path), token: noneToken}).wantError(status, codeIAMDenied, "not allowed")
		}
		d.do(request{path: d.native("secret/x"), token: "-"}).wantError(401, codeUnauthenticated, "no credential")
	}
}
