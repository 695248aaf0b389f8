// SPDX-License-Identifier: Apache-2.0

// Package apis tests that provider/okms reads the same over each API of OKMS, also lists of many pages.
package apis

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/okmstest"
)

// For short.
var (
	client  = okmstest.Client
	byToken = okmstest.ByToken
)

// eachAPI calls f with a domain for each API.
func eachAPI(t *testing.T, domain place.Domain, f func(t *testing.T, domain place.Domain)) {
	t.Helper()
	for name, api := range map[string]place.API{"kv2": place.KV2, "rest": place.REST} {
		domain.API = api
		t.Run(name, func(t *testing.T) { f(t, domain) })
	}
}

// result is what a user sees of a read.
type result struct {
	version int
	text    string // of the secret or the list
	failed  okms.Error
}

// read returns the result of a read. It leaves out what differs between the APIs and what no
// message shows: the status of a version without data (404 and 200), the words of OKMS about it,
// and identifiers and times.
func read(t *testing.T, domain place.Domain, login okms.Login, ref okms.Ref) result {
	t.Helper()
	answers := okms.NewQuota(6<<20, 64<<10) // as in the daemon of 256 MiB
	secret, failed := client(t, domain, login, okms.Options{Answers: answers}).Get(t.Context(), ref)
	if answers.Held() != 0 {
		t.Errorf("%v: %d bytes are not returned to the quota", ref, answers.Held())
	}
	r := result{version: secret.Version, text: string(secret.Data.Reveal())}
	if failed == nil {
		if secret.Path != ref.Path || (ref.What == okms.Data) != (secret.Created != "") {
			t.Errorf("%v: path %q, created %q", ref, secret.Path, secret.Created)
		}
		return r
	}
	r.failed = *failed
	r.failed.RequestID = ""
	if failed.Kind == failure.Deactivated || failed.Kind == failure.Deleted {
		if _, err := time.Parse(time.RFC3339, failed.Since); err != nil {
			t.Errorf("%v: since when is not known: %v", ref, err)
		}
		r.failed.Status, r.failed.Code, r.failed.Text, r.failed.Since = 0, 0, "", ""
	}
	return r
}

// alike checks that a read has the same result over each API. It returns the result.
func alike(t *testing.T, domain place.Domain, login okms.Login, ref okms.Ref) (r result) {
	t.Helper()
	r = read(t, domain, login, ref)
	domain.API = place.REST
	if other := read(t, domain, login, ref); other != r {
		t.Errorf("%v: over kv2\n%+v\nand over rest\n%+v", ref, r, other)
	}
	return r
}

// inEachState returns a store with secrets in each state.
func inEachState(t *testing.T) *okmstest.Store {
	t.Helper()
	s := okmstest.Start(t)
	for path, data := range map[string]string{
		"prod/shop/db": `{"b": 12345678901234567890, "a":"<&>é\u00e9"}`, "prod/shop/tls:a=b@c.d_-": `{}`, "prod/x": `{"k":1}`,
		"prod/off": `{"k":1}`, "prod/gone": `{"k":1}`, "prod/version": `{"v":1}`,
	} {
		for range 3 {
			if _, err := s.Put(path, data); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, change := range []struct {
		path    string
		version int
		state   emulator.State
	}{{"prod/off", 3, emulator.Deactivated}, {"prod/gone", 3, emulator.Deleted}, {"prod/gone", 2, emulator.Deactivated}} {
		if err := s.SetState(change.path, change.version, change.state); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestBothAPIsReadTheSame(t *testing.T) {
	t.Parallel()
	s := inEachState(t)
	const odd = `{"b": 12345678901234567890, "a":"<&>é\u00e9"}`
	for name, c := range map[string]struct {
		ref  okms.Ref
		want result
	}{
		"latest":                     {okms.Ref{Path: "prod/shop/db"}, result{version: 3, text: odd}},
		"version":                    {okms.Ref{Path: "prod/shop/db", Version: 2}, result{version: 2, text: odd}},
		"every character of a path":  {okms.Ref{Path: "prod/shop/tls:a=b@c.d_-"}, result{version: 3, text: "{}"}},
		"the name of a sub-resource": {okms.Ref{Path: "prod/version"}, result{version: 3, text: `{"v":1}`}},
		"absent": {okms.Ref{Path: "prod/none"},
			result{failed: okms.Error{Kind: failure.SecretAbsent, Status: 404, Code: 17125377}}},
		"version absent": {okms.Ref{Path: "prod/x", Version: 9},
			result{failed: okms.Error{Kind: failure.VersionAbsent, Status: 404, Code: 17125378}}},
		"deactivated": {okms.Ref{Path: "prod/off"},
			result{failed: okms.Error{Kind: failure.Deactivated, Version: 3}}},
		"deactivated version": {okms.Ref{Path: "prod/off", Version: 3},
			result{failed: okms.Error{Kind: failure.Deactivated, Version: 3}}},
		"version before": {okms.Ref{Path: "prod/off", Version: 2}, result{version: 2, text: `{"k":1}`}},
		"deleted": {okms.Ref{Path: "prod/gone"},
			result{failed: okms.Error{Kind: failure.Deleted, Version: 3}}},
		"versions": {okms.Ref{What: okms.Versions, Path: "prod/gone"},
			result{text: "3 deleted\n2 deactivated\n1 active\n"}},
		"versions of an absent secret": {okms.Ref{What: okms.Versions, Path: "prod/none"},
			result{failed: okms.Error{Kind: failure.SecretAbsent, Status: 404, Code: 17125377}}},
		"empty folder":            {okms.Ref{What: okms.Folder, Path: "none"}, result{}},
		"folder that is a secret": {okms.Ref{What: okms.Folder, Path: "prod/x"}, result{}},
		"folder": {okms.Ref{What: okms.Folder, Path: "prod/shop"},
			result{text: "prod/shop/db\nprod/shop/tls:a=b@c.d_-\n"}},
		"beginning of a folder's name": {okms.Ref{What: okms.Folder, Path: "prod/sho"}, result{}},
	} {
		got := alike(t, s.Domain(), byToken(), c.ref)
		c.want.failed.Text = got.failed.Text
		if got != c.want {
			t.Errorf("%s: got\n%+v, want\n%+v", name, got, c.want)
		}
	}
	eachAPI(t, s.Domain(), func(t *testing.T, domain place.Domain) {
		c := client(t, domain, byToken(), okms.Options{})
		for path, want := range map[string]string{"prod/off": "2 true <nil>", "prod/gone": "1 true <nil>",
			"prod/none": "0 false secret_absent"} {
			latest, some, failed := c.LatestActive(t.Context(), path)
			got := fmt.Sprint(latest, " ", some, " ", failed)
			if failed != nil {
				got = fmt.Sprint(latest, " ", some, " ", failed.Kind)
			}
			if got != want {
				t.Errorf("latest active version of %s: %s, want %s", path, got, want)
			}
		}
	})
}

func TestBothAPIsFailTheSame(t *testing.T) {
	t.Parallel()
	s := inEachState(t)
	refs := []okms.Ref{{Path: "s"}, {Path: "s", Version: 1}, {What: okms.Versions, Path: "s"},
		{What: okms.Folder, Path: "prod"}, {What: okms.Folder}}
	for name, c := range map[string]struct {
		fault emulator.Fault
		want  okms.Error // the texts are only compared with one another
	}{
		"429": {emulator.Fault{Status: 429}, okms.Error{Kind: failure.Limited, Status: 429}},
		"429 with Retry-After": {emulator.Fault{Status: 429, RetryAfter: "7"},
			okms.Error{Kind: failure.Limited, Status: 429, RetryAfter: 7 * time.Second}},
		"500": {emulator.Fault{Status: 500}, okms.Error{Kind: failure.Failing, Status: 500}},
		"401": {emulator.Fault{Status: 401}, okms.Error{Kind: failure.Unauthenticated, Status: 401}},
		"403": {emulator.Fault{Status: 403}, okms.Error{Kind: failure.Denied, Status: 403}},
		"400": {emulator.Fault{Status: 400}, okms.Error{Kind: failure.Rejected, Status: 400}},
		"foreign page": {emulator.Fault{Status: 502, Body: "<html>", ContentType: "text/html"},
			okms.Error{Kind: failure.Failing, Status: 502, Foreign: true}},
		"foreign page of 404": {emulator.Fault{Status: 404, Body: "<html>", ContentType: "text/html"},
			okms.Error{Kind: failure.Failing, Status: 404, Foreign: true}},
		"foreign page of 401": {emulator.Fault{Status: 401, Body: "<html>", ContentType: "text/html"},
			okms.Error{Kind: failure.Failing, Status: 401, Foreign: true}},
		"redirect": {emulator.Fault{Redirect: "https://192.0.2.1/"},
			okms.Error{Kind: failure.Unreadable, Status: 302}},
		"page that is not JSON": {emulator.Fault{Status: 200, Body: "<html>", ContentType: "text/html"},
			okms.Error{Kind: failure.Unreadable, Status: 200}},
		"empty answer": {emulator.Fault{Status: 200, Body: " "}, okms.Error{Kind: failure.Unreadable, Status: 200}},
		"JSON of something else": {emulator.Fault{Status: 200, Body: `"x"`},
			okms.Error{Kind: failure.Unreadable, Status: 200}},
		"no content":             {emulator.Fault{Status: 204, Body: " "}, okms.Error{Kind: failure.Unreadable, Status: 204}},
		"truncated":              {emulator.Fault{Truncate: true}, okms.Error{Kind: failure.Unreachable, Status: 200}},
		"echo of the credential": {emulator.Fault{Echo: true}, okms.Error{Kind: failure.Failing, Status: 500}},
	} {
		repair := s.Break(t, c.fault)
		for _, ref := range refs {
			got := alike(t, s.Domain(), byToken(), ref).failed
			if strings.Contains(got.Text, okmstest.Token) {
				t.Errorf("%s: the text repeats the token: %s", name, got.Text)
			}
			c.want.Text, c.want.Code = got.Text, got.Code
			if got != c.want {
				t.Errorf("%s, %v: got\n%+v, want\n%+v", name, ref, got, c.want)
			}
		}
		repair()
	}
}

// TestBothAPIsRefuseTheSame checks refusals of the credential and of the domain. A read of a secret
// needs one right over kv2, and two over rest.
func TestBothAPIsRefuseTheSame(t *testing.T) {
	t.Parallel()
	s := inEachState(t)
	const without, onlyData = "eyJhbGciOiJFZERTQSJ9.okms.reads-nothing", "eyJhbGciOiJFZERTQSJ9.okms.reads-data"
	for value, actions := range map[string][]string{without: {}, onlyData: {"okms:apikms:secret/version/getData"}} {
		if err := s.AddToken(value, emulator.Identity{Name: "reader", Actions: actions}); err != nil {
			t.Fatal(err)
		}
	}
	data, versions, folder := okms.Ref{Path: "s"}, okms.Ref{What: okms.Versions, Path: "s"}, okms.Ref{What: okms.Folder}
	with := func(value string) okms.Login {
		return okms.Login{Token: sensitive.New([]byte(value))}
	}
	for _, c := range []struct {
		value string
		ref   okms.Ref
		want  failure.Kind
	}{
		{without, versions, failure.Denied}, {onlyData, versions, failure.Denied},
		{"unknown", data, failure.Unauthenticated}, {"unknown", versions, failure.Unauthenticated},
		{"unknown", folder, failure.Unauthenticated},
		{without, folder, ""}, // a list leaves out what may not be read
	} {
		if got := alike(t, s.Domain(), with(c.value), c.ref); got.failed.Kind != c.want || got.text != "" {
			t.Errorf("%s, %v: got %+v, want %s", c.value, c.ref, got, c.want)
		}
	}
	other := s.Domain()
	other.ID = "11111111-8b1a-469c-b140-b10bd6540017"
	for _, ref := range []okms.Ref{data, versions, folder} {
		if got := alike(t, other, byToken(), ref); got.failed.Kind != failure.DomainUnknown {
			t.Errorf("%v of an unknown domain: %+v", ref, got)
		}
	}
	native := s.Domain()
	native.API = place.REST
	for domain, want := range map[place.Domain]failure.Kind{s.Domain(): "", native: failure.Denied} {
		if got := read(t, domain, with(onlyData), data); got.failed.Kind != want {
			t.Errorf("a read over %q with one right: %+v, want %s", domain.API, got, want)
		}
		if got := read(t, domain, with(without), data); got.failed.Kind != failure.Denied {
			t.Errorf("a read over %q without a right: %+v", domain.API, got)
		}
	}
}

// walk returns the secrets below a folder, as a reader of lists does.
func walk(t *testing.T, c *okms.Client, folder string) (paths []string) {
	t.Helper()
	for folders := []string{folder}; len(folders) > 0; folders = folders[1:] {
		list, failed := c.Get(t.Context(), okms.Ref{What: okms.Folder, Path: folders[0]})
		if failed != nil {
			t.Fatal(failed)
		}
		for entry := range okms.EntriesOf(list) {
			if below, is := strings.CutSuffix(entry, "/"); is {
				folders = append(folders, below)
			} else {
				paths = append(paths, entry)
			}
		}
	}
	slices.Sort(paths)
	return paths
}

func TestBothAPIsListTheSame(t *testing.T) {
	t.Parallel()
	s := inEachState(t)
	var many []string
	for i := range 250 {
		path := fmt.Sprintf("many/deep/%03d", i)
		many = append(many, path)
		if _, err := s.Put(path, "{}"); err != nil {
			t.Fatal(err)
		}
	}
	all := s.Paths()
	eachAPI(t, s.Domain(), func(t *testing.T, domain place.Domain) {
		c := client(t, domain, byToken(), okms.Options{})
		for folder, want := range map[string][]string{
			"": all, "many": many, "many/deep": many, "prod/shop": {"prod/shop/db", "prod/shop/tls:a=b@c.d_-"}, "prod/sho": nil,
			"prod/x": nil, "s": nil,
		} {
			if got := walk(t, c, folder); !slices.Equal(got, want) {
				t.Errorf("below %q: %d secrets %v, want %d", folder, len(got), got, len(want))
			}
		}
	})
}

// TestManyVersions reads a list that has several pages over rest. Versions that were pruned are in
// neither list.
func TestManyVersions(t *testing.T) {
	s := okmstest.Start(t)
	if err := s.Seed(strings.NewReader(`{"secrets":[{"path":"many","versions":[{"data":{}}],"max_versions":230}]}`)); err != nil {
		t.Fatal(err)
	}
	for range 239 {
		if _, err := s.Put("many", "{}"); err != nil {
			t.Fatal(err)
		}
	}
	for version, state := range map[int]emulator.State{240: emulator.Deactivated, 100: emulator.Deleted} {
		if err := s.SetState("many", version, state); err != nil {
			t.Fatal(err)
		}
	}
	var want strings.Builder
	for version := 240; version > 10; version-- {
		state := map[int]string{240: "deactivated", 100: "deleted"}[version]
		fmt.Fprintln(&want, version, cmp.Or(state, "active"))
	}
	if got := alike(t, s.Domain(), byToken(), okms.Ref{What: okms.Versions, Path: "many"}); got.text != want.String() {
		t.Errorf("got %+v", got)
	}
}

// TestTheCuresOfLongListsWork follows what the errors of lists beyond the limits say.
func TestTheCuresOfLongListsWork(t *testing.T) {
	t.Parallel()
	s := okmstest.Start(t)
	const empty = `"versions":[{"data":{}}]}`
	secrets := []string{`{"path":"few/a",` + empty, `{"path":"many/folder/b",` + empty,
		`{"path":"old","versions":[` + strings.Repeat(`{"data":{}},`, 12_000) + `{"data":{}}],"max_versions":24000}`}
	for i := range 10_001 {
		secrets = append(secrets, fmt.Sprintf(`{"path":"many/%05d",%s`, i, empty))
	}
	if err := s.Seed(strings.NewReader(`{"secrets":[` + strings.Join(secrets, ",") + `]}`)); err != nil {
		t.Fatal(err)
	}
	native := s.Domain()
	native.API = place.REST
	for _, c := range []struct {
		domain place.Domain
		ref    okms.Ref
		cure   string
		then   place.Domain
		cured  okms.Ref
		lines  int
	}{
		{s.Domain(), okms.Ref{What: okms.Folder, Path: "many"}, "use a longer path", s.Domain(),
			okms.Ref{What: okms.Folder, Path: "many/folder"}, 1},
		{native, okms.Ref{What: okms.Folder, Path: "few"}, "set api to kv2", s.Domain(),
			okms.Ref{What: okms.Folder, Path: "few"}, 1},
		{s.Domain(), okms.Ref{What: okms.Versions, Path: "old"}, "set api to rest", native,
			okms.Ref{What: okms.Versions, Path: "old"}, 12_001},
	} {
		if got := read(t, c.domain, byToken(), c.ref); got.failed.Kind != failure.TooLarge ||
			!strings.Contains(got.failed.Text, c.cure) {
			t.Errorf("%v over %q: got %+v", c.ref, c.domain.API, got.failed)
		}
		if got := read(t, c.then, byToken(), c.cured); got.failed != (okms.Error{}) ||
			strings.Count(got.text, "\n") != c.lines {
			t.Errorf("%v over %q: %d lines, %+v", c.cured, c.then.API, strings.Count(got.text, "\n"), got.failed)
		}
	}
}

// TestRequestsOfEachAPI checks what is sent. Whether OKMS accepts X-Vault-Token on its native API is
// not known.
func TestRequestsOfEachAPI(t *testing.T) {
	s := inEachState(t)
	for i := range 120 {
		if _, err := s.Put(fmt.Sprintf("many/%03d", i), "{}"); err != nil {
			t.Fatal(err)
		}
	}
	const next = "bWFueS8wOTk=" // many/099
	for api, want := range map[place.API][]string{
		place.KV2: {
			"read /v1/secret/data/prod/shop/db", "read /v1/secret/data/prod/shop/db?version=3",
			"versions /v1/secret/metadata/prod/shop/db",
			"list /v1/secret/metadata/many?list=true 100", "list /v1/secret/metadata/many?list=true 100 MDk5",
			"list /v1/secret/metadata 100",
		},
		place.REST: {
			"read /v2/secret/prod%2Fshop%2Fdb?includeData=true", "read /v2/secret/prod%2Fshop%2Fdb?includeData=true&version=3",
			"versions /v2/secret/prod%2Fshop%2Fdb/version 100",
			"list /v2/secret 100", "list /v2/secret 100 " + next, "list /v2/secret 100", "list /v2/secret 100 " + next,
		},
	} {
		s.ResetRequests()
		domain := s.Domain()
		domain.API = api
		var calls []okms.Call
		c := client(t, domain, byToken(),
			okms.Options{UserAgent: "test/1", Observe: func(_ context.Context, call okms.Call) { calls = append(calls, call) }})
		for _, ref := range []okms.Ref{{Path: "prod/shop/db"}, {Path: "prod/shop/db", Version: 3},
			{What: okms.Versions, Path: "prod/shop/db"},
			{What: okms.Folder, Path: "many"}, {What: okms.Folder}} {
			if _, failed := c.Get(t.Context(), ref); failed != nil {
				t.Fatal(failed)
			}
		}
		requests := s.Requests()
		if len(requests) != len(calls) || len(calls) != len(want) {
			t.Fatalf("%d requests, %d calls, want %d", len(requests), len(calls), len(want))
		}
		name := map[place.API]string{place.KV2: "kv2", place.REST: "rest"}[api]
		for i, r := range requests {
			_, uri, _ := strings.Cut(r.URI, s.OKMSID())
			got := strings.TrimSpace(strings.Join([]string{calls[i].Operation, uri, r.Header.Get("X-Pagination-Size"),
				r.Header.Get("X-Pagination-Cursor")}, " "))
			if got != want[i] || r.Method != http.MethodGet || r.Auth != "bearer" || r.Header.Get("User-Agent") != "test/1" ||
				calls[i].API != name {
				t.Errorf("%s: request %d is %q, want %q: %+v, %+v", name, i, got, want[i], r, calls[i])
			}
		}
	}
}

// TestTheHeadersOfTheToken checks both forms: OVHcloud's guides use X-Vault-Token for the
// Vault-compatible API, and the bearer form for the native one. Whether that accepts X-Vault-Token is
// not known.
func TestTheHeadersOfTheToken(t *testing.T) {
	var h http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h = r.Header
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(server.Close)
	eachAPI(t, place.Domain{Endpoint: server.URL, ID: "734b9b45-8b1a-469c-b140-b10bd6540017"},
		func(t *testing.T, domain place.Domain) {
			if _, err := client(t, domain, byToken(), okms.Options{}).Get(t.Context(), okms.Ref{Path: "s"}); err == nil {
				t.Fatal("got no error")
			}
			want := map[string][]string{"Authorization": {"Bearer " + okmstest.Token}, "X-Vault-Token": {okmstest.Token}}
			if domain.API == place.REST {
				want["X-Vault-Token"] = nil
			}
			for name, values := range want {
				if got := h.Values(name); !slices.Equal(got, values) {
					t.Errorf("got %d values of %s, want %d", len(got), name, len(values))
				}
			}
		})
}
