// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestDataIsReturnedByteForByte checks numbers, escapes, spaces, order and duplicate keys.
func TestDataIsReturnedByteForByte(t *testing.T) {
	d := start(t, Options{})
	for i, data := range []string{
		`{"b":1.0,"a":12345678901234567890,"h":"<&>"}`,
		"{ \"k\" :\t\"v\" ,\n \"n\" : [ 1, 2 ] }",
		`{"é":"\u00e9\/","":"empty key","x":1,"x":2}`,
		`{}`,
	} {
		path := fmt.Sprintf("bytes/%d", i)
		d.put(path, data)
		if got := d.get("secret/data/" + path).want(200); !strings.Contains(got.body, `"data":{"data":`+data+`,"metadata":`) {
			t.Errorf("put %s, got %s", data, got.body)
		}
		d.send("POST", "secret/data/http/"+path, `{"data":`+data+`}`).want(200)
		if got := d.get("secret/data/http/" + path).want(200); !strings.Contains(got.body,
			`"data":{"data":`+data+`,"metadata":`) {
			t.Errorf("posted %s, got %s", data, got.body)
		}
	}
}

func TestPutRawSendsInvalidData(t *testing.T) {
	d := start(t, Options{})
	for _, data := range []string{`null`, `[1]`, `"text"`, "{\"k\":\"\xff\xfe\"}", `{"k":`, "",
		strings.Repeat("x", 200<<10)} {
		if _, err := d.Put("raw/x", data); err == nil {
			t.Errorf("Put accepted %.20q", data)
		}
		if _, err := d.PutRaw("raw/x", data); err != nil {
			t.Fatal(err)
		}
		if got := d.get("secret/data/raw/x"); got.status != 200 ||
			!strings.Contains(got.body, `"data":{"data":`+data+`,"metadata":{`) {
			t.Errorf("raw %.20q came out as %.80q", data, got.body)
		}
	}
}

func TestReadDataGivesMetadata(t *testing.T) {
	now := newClock()
	d := start(t, Options{Now: now.Now})
	d.put("prod/x", `{"k":"v"}`)
	got := d.get("secret/data/prod/x").want(200)
	got.wantAt(`{"created_time":"2026-08-22T02:24:06.945319214Z","custom_metadata":null,"deletion_time":"",`+
		`"destroyed":false,"version":1}`, "data", "metadata")
	if id := got.at("request_id"); !strings.HasPrefix(id, `"OKMS.`) ||
		!uuidPattern.MatchString(strings.Trim(id[6:], `"`)) {
		t.Errorf("got request_id %s", id)
	}
}

// TestPathTakesBothSlashes checks / and %2F, as Vault's client and OVHcloud's SDK send them.
func TestPathTakesBothSlashes(t *testing.T) {
	d := start(t, Options{})
	d.put("prod/va1/x=1:2@a_b-c.d", `{"k":"v"}`)
	for _, path := range []string{"prod/va1/x=1:2@a_b-c.d", "prod%2Fva1%2Fx=1:2@a_b-c.d",
		"prod%2fva1/x%3D1%3A2%40a_b-c.d"} {
		d.get("secret/data/"+path).want(200).wantAt(`{"k":"v"}`, "data", "data")
	}
}

func TestBadRequestsAreRefused(t *testing.T) {
	d := start(t, Options{})
	d.put("prod/x", `{"k":"v"}`)
	long := strings.Repeat("a", 256)
	for name, row := range map[string]struct {
		method, path, body string
		code               int
		message            string
	}{
		"path with a space":     {"GET", "secret/data/a%20b", "", codeSecretBadPath, "has a character outside"},
		"path with a percent":   {"GET", "secret/data/a%2525b", "", codeSecretBadPath, "has a character outside"},
		"path not ASCII":        {"GET", "secret/data/%C3%A9", "", codeSecretBadPath, "has a character outside"},
		"path too long":         {"GET", "secret/data/" + long, "", codeSecretBadPath, "longer than 255"},
		"path with end slash":   {"GET", "secret/data/a/", "", codeSecretBadPath, "begins or ends with /"},
		"path with start slash": {"GET", "secret/data/%2Fa", "", codeSecretBadPath, "begins or ends with /"},
		"path with two slashes": {"GET", "secret/data/a//b", "", codeSecretBadPath, "empty segment"},
		"no path":               {"GET", "secret/data/", "", codeSecretBadPath, "is empty"},
		"version zero": {"GET", "secret/data/prod/x?version=0", "", codeRESTArgument,
			`version="0" is not a number from 1 to 24000`},
		"version too high":     {"GET", "secret/data/prod/x?version=24001", "", codeRESTArgument, "is not a number"},
		"version not a number": {"GET", "secret/data/prod/x?version=one", "", codeRESTArgument, "is not a number"},
		"version empty":        {"GET", "secret/data/prod/x?version=", "", codeRESTArgument, "is not a number"},
		"an invalid query":     {"GET", "secret/data/prod/x?version=%zz", "", codeRESTArgument, "query"},
		"list not a boolean":   {"GET", "secret/metadata/prod?list=maybe", "", codeRESTArgument, "is not true or false"},
		"body not JSON":        {"POST", "secret/data/prod/x", `{"data":`, codeRESTArgument, "request body"},
		"body empty":           {"POST", "secret/data/prod/x", ``, codeRESTArgument, "is empty"},
		"body with more":       {"POST", "secret/data/prod/x", `{"data":{}} {}`, codeRESTArgument, "more than one"},
		"body not UTF-8":       {"POST", "secret/data/prod/x", "{\"data\":{\"k\":\"\xff\"}}", codeRESTArgument, "not UTF-8"},
		"unknown field": {"POST", "secret/data/prod/x", `{"data":{},"date":1}`, codeRESTArgument,
			`unknown field "date"`},
		"data missing":  {"POST", "secret/data/prod/x", `{}`, codeSecretBadData, "data is missing"},
		"data an array": {"POST", "secret/data/prod/x", `{"data":[1]}`, codeSecretBadData, "not a JSON object"},
		"data a text":   {"POST", "secret/data/prod/x", `{"data":"x"}`, codeSecretBadData, "not a JSON object"},
		"data too large": {"POST", "secret/data/prod/x", `{"data":{"k":"` + strings.Repeat("x", 64<<10) + `"}}`,
			codeSecretBadData, "more than 65536"},
		"versions missing": {"POST", "secret/delete/prod/x", `{}`, codeRESTArgument, "versions is missing"},
		"versions not numbers": {"POST", "secret/delete/prod/x", `{"versions":["a"]}`, codeRESTArgument,
			`version "a" is not a number`},
		"versions zero": {"POST", "secret/delete/prod/x", `{"versions":[0]}`, codeRESTArgument,
			"version 0 is not a number"},
		"metadata without path": {"POST", "secret/metadata", `{}`, codeSecretBadPath, "is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			d := *d
			d.t = t
			d.send(row.method, row.path, row.body).wantError(400, row.code, row.message)
		})
	}
	if n := d.get("secret/metadata/prod/x").at("data", "current_version"); n != "1" {
		t.Errorf("a refused request wrote version %s", n)
	}
}

func TestTheLargestDataIsAccepted(t *testing.T) {
	d := start(t, Options{})
	data := `{"k":"` + strings.Repeat("x", maxDataSize-len(`{"k":""}`)) + `"}`
	d.send("POST", "secret/data/big", `{"data":`+data+`}`).want(200)
	d.get("secret/data/big").want(200).wantAt(data, "data", "data")
}

func TestTheSwitchAllowsUnknownFields(t *testing.T) {
	d := start(t, Options{Switches: Switches{IgnoreUnknownFields: true}})
	d.send("POST", "secret/data/prod/x", `{"data":{},"date":1}`).want(200)
}

func TestAbsentSecretAndVersionHaveDifferentErrors(t *testing.T) {
	d := start(t, Options{})
	d.put("prod/x", `{"k":"v"}`)
	d.get("secret/data/prod/y").wantError(404, 17125377, `secret "prod/y" not found`).wantAt("", "data")
	d.get("secret/data/prod/x?version=7").wantError(404, 17125378, `version 7 of secret "prod/x" not found`).wantAt("",
		"data")
	d.get("secret/metadata/prod/y").wantError(404, 17125377, "not found")
	d.send("DELETE", "secret/metadata/prod/y", "").wantError(404, 17125377, "not found")
	d.send("DELETE", "secret/data/prod/y", "").wantError(404, 17125377, "not found")
	d.send("PATCH", "secret/data/prod/y", `{"data":{}}`).wantError(404, 17125377, "not found")
	d.send("POST", "secret/delete/prod/x", `{"versions":[1,9]}`).wantError(404, 17125378, "version 9")
	d.get("secret/data/prod/x").want(200) // the refused request deactivated nothing
}

// TestStatesOfAVersion checks the changes of state, by Vault's names.
func TestStatesOfAVersion(t *testing.T) {
	now := newClock()
	d := start(t, Options{Now: now.Now})
	d.put("prod/x", `{"k":1}`)
	d.put("prod/x", `{"k":2}`)
	now.advance(time.Hour)
	d.send("DELETE", "secret/data/prod/x", "").want(204)
	gone := d.get("secret/data/prod/x").wantError(404, 17125378, `version 2 of secret "prod/x" is deactivated`)
	gone.wantAt("null", "data", "data")
	gone.wantAt(`"2026-08-22T03:24:06.945319214Z"`, "data", "metadata", "deletion_time")
	gone.wantAt("false", "data", "metadata", "destroyed")
	gone.wantAt("2", "data", "metadata", "version")
	d.get("secret/data/prod/x?version=1").want(200).wantAt(`{"k":1}`, "data", "data")
	d.get("secret/metadata/prod/x").want(200).wantAt("2", "data", "current_version")

	d.send("POST", "secret/undelete/prod/x", `{"versions":[2]}`).want(204)
	d.get("secret/data/prod/x").want(200).wantAt(`""`, "data", "metadata", "deletion_time")

	d.send("POST", "secret/delete/prod/x", `{"versions":["1",2]}`).want(204)
	d.get("secret/data/prod/x?version=1").wantError(404, 17125378, "deactivated")

	d.send("PUT", "secret/destroy/prod/x", `{"versions":[2]}`).want(204)
	gone = d.get("secret/data/prod/x").wantError(404, 17125378, "is deleted")
	gone.wantAt("null", "data", "data")
	gone.wantAt("true", "data", "metadata", "destroyed")
	d.send("POST", "secret/undelete/prod/x", `{"versions":[1,2]}`).wantError(400, codeSecretBadState, "version 2")
	d.get("secret/data/prod/x?version=1").wantError(404, 17125378, "deactivated") // all or nothing
	d.send("POST", "secret/delete/prod/x", `{"versions":[2]}`).want(204)          // no change
}

func TestPlainDeletedAnswer(t *testing.T) {
	d := start(t, Options{Switches: Switches{PlainDeletedAnswer: true}})
	d.put("prod/x", `{}`)
	if err := d.SetState("prod/x", 0, Deactivated); err != nil {
		t.Fatal(err)
	}
	d.get("secret/data/prod/x").wantError(404, 17125378, "deactivated").wantAt("", "data")
}

// TestWriteMakesVersions checks that each write adds a version.
func TestWriteMakesVersions(t *testing.T) {
	d := start(t, Options{})
	got := d.send("POST", "secret/data/prod/x", `{"data":{"k":1}}`).want(200)
	got.wantAt("1", "data", "version")
	got.wantAt("[]", "warnings")
	d.send("PUT", "secret/data/prod/x", `{"data":{"k":1}}`).want(200).wantAt("2", "data", "version")
	d.send("POST", "secret/data/prod/x", `{"data":null}`).want(200).wantAt("3", "data", "version")
	d.get("secret/data/prod/x").want(200).wantAt("null", "data", "data")
}

func TestCheckAndSet(t *testing.T) {
	d := start(t, Options{})
	const path = "secret/data/prod/x"
	d.send("POST", path, `{"data":{},"options":{"cas":1}}`).wantError(400, codeSecretBadCAS,
		"cas is 1 but the current version")
	d.send("POST", path, `{"data":{},"options":{"cas":0}}`).want(200)
	d.send("POST", path, `{"data":{},"options":{"cas":0}}`).wantError(400, codeSecretBadCAS, "cas is 0")
	d.send("POST", path, `{"data":{},"options":{"cas":1}}`).want(200)
	d.send("POST", path, `{"data":{},"options":{}}`).want(200)
	d.send("POST", "secret/metadata/prod/x", `{"cas_required":true}`).want(204)
	d.send("POST", path, `{"data":{}}`).wantError(400, codeSecretBadCAS, "cas is required")
	d.send("PATCH", path, `{"data":{"a":1},"options":{"cas":2}}`).wantError(400, codeSecretBadCAS, "cas is 2")
	d.send("PATCH", path, `{"data":{"a":1},"options":{"cas":3}}`).want(200).wantAt("4", "data", "version")
	d.send("POST", "secret/config", `{"cas_required":true}`).want(204)
	d.send("POST", "secret/metadata/prod/x", `{"cas_required":false}`).want(204)
	d.send("POST", path, `{"data":{}}`).wantError(400, codeSecretBadCAS, "cas is required") // the domain's setting applies
	d.send("POST", "secret/data/new", `{"data":{}}`).wantError(400, codeSecretBadCAS, "cas is required")
}

// TestPatchMerges checks a patch by RFC 7396. Unchanged values keep their bytes.
func TestPatchMerges(t *testing.T) {
	d := start(t, Options{})
	d.put("prod/x", `{"keep":1.0,"big":12345678901234567890,"h":"<&>","o":{"a":1,"b":2},"drop":1,"swap":{"z":1}}`)
	got := d.do(request{method: "PATCH", path: "secret/data/prod/x",
		body: `{"data":{"o":{"b":null,"c":{"d":null,"e":3}},"drop":null,"swap":"text","new":{"n":null,"m":1}}}`})
	got.want(200).wantAt("2", "data", "version")
	d.get("secret/data/prod/x").want(200).wantAt(
		`{"keep":1.0,"big":12345678901234567890,"h":"<&>","o":{"a":1,"c":{"e":3}},"swap":"text","new":{"m":1}}`,
		"data", "data")

	if err := d.SetState("prod/x", 2, Deactivated); err != nil {
		t.Fatal(err)
	}
	gone := d.send("PATCH", "secret/data/prod/x", `{"data":{"a":1}}`).wantError(404, 17125378, "deactivated")
	gone.wantAt("2", "data", "version") // the 404 of a patch has the metadata directly in data
}

// TestSubkeys checks the answer without values, and its depth.
func TestSubkeys(t *testing.T) {
	d := start(t, Options{})
	d.put("prod/x", `{"z":1,"a":{"b":{"c":"x"},"l":[{"k":1}]},"e":{}}`)
	for query, want := range map[string]string{
		"":         `{"z":null,"a":{"b":{"c":null},"l":null},"e":{}}`,
		"?depth=0": `{"z":null,"a":{"b":{"c":null},"l":null},"e":{}}`,
		"?depth=1": `{"z":null,"a":null,"e":null}`,
		"?depth=2": `{"z":null,"a":{"b":null,"l":null},"e":{}}`,
	} {
		got := d.get("secret/subkeys/prod/x" + query).want(200)
		got.wantAt(want, "data", "subkeys")
		got.wantAt("1", "data", "metadata", "version")
	}
	d.get("secret/subkeys/prod/x?version=3").wantError(404, 17125378, "version 3")
	d.get("secret/subkeys/prod/x?depth=-1").wantError(400, codeRESTArgument, "depth")
}

// TestVersionDeactivatesByItself checks delete_version_after.
func TestVersionDeactivatesByItself(t *testing.T) {
	now := newClock()
	d := start(t, Options{Now: now.Now})
	d.put("prod/x", `{"k":1}`)
	d.send("POST", "secret/metadata/prod/x", `{"delete_version_after":"1d12h"}`).want(204)
	d.put("prod/x", `{"k":2}`)
	now.advance(36*time.Hour - 1)
	d.get("secret/data/prod/x").want(200)
	now.advance(1)
	gone := d.get("secret/data/prod/x").wantError(404, 17125378, "version 2 of secret \"prod/x\" is deactivated")
	gone.wantAt(`"2026-08-23T14:24:06.945319214Z"`, "data", "metadata", "deletion_time")
	d.get("secret/data/prod/x?version=1").want(200) // written before the setting
	d.send("POST", "secret/undelete/prod/x", `{"versions":[2]}`).want(204)
	now.advance(1000 * time.Hour)
	d.get("secret/data/prod/x").want(200)
}

func TestOldestVersionsArePruned(t *testing.T) {
	d := start(t, Options{})
	for i := range 12 {
		d.put("ten", fmt.Sprintf(`{"k":%d}`, i))
		d.put("two", `{}`)
		if i == 0 {
			d.send("POST", "secret/metadata/two", `{"max_versions":2}`).want(204)
		}
		if i == 3 {
			d.get("secret/metadata/ten").want(200).wantAt("0", "data", "oldest_version")
		}
	}
	got := d.get("secret/metadata/ten").want(200)
	got.wantAt("12", "data", "current_version")
	got.wantAt("3", "data", "oldest_version")
	got.wantAt("10", "data", "max_versions")
	got.wantAt("", "data", "versions", "2")
	if got.at("data", "versions", "3") == "" {
		t.Error("version 3 is gone")
	}
	d.get("secret/data/ten?version=2").wantError(404, 17125378, "version 2")
	d.get("secret/metadata/two").want(200).wantAt("11", "data", "oldest_version")
}
