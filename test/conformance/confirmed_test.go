// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The tests of this file are about what OVHcloud states, or what others measured on the live service:
// a failure means that a belief is wrong.

// secret is a secret of a test.
type secret struct {
	path    string
	current int // its current version
}

// create writes a new secret by the native API, with settings as JSON members; "" is none.
func create(t *testing.T, name, data, settings string) *secret {
	t.Helper()
	s := &secret{path: domain.scratch(t, name), current: 1}
	if settings == "" {
		settings = domain.own
	}
	body := fmt.Sprintf(`{"path":%q,"metadata":{%s},"version":{"data":%s}}`, s.path, settings, data)
	got := domain.do(t, request{method: http.MethodPost, path: "/v2/secret", body: body})
	if got.status >= 400 && got.status < 500 { // nothing was written
		domain.forget(s.path)
	}
	if got.want(t, http.StatusOK, 0); t.Failed() {
		t.FailNow()
	}
	return s
}

// cas returns the query parameter that a domain may require for the next version.
func (s *secret) cas() string { return fmt.Sprintf("?cas=%d", s.current) }

// add writes the next version by the native API.
func (s *secret) add(t *testing.T, data string) {
	t.Helper()
	domain.do(t,
		request{method: http.MethodPost, path: v2(s.path) + "/version" + s.cas(), body: `{"data":` + data + `}`}).want(t,
		http.StatusOK, 0)
	s.current++
}

// addKV writes the next version by the Vault-compatible API.
func (s *secret) addKV(t *testing.T, method, data string) reply {
	t.Helper()
	got := domain.do(t,
		request{method: method, path: v1(s.path), body: fmt.Sprintf(`{"data":%s,"options":{"cas":%d}}`, data, s.current)})
	if got.status == http.StatusOK {
		s.current++
	}
	return got
}

func TestBytesAndVersions(t *testing.T) {
	const data = `{"b":"x","a":"<&>é","n":12345678901234567890,"o":{"l":[1,null,true]}}`
	s := create(t, "bytes", data, "")
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
	whole := domain.do(t, request{path: v2(s.path) + "?includeData=true"})
	whole.want(t, http.StatusOK, 0)
	whole.into(t, &v)
	if v.Metadata.CurrentVersion != 1 || v.Metadata.OldestVersion != 0 || v.Version.ID != 1 ||
		v.Version.State != "active" {
		t.Errorf("it is %+v", v)
	}
	kv := domain.do(t, request{path: v1(s.path)})
	kv.want(t, http.StatusOK, 0)
	for name, got := range map[string]string{"native": whole.data(), "Vault-compatible": kv.data()} {
		for _, part := range []string{`12345678901234567890`, `[1,null,true]`} {
			if !strings.Contains(got, part) {
				t.Errorf("the %s API changes %s: %s", name, part, got)
			}
		}
	}
	if without := domain.do(t, request{path: v2(s.path) + "?includeData=false"}); without.data() != "" {
		t.Error("includeData=false gives data")
	}
	s.addKV(t, http.MethodPost, `{"second":true}`).want(t, http.StatusOK, 0)
	domain.do(t, request{path: v1(s.path) + "?version=1"}).want(t, http.StatusOK, 0)
	if second := domain.do(t, request{path: v1(s.path)}); !strings.Contains(second.data(), `"second"`) {
		t.Errorf("the second version is not the latest: %s", second.data())
	}
}

func TestWhatIsAbsent(t *testing.T) {
	path := create(t, "absent", `{"k":"v"}`, "").path
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
// activated again. A deleted version stays in the list of versions.
func TestDeactivation(t *testing.T) {
	s := create(t, "deactivated", `{"k":"first"}`, "")
	s.add(t, `{"k":"second"}`)
	state := func(version int, state string) reply {
		return domain.do(t,
			request{method: http.MethodPut, path: fmt.Sprintf("%s/version/%d", v2(s.path), version),
				body: `{"state":"` + state + `"}`})
	}
	state(2, "deactivated").want(t, http.StatusOK, 0)
	got := domain.do(t, request{path: v2(s.path) + "?includeData=true"})
	got.want(t, http.StatusOK, 0)
	var v struct {
		Version struct {
			ID    int
			State string
		}
	}
	if got.into(t, &v); v.Version.ID != 2 || v.Version.State != "deactivated" ||
		strings.Contains(string(got.body), "second") {
		t.Errorf("a deactivated version is %+v", v)
	}
	kv := domain.do(t, request{path: v1(s.path)})
	if kv.status != http.StatusNotFound || strings.Contains(string(kv.body), "second") {
		t.Errorf("over the other API it is %s", kv.code())
	}
	answer(10, map[bool]string{true: "the 404 has data.metadata",
		false: "the 404 has no data.metadata"}[strings.Contains(string(kv.body), `"deletion_time"`)], kv.code())
	domain.do(t, request{path: v1(s.path) + "?version=1"}).want(t, http.StatusOK, 0)
	state(2, "active").want(t, http.StatusOK, 0)
	domain.do(t, request{path: v1(s.path)}).want(t, http.StatusOK, 0)
	state(1, "deleted").want(t, http.StatusOK, 0)
	if got := state(1, "active"); got.status < 400 {
		t.Errorf("a deleted version is activated: %s", got.code())
	}
	if states := versions(t, s, ""); len(states.of) != 2 || states.of[1] != "deleted" || states.of[2] != "active" {
		t.Errorf("the list of versions is %v", states.of)
	}
}

// list is a page of versions.
type list struct {
	of   map[int]string // the state of each version
	next string         // the cursor of the next page; "" for none
}

// versions returns a page of ten versions of a secret.
func versions(t *testing.T, s *secret, cursor string) list {
	t.Helper()
	got := domain.do(t, request{path: v2(s.path) + "/version", header: page(cursor)})
	got.want(t, http.StatusOK, 0)
	var body []struct {
		ID    int
		State string
		Data  any
	}
	got.into(t, &body)
	l := list{of: map[int]string{}, next: got.header.Get("X-Pagination-Cursor-Next")}
	for _, v := range body {
		l.of[v.ID] = v.State
		if v.Data != nil {
			t.Error("a list of versions has data")
		}
	}
	return l
}

// page returns the headers for a page of ten.
func page(cursor string) map[string]string {
	header := map[string]string{"X-Pagination-Size": "10"}
	if cursor != "" {
		header["X-Pagination-Cursor"] = cursor
	}
	return header
}

func TestPagesOfVersions(t *testing.T) {
	s := create(t, "versions", `{"n":1}`, `"maxVersions":20,"deactivateVersionAfter":"0s"`)
	for s.current < 12 {
		s.add(t, `{"n":2}`)
	}
	first := versions(t, s, "")
	if len(first.of) != 10 || first.next == "" {
		t.Fatalf("a page of ten has %d versions, the next cursor %q", len(first.of), first.next)
	}
	second := versions(t, s, first.next)
	for id, state := range second.of {
		first.of[id] = state
	}
	if len(second.of) != 2 || len(first.of) != 12 || second.next != "" {
		t.Errorf("two pages have %d versions, the second one %d, the next cursor is %q", len(first.of), len(second.of),
			second.next)
	}
}

func TestFoldersAndPages(t *testing.T) {
	for i := range 12 {
		create(t, fmt.Sprintf("list/%02d", i), `{"k":"v"}`, "")
	}
	create(t, "list/deep/er", `{"k":"v"}`, "")
	folder := domain.folder + "/list"
	keys := func(path, cursor string) (string, []string) {
		got := domain.do(t, request{path: "/v1/secret/metadata/" + path + "?list=true", header: page(cursor)})
		got.want(t, http.StatusOK, 0)
		var body struct{ Data struct{ Keys []string } }
		got.into(t, &body)
		return got.header.Get("X-Pagination-Cursor-Next"), body.Data.Keys
	}
	next, names := keys(folder, "")
	if len(names) != 10 || next == "" {
		t.Fatalf("a page of ten has %d names, the next cursor %q", len(names), next)
	}
	_, more := keys(folder, next)
	all := strings.Join(append(names, more...), " ")
	if !strings.Contains(all, "deep/") || strings.Contains(all, "deep/er") || strings.Count(all, " ") != 12 {
		t.Errorf("the folder holds %s", all)
	}
	if _, again := keys(url.PathEscape(folder), ""); strings.Join(again, " ") != strings.Join(names, " ") {
		t.Errorf("with %%2F the folder holds %s", again)
	}
	t.Run("native", pagesOfSecrets)
}

// pagesOfSecrets looks at two pages of the list of the domain, which has no smaller one: of folders
// the native API knows nothing. It prints no name of it.
func pagesOfSecrets(t *testing.T) {
	paths := func(cursor string) (string, map[string]bool) {
		got := domain.do(t, request{path: "/v2/secret", header: page(cursor)})
		got.want(t, http.StatusOK, 0)
		var body []struct {
			Path    string
			Version struct{ Data any }
		}
		got.into(t, &body)
		all := map[string]bool{}
		for _, entry := range body {
			all[entry.Path] = true
			if entry.Path == "" || entry.Version.Data != nil {
				t.Error("an entry has no path, or has data")
			}
		}
		return got.header.Get("X-Pagination-Cursor-Next"), all
	}
	next, first := paths("")
	if len(first) != 10 || next == "" {
		t.Fatalf("a page of ten has %d secrets, and a next cursor: %t", len(first), next != "")
	}
	_, second := paths(next)
	for path := range second {
		if first[path] {
			t.Error("the second page has a secret of the first one")
		}
	}
	if len(second) < 3 {
		t.Errorf("the second page has %d secrets, though there are thirteen", len(second))
	}
}
