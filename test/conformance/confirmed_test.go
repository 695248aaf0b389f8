package conformance

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// The tests of this file are about what OVHcloud states, or what others measured on the live service:
// a failure means that a belief is wrong.

// create writes a new secret by the native API.
func create(t *testing.T, name, data string) (path string) {
	t.Helper()
	path = domain.scratch(name)
	got := domain.do(t, request{method: http.MethodPost, path: "/v2/secret", body: fmt.Sprintf(`{"path":%q,"version":{"data":%s}}`, path, data)})
	got.want(t, http.StatusOK, 0)
	return path
}

func TestBytesAndVersions(t *testing.T) {
	const data = `{"b":"x","a":"<&>é","n":12345678901234567890,"o":{"l":[1,null,true]}}`
	path := create(t, "bytes", data)
	var v struct {
		Metadata struct {
			CurrentVersion, OldestVersion int
			CreatedAt                     string
		}
		Version struct {
			ID    int
			State string
		}
	}
	whole := domain.do(t, request{path: v2(path) + "?includeData=true"})
	whole.want(t, http.StatusOK, 0)
	whole.into(t, &v)
	if v.Metadata.CurrentVersion != 1 || v.Metadata.OldestVersion != 0 || v.Version.ID != 1 || v.Version.State != "active" {
		t.Errorf("it is %+v", v)
	}
	kv := domain.do(t, request{path: v1(path)})
	kv.want(t, http.StatusOK, 0)
	for name, body := range map[string][]byte{"native": whole.body, "Vault-compatible": kv.body} {
		for _, part := range []string{`12345678901234567890`, `[1,null,true]`} {
			if !bytes.Contains(body, []byte(part)) {
				t.Errorf("the %s API changes %s: %.300s", name, part, body)
			}
		}
	}
	if without := domain.do(t, request{path: v2(path) + "?includeData=false"}); bytes.Contains(without.body, []byte("12345678901234567890")) {
		t.Error("includeData=false gives data")
	}
	domain.do(t, request{method: http.MethodPost, path: v1(path), body: `{"data":{"second":true}}`}).want(t, http.StatusOK, 0)
	domain.do(t, request{path: v1(path) + "?version=1"}).want(t, http.StatusOK, 0)
	if second := domain.do(t, request{path: v1(path)}); !bytes.Contains(second.body, []byte(`"version":2`)) {
		t.Errorf("the second version is not the latest: %.200s", second.body)
	}
}

func TestWhatIsAbsent(t *testing.T) {
	path := create(t, "absent", `{"k":"v"}`)
	for _, p := range []string{v1(domain.folder + "/not-there"), v2(domain.folder+"/not-there") + "?includeData=true"} {
		domain.do(t, request{path: p}).want(t, http.StatusNotFound, 17125377)
	}
	for _, p := range []string{v1(path) + "?version=9", v2(path) + "?version=9&includeData=true"} {
		domain.do(t, request{path: p}).want(t, http.StatusNotFound, 17125378)
	}
	if got := domain.do(t, request{path: v1(path), token: "-"}); got.status != http.StatusUnauthorized {
		t.Errorf("without a token the status is %d", got.status)
	}
	if got := domain.do(t, request{path: "/v1/secret/" + path + "/data"}); got.status != http.StatusNotFound {
		t.Errorf("the path before data gives %d", got.status)
	}
}

// TestDeactivation: the current version stays the current one, and its data are gone until it is
// activated again.
func TestDeactivation(t *testing.T) {
	path := create(t, "deactivated", `{"k":"first"}`)
	domain.do(t, request{method: http.MethodPost, path: v2(path) + "/version", body: `{"data":{"k":"second"}}`}).want(t, http.StatusOK, 0)
	state := func(version int, state string) reply {
		return domain.do(t, request{method: http.MethodPut, path: fmt.Sprintf("%s/version/%d", v2(path), version), body: `{"state":"` + state + `"}`})
	}
	state(2, "deactivated").want(t, http.StatusOK, 0)
	got := domain.do(t, request{path: v2(path) + "?includeData=true"})
	got.want(t, http.StatusOK, 0)
	if !bytes.Contains(got.body, []byte(`"state":"deactivated"`)) || bytes.Contains(got.body, []byte("second")) {
		t.Errorf("a deactivated version is %.300s", got.body)
	}
	kv := domain.do(t, request{path: v1(path)})
	if kv.status != http.StatusNotFound || bytes.Contains(kv.body, []byte("second")) {
		t.Errorf("over the other API it is %s", kv.code())
	}
	answer(10, map[bool]string{true: "the 404 has data.metadata", false: "the 404 has no data.metadata"}[bytes.Contains(kv.body, []byte(`"deletion_time"`))], kv.code())
	domain.do(t, request{path: v1(path) + "?version=1"}).want(t, http.StatusOK, 0)
	state(2, "active").want(t, http.StatusOK, 0)
	domain.do(t, request{path: v1(path)}).want(t, http.StatusOK, 0)
	state(1, "deleted").want(t, http.StatusOK, 0)
	if got := state(1, "active"); got.status < 400 {
		t.Errorf("a deleted version is activated: %s", got.code())
	}
}

func TestFoldersAndPages(t *testing.T) {
	for i := range 12 {
		create(t, fmt.Sprintf("list/%02d", i), `{"k":"v"}`)
	}
	create(t, "list/deep/er", `{"k":"v"}`)
	folder := domain.folder + "/list"
	keys := func(cursor string) (reply, []string) {
		header := map[string]string{"X-Pagination-Size": "10"}
		if cursor != "" {
			header["X-Pagination-Cursor"] = cursor
		}
		got := domain.do(t, request{path: "/v1/secret/metadata/" + folder + "?list=true", header: header})
		got.want(t, http.StatusOK, 0)
		var body struct{ Data struct{ Keys []string } }
		got.into(t, &body)
		return got, body.Data.Keys
	}
	first, names := keys("")
	next := first.header.Get("X-Pagination-Cursor-Next")
	if len(names) != 10 || next == "" {
		t.Fatalf("a page of ten has %d names, the next cursor %q", len(names), next)
	}
	_, more := keys(next)
	all := strings.Join(append(names, more...), " ")
	if !strings.Contains(all, "deep/") || strings.Contains(all, "deep/er") || strings.Count(all, " ") != 12 {
		t.Errorf("the folder holds %s", all)
	}
}
