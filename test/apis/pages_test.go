// SPDX-License-Identifier: Apache-2.0

package apis

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
)

// paging starts a TLS server that answers the nth request, from 1, with page(n), and names next(n)
// as the cursor of the next page unless that is "". It returns the server's domain.
func paging(t *testing.T, page func(n int, api place.API) string, next func(n int) string) place.Domain {
	t.Helper()
	n := map[place.API]int{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api := place.KV2
		if strings.Contains(r.URL.Path, "/v2/") {
			api = place.REST
		}
		n[api]++
		if cursor := next(n[api]); cursor != "" {
			w.Header().Set("X-Pagination-Cursor-Next", cursor)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(page(n[api], api)))
	}))
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return place.Domain{Endpoint: server.URL, ID: "734b9b45-8b1a-469c-b140-b10bd6540017", CABundle: string(ca)}
}

// entries returns a page of the folder f with names, in the form of an API.
func entries(api place.API, names ...string) string {
	var parts []string
	for _, name := range names {
		if api == place.REST {
			name = "f/" + name
		}
		text, err := json.Marshal(name)
		if err != nil {
			panic(err)
		}
		if api == place.REST {
			text = fmt.Appendf(nil, `{"path":%s}`, text)
		}
		parts = append(parts, string(text))
	}
	if all := strings.Join(parts, ","); api == place.REST {
		return "[" + all + "]"
	} else {
		return `{"data":{"keys":[` + all + `]}}`
	}
}

// numbered returns so many names of a page.
func numbered(page, count int) (names []string) {
	for i := range count {
		names = append(names, fmt.Sprintf("%05d-%03d", page, i))
	}
	return names
}

func none(int) string    { return "" }
func fresh(n int) string { return fmt.Sprint("c", n) }
func endingAt(last int) func(n int) string {
	return func(n int) string {
		if n == last {
			return ""
		}
		return fresh(n)
	}
}

// TestPagesOfAFolder checks the limits of a list, and that one beyond them is an error with a
// cure.
func TestPagesOfAFolder(t *testing.T) {
	t.Parallel()
	same := func(names ...string) func(int, place.API) string {
		return func(_ int, api place.API) string { return entries(api, names...) }
	}
	of := func(count int) func(int, place.API) string {
		return func(n int, api place.API) string { return entries(api, numbered(n, count)...) }
	}
	long := strings.Repeat("n", 200)
	for name, c := range map[string]struct {
		page    func(int, place.API) string
		next    func(int) string
		entries int // of the list
		kind    failure.Kind
		text    string // part of the error
	}{
		"one page":       {of(3), none, 3, "", ""},
		"the most pages": {of(100), endingAt(100), 10_000, "", ""},
		"one page more":  {of(100), endingAt(101), 0, failure.TooLarge, "set api to kv2|use a longer path"},
		"short pages":    {of(1), endingAt(101), 0, failure.TooLarge, "set api to kv2|use a longer path"},
		"long pages":     {of(5001), endingAt(2), 0, failure.TooLarge, "set api to kv2|use a longer path"},
		"long names": {func(n int, api place.API) string {
			var names []string
			for i := range 60 {
				names = append(names, fmt.Sprintf("%s-%d-%d", long, n, i))
			}
			return entries(api, names...)
		}, endingAt(100), 0, failure.TooLarge, "set api to kv2|use a longer path"},
		"a page without entries": {func(n int, api place.API) string {
			if n == 2 {
				return entries(api)
			}
			return entries(api, numbered(n, 2)...)
		}, endingAt(3), 4, "", ""},
		"an entry on two pages": {func(n int, api place.API) string { return entries(api, fmt.Sprint(n), fmt.Sprint(n+1)) },
			endingAt(3), 4, "", ""},
		"the same page": {same("a"), fresh, 0, failure.Unreadable, "have no end"},
		"a circle":      {of(1), func(n int) string { return fresh(n % 3) }, 0, failure.Unreadable, "have no end"},
		"a long cursor": {same("a"), func(int) string { return strings.Repeat("x", 1<<10+1) }, 0, failure.Unreadable,
			"the cursor of the next page is invalid"},
		"a cursor with a space": {same("a"), func(int) string { return "a b" }, 0, failure.Unreadable,
			"the cursor of the next page is invalid"},
		"a cursor of bytes": {same("a"), func(int) string { return "\xff" }, 0, failure.Unreadable,
			"the cursor of the next page is invalid"},
	} {
		eachAPI(t, paging(t, c.page, c.next), func(t *testing.T, domain place.Domain) {
			answers := okms.NewQuota(32<<20, 64<<10)
			list, failed := client(t, domain, byToken(), okms.Options{Answers: answers}).Get(t.Context(),
				okms.Ref{What: okms.Folder, Path: "f"})
			found := 0
			for range okms.EntriesOf(list) {
				found++
			}
			text := c.text
			if native, vault, differs := strings.Cut(c.text, "|"); differs {
				text = map[place.API]string{place.KV2: vault, place.REST: native}[domain.API]
			}
			switch {
			case found != c.entries:
				t.Errorf("%s: %d entries, want %d", name, found, c.entries)
			case c.kind == "" && failed != nil, c.kind != "" &&
				(failed == nil || failed.Kind != c.kind || !strings.Contains(failed.Text, text)):
				t.Errorf("%s: %v", name, failed)
			}
			if answers.Held() != 0 {
				t.Errorf("%s: %d bytes are not returned to the quota", name, answers.Held())
			}
		})
	}
}

// TestNamesOfAHostileStore checks that no name of a list leads out of its folder or is none that a
// secret can have.
func TestNamesOfAHostileStore(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"..", ".", "../x", "a/../b", "a//b", "/", "/a", "a b", "a\nb", "a\x00", "%2e", "é", "",
		strings.Repeat("a", 254), "a\\b", "a?b", "a#b"} {
		domain := paging(t, func(_ int, api place.API) string { return entries(api, "good", name) }, none)
		eachAPI(t, domain, func(t *testing.T, domain place.Domain) {
			list, failed := client(t, domain, byToken(), okms.Options{}).Get(t.Context(), okms.Ref{What: okms.Folder, Path: "f"})
			if failed == nil || failed.Kind != failure.Unreadable ||
				failed.Text != "unreadable answer: a name in the list of the folder is not one that a secret can have" {
				t.Errorf("%q: %v, %q", name, failed, list.Data.Reveal())
			}
		})
	}
}

// TestListsOfOtherForms checks bodies that are nearly lists.
func TestListsOfOtherForms(t *testing.T) {
	t.Parallel()
	folder, versions := okms.Ref{What: okms.Folder, Path: "f"}, okms.Ref{What: okms.Versions, Path: "s"}
	for _, c := range []struct {
		api  place.API
		ref  okms.Ref
		body string
		want string // the list, or the kind of failure
	}{
		{place.KV2, folder, `{"data":{"keys":[]}}`, ""}, {place.KV2, folder, `{"data":{"keys":null}}`, ""},
		{place.KV2, folder, `{"data":{}}`, ""}, {place.KV2, folder, `{"request_id":"x","data":null}`, ""},
		{place.KV2, folder, `{"data":{"keys":["b","a/","a"]}}`, "f/a\nf/a/\nf/b\n"},
		{place.KV2, folder, `{}`, "unreadable"}, {place.KV2, folder, `[]`, "unreadable"},
		{place.KV2, folder, `null`, "unreadable"},
		{place.KV2, folder, `{"data":{"keys":{}}}`, "unreadable"}, {place.KV2, folder, `{"data":{"keys":[1]}}`, "unreadable"},
		{place.KV2, folder, `{"data":{"keys":[null]}}`, "unreadable"},
		{place.KV2, folder, `{"data":{"keys":["a/b"]}}`, "unreadable"},
		{place.KV2, folder, `{"data":{"keys":["\ud800"]}}`, "unreadable"},
		{place.KV2, folder, `{"data":{"keys":["a//"]}}`, "unreadable"},
		{place.REST, folder, `[]`, ""}, {place.REST, folder, `null`, "unreadable"}, {place.REST, folder, `{}`, "unreadable"},
		{place.REST, folder, `[{"path":"f/b"},{"path":"g"},{"path":"f"},{"path":"f/a/b"},{"path":"fa"}]`, "f/a/b\nf/b\n"},
		{place.REST, folder, `[{"path":"g/../odd of others"},{"path":"f/a"}]`, "f/a\n"}, // it is not read
		{place.REST, folder, `[{"path":"/f/a"}]`, "unreadable"}, {place.REST, folder, `[{"path":1}]`, "unreadable"},
		{place.REST, folder, `[{}]`, "unreadable"}, {place.REST, folder, `["f/a"]`, "unreadable"},
		{place.REST, folder, `[{"path":"f/"}]`, "unreadable"},
		{place.KV2, versions,
			`{"data":{"versions":{"2":{"deletion_time":""},"10":{"destroyed":true},"9":{"deletion_time":"2020-01-02T03:04:05Z"}}}}`, "10 deleted\n9 deactivated\n2 active\n"},
		// it is planned
		{place.KV2, versions, `{"data":{"versions":{"1":{"deletion_time":"2999-01-02T03:04:05Z"}}}}`, "1 active\n"},
		{place.KV2, versions, `{"data":{}}`, ""}, {place.KV2, versions, `{"data":null}`, "unreadable"},
		{place.KV2, versions, `{"data":{"versions":{"0":{}}}}`, "unreadable"},
		{place.KV2, versions, `{"data":{"versions":{"24001":{}}}}`, "unreadable"},
		{place.KV2, versions, `{"data":{"versions":{"01":{}}}}`, "unreadable"},
		{place.KV2, versions, `{"data":{"versions":{"+1":{}}}}`, "unreadable"},
		{place.KV2, versions, `{"data":{"versions":{"x":{}}}}`, "unreadable"},
		{place.KV2, versions, `{"data":{"versions":{"1":null}}}`, "unreadable"},
		{place.KV2, versions, `{"data":{"versions":{"1":{},"1":{}}}}`, "1 active\n"},
		{place.KV2, versions, `{"data":{"versions":{"1":{},"1":{"destroyed":true}}}}`, "unreadable"},
		{place.REST, versions, `[{"id":2,"state":"active"},{"id":10,"state":"deleted"},{"id":9,"state":"deactivated"}]`,
			"10 deleted\n9 deactivated\n2 active\n"},
		{place.KV2, versions, `{"data":{"versions":{` + strings.Repeat(`"1":{},`, 24_000) + `"1":{}}}}`, "too_large"},
		{place.REST, versions, `[` + strings.Repeat(`{"id":1,"state":"active"},`, 24_000) + `{"id":1,"state":"active"}]`,
			"too_large"},
		{place.REST, versions, `[]`, ""}, {place.REST, versions, `[{"id":1}]`, "unreadable"},
		{place.REST, versions, `[{"state":"active"}]`, "unreadable"},
		{place.REST, versions, `[{"id":1,"state":"active\n7 active"}]`, "unreadable"},
		{place.REST, versions, `[{"id":1,"state":"ACTIVE"}]`, "unreadable"},
		{place.REST, versions, `[{"id":24001,"state":"active"}]`, "unreadable"},
		{place.REST, versions, `[{"id":"1","state":"active"}]`, "unreadable"},
		{place.REST, versions, `[{"id":1,"state":"active"},{"id":1,"state":"active"}]`, "1 active\n"},
		{place.REST, versions, `[{"id":1,"state":"active"},{"id":1,"state":"deleted"}]`, "unreadable"},
	} {
		domain := paging(t, func(int, place.API) string { return c.body }, none)
		domain.API = c.api
		list, failed := client(t, domain, byToken(), okms.Options{}).Get(t.Context(), c.ref)
		got := string(list.Data.Reveal())
		if failed != nil {
			got += string(failed.Kind)
		}
		if got != c.want {
			t.Errorf("%.200s over %q: got %q (%v), want %q", c.body, c.api, got, failed, c.want)
		}
	}
}

// TestVersionsOverRESTOfOtherForms checks the read of a secret.
func TestSecretsOverRESTOfOtherForms(t *testing.T) {
	for body, want := range map[string]string{
		`{"version":{"id":3,"state":"active","createdAt":"then","data":{"a":1}}}`: `3 {"a":1} then`,
		`{"version":{"id":3,"state":"active","data":null}}`:                       "3 null ", // as over kv2
		`{"version":{"id":3,"state":"active"}}`: "unreadable answer: version.data " +
			"is missing",
		`{"version":{"id":3,"data":{}}}`:                      "unreadable answer: version.state is missing or unknown",
		`{"version":{"id":3,"state":"asleep","data":{}}}`:     "unreadable answer: version.state is missing or unknown",
		`{"version":{"id":0,"state":"active","data":{}}}`:     "unreadable answer: version 0 is not a version number",
		`{"version":{"id":24001,"state":"active","data":{}}}`: "unreadable answer: version 24001 is not a version number",
		`{"version":{"id":"3","state":"active","data":{}}}`: "unreadable answer: version is missing, or is not what " +
			"OKMS sends",
		`{"version":null}`: "unreadable answer: version is missing, or is not what OKMS sends",
		`{}`:               "unreadable answer: version is missing, or is not what OKMS sends",
		`[]`:               "unreadable answer: not the JSON that OKMS sends (2 bytes of application/json)",
		`{"version":{"id":3,"state":"deactivated","deactivatedAt":"x","data":{}}}`: "deactivated",
		`{"version":{"id":3,"state":"deleted","data":{"a":"b"}}}`:                  "deleted",
	} {
		domain := paging(t, func(int, place.API) string { return body }, none)
		domain.API = place.REST
		secret, failed := client(t, domain, byToken(), okms.Options{}).Get(t.Context(), okms.Ref{Path: "s"})
		got := fmt.Sprintf("%d %s %s", secret.Version, secret.Data.Reveal(), secret.Created)
		if failed != nil {
			got = strings.TrimSuffix(failed.Error(), " (HTTP 200)")
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
	domain := paging(t, func(int, place.API) string { return `{"version":{"id":3,"state":"active","data":{}}}` }, none)
	domain.API = place.REST
	_, failed := client(t, domain, byToken(), okms.Options{}).Get(t.Context(), okms.Ref{Path: "s", Version: 2})
	if failed == nil || failed.Text != "unreadable answer: asked for version 2, got version 3" {
		t.Errorf("another version: %v", failed)
	}
}

// TestAbsentFolders checks what is an empty folder, and what is not: a text is not hidden, nor is
// the rest of a list whose later page is missing.
func TestAbsentFolders(t *testing.T) {
	for _, c := range []struct {
		body string
		page int // that has the body; the others have an entry
		want failure.Kind
	}{
		{`{"errors":[]}`, 1, ""}, {`{"error_code":17125377,"errors":["x"],"request_id":"OKMS.1"}`, 1, ""},
		{`{"errors":["no handler for this route"]}`, 1, failure.SecretAbsent}, {`{}`, 1, failure.Failing},
		{"<html>", 1, failure.Failing},
		{`{"error_code":16994305,"errors":["x"]}`, 1, failure.DomainUnknown},
		{`{"error_code":16924673,"errors":["x"]}`, 1, failure.Denied},
		{`{"errors":[]}`, 2, failure.Unreadable}, {`{"error_code":17125377,"errors":["x"]}`, 2, failure.Unreadable},
	} {
		n := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n++; n == c.page {
				w.WriteHeader(http.StatusNotFound)
				_, _ = w.Write([]byte(c.body))
				return
			}
			w.Header().Set("X-Pagination-Cursor-Next", "next")
			api := place.KV2
			if strings.Contains(r.URL.Path, "/v2/") {
				api = place.REST
			}
			_, _ = w.Write([]byte(entries(api, "a")))
		}))
		t.Cleanup(server.Close)
		eachAPI(t, place.Domain{Endpoint: server.URL, ID: "734b9b45-8b1a-469c-b140-b10bd6540017"},
			func(t *testing.T, domain place.Domain) {
				n = 0
				list, failed := client(t, domain, byToken(), okms.Options{}).Get(t.Context(),
					okms.Ref{What: okms.Folder, Path: "f"})
				if failed == nil && c.want != "" || failed != nil && failed.Kind != c.want || list.Data.Len() != 0 {
					t.Errorf("%s on page %d: %q, %v, want %q", c.body, c.page, list.Data.Reveal(), failed, c.want)
				}
			})
	}
}

// TestAListThatIsTooLongSaysWhatToDo checks answers beyond 1 MiB that OKMS can send.
func TestAListThatIsTooLongSaysWhatToDo(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat(" ", 1<<20+1)
	for _, c := range []struct {
		api  place.API
		what okms.What
		kind failure.Kind
		text string
	}{
		{place.KV2, okms.Versions, failure.TooLarge, "lower its maxVersions, or set api to rest"},
		{place.REST, okms.Versions, failure.Unreadable, "answer longer than 1 MiB"},
		{place.KV2, okms.Folder, failure.Unreadable, "answer longer than 1 MiB"},
		{place.REST, okms.Folder, failure.TooLarge, "set api to kv2"},
		{place.KV2, okms.Data, failure.Unreadable, "answer longer than 1 MiB"},
		{place.REST, okms.Data, failure.Unreadable, "answer longer than 1 MiB"},
	} {
		domain := paging(t, func(int, place.API) string { return huge }, none)
		domain.API = c.api
		_, failed := client(t, domain, byToken(), okms.Options{}).Get(t.Context(), okms.Ref{What: c.what, Path: "f"})
		if failed == nil || failed.Kind != c.kind || !strings.Contains(failed.Text, c.text) {
			t.Errorf("%d over %q: %v", c.what, c.api, failed)
		}
	}
}

// TestAListEndsWithItsContext checks that no page is asked for after the caller has left.
func TestAListEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := 0
	domain := paging(t, func(n int, api place.API) string {
		if asked = n; n == 3 {
			cancel()
		}
		return entries(api, numbered(n, 1)...)
	}, fresh)
	_, failed := client(t, domain, byToken(), okms.Options{}).Get(ctx, okms.Ref{What: okms.Folder, Path: "f"})
	if failed == nil || failed.Kind != failure.TimedOut || asked != 3 || !errors.Is(ctx.Err(), context.Canceled) {
		t.Errorf("%v after %d pages", failed, asked)
	}
}

// TestAListIsTakenFromTheQuota checks that the pages before count, not only the one that is read.
func TestAListIsTakenFromTheQuota(t *testing.T) {
	domain := paging(t, func(n int, api place.API) string { return entries(api, numbered(n, 100)...) }, endingAt(50))
	eachAPI(t, domain, func(t *testing.T, domain place.Domain) {
		answers := okms.NewQuota(200<<10, 64<<10)
		answers.Take(0, 100<<10) // of others
		_, failed := client(t, domain, byToken(), okms.Options{Answers: answers}).Get(t.Context(),
			okms.Ref{What: okms.Folder, Path: "f"})
		if failed == nil || failed.Kind != failure.NodeFull || answers.Held() != 100<<10 {
			t.Errorf("%v, %d bytes are held", failed, answers.Held())
		}
	})
}
