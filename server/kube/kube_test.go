// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/server/kube"
	"ovhcloud-csi-provider/server/kube/kubetest"
)

func TestObjectsAreReadCreatedAndChanged(t *testing.T) {
	s := kubetest.Start(t)
	list := "/api/v1/namespaces/shop/events"
	if err := s.API.Create(t.Context(), list, map[string]any{"metadata": map[string]any{"name": "a"}, "count": 1,
		"note": "x"}); err != nil {
		t.Fatal(err)
	}
	if err := s.API.Patch(t.Context(), list+"/a", map[string]any{"count": 2, "note": nil}); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Count int
		Note  *string
	}
	if err := s.API.Get(t.Context(), list+"/a", &got); err != nil || got.Count != 2 || got.Note != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestFilesThatKubeletRotatesAreReadAgain: the token, and the CA of a server that is replaced.
func TestFilesThatKubeletRotatesAreReadAgain(t *testing.T) {
	s := kubetest.Start(t)
	s.Put("/api/v1/nodes/a", map[string]any{})
	get := func() error { return s.API.Get(t.Context(), "/api/v1/nodes/a", &struct{}{}) }
	if err := get(); err != nil {
		t.Fatal(err)
	}
	s.Rotate(t, "the~second-token")
	if err := get(); err != nil {
		t.Error(err)
	}
	ca := filepath.Join(s.Dir, "ca.crt")
	right, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	full := string(right) + strings.Repeat("\n", 1<<20-len(right))
	for _, c := range []struct{ text, want string }{{"no PEM", "ca.crt has no certificate"}, {string(right), ""},
		{full + "\n", "ca.crt has more than 1048576 bytes"}, {full, ""}} {
		if err := os.WriteFile(ca, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := get(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// refuse returns a fault that refuses all requests.
func refuse(status int, reason string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool { kubetest.Refuse(w, status, reason); return true }
}

// TestErrorsAreInOurWords: the server's text, which may have anything, is not shown.
func TestErrorsAreInOurWords(t *testing.T) {
	for name, c := range map[string]struct {
		fault  func(http.ResponseWriter, *http.Request) bool
		want   string
		passes bool
	}{
		"forbidden":    {refuse(403, "Forbidden"), "the API server answered with HTTP 403 (Forbidden)", false},
		"no word":      {refuse(422, kubetest.Token), "the API server answered with HTTP 422", false},
		"unauthorised": {refuse(401, ""), "the API server answered with HTTP 401", true},
		"conflict":     {refuse(409, ""), "the API server answered with HTTP 409", true},
		"limited": {refuse(429, "TooManyRequests"), "the API server answered with HTTP 429 (TooManyRequests)",
			true},
		"broken": {refuse(500, ""), "the API server answered with HTTP 500", true},
		"a page": {func(w http.ResponseWriter, _ *http.Request) bool {
			http.Error(w, kubetest.Token, http.StatusBadGateway)
			return true
		},
			"the API server answered with HTTP 502", true},
		"not JSON": {func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write([]byte(kubetest.Token))
			return true
		},
			"the answer of the API server is not the JSON of an object of at most 3145728 bytes", true},
		"redirect": {func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "https://192.0.2.1/"+kubetest.Token, http.StatusTemporaryRedirect)
			return true
		}, "the API server answered with HTTP 307", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := kubetest.Start(t)
			s.Fault = c.fault
			err := s.API.Get(t.Context(), "/api/v1/nodes/a", &struct{}{})
			if err == nil || err.Error() != c.want || kube.Passes(err) != c.passes {
				t.Errorf("%v, passes %t; want %s, %t", err, kube.Passes(err), c.want, c.passes)
			}
		})
	}
}

func TestARefusalSaysHowLongToWait(t *testing.T) {
	s := kubetest.Start(t)
	var header string
	s.Fault = func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Retry-After", header)
		kubetest.Refuse(w, 429, "TooManyRequests")
		return true
	}
	for text, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "0": 0, "-7": 0, "soon": 0,
		"7201": time.Hour, "10000000000": time.Hour, "99999999999999999999": time.Hour, "-99999999999999999999": 0} {
		header = text
		err := s.API.Get(t.Context(), "/", nil)
		var refused *kube.Refusal
		if !errors.As(err, &refused) || refused.RetryAfter != want || !kube.Is(err, 429) || kube.Is(err, 403) {
			t.Errorf("%q: %+v, want %s", text, err, want)
		}
	}
	if kube.Is(errors.New("no answer"), 429) {
		t.Error("an error without an answer has a status")
	}
}

func TestRequestsSayWhoAsksForWhat(t *testing.T) {
	s := kubetest.Start(t)
	var got http.Header
	s.Fault = func(_ http.ResponseWriter, r *http.Request) bool { got = r.Header.Clone(); return false }
	s.Put("/api/v1/nodes/a", map[string]any{})
	if err := s.API.Get(t.Context(), "/api/v1/nodes/a", &struct{}{}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"Accept": "application/json", "User-Agent": "ovhcloud-csi-provider",
		"Content-Type": "", "Authorization": "Bearer " + kubetest.Token} {
		if got.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.Get(name), want)
		}
	}
}

func TestWhatIsNoJSONIsNotSent(t *testing.T) {
	s := kubetest.Start(t)
	if err := s.API.Create(t.Context(), "/api/v1/nodes", func() {}); err == nil || len(s.Requests()) > 0 {
		t.Errorf("%v, %+v", err, s.Requests())
	}
}

func TestWhatIsNotThereIsNamed(t *testing.T) {
	s, withoutCA := kubetest.Start(t), t.TempDir()
	if err := os.WriteFile(filepath.Join(withoutCA, "token"), []byte(kubetest.Token), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		api  kube.API
		want string
	}{
		"no token":   {kube.API{Address: s.API.Address, Dir: "/nowhere"}, "open /nowhere/token: no such file or directory"},
		"no CA":      {kube.API{Address: s.API.Address, Dir: withoutCA}, "/ca.crt: no such file or directory"},
		"no server":  {kube.API{Address: "127.0.0.1:1", Dir: s.Dir}, "asking the API server 127.0.0.1:1: connection refused"},
		"no address": {kube.API{Address: "a b:\n", Dir: s.Dir}, `the address "a b:\n" of the API server is invalid`},
		// The certificate is for another name.
		"another name": {kube.API{Address: strings.Replace(s.API.Address, "127.0.0.1", "localhost", 1), Dir: s.Dir},
			"certificate"},
	} {
		err := c.api.Get(t.Context(), "/", nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), kubetest.Token) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	for _, token := range []string{"two\nlines", "two words", " \n", "a\x7f"} {
		if err := os.WriteFile(filepath.Join(s.Dir, "token"), []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.API.Get(t.Context(), "/", nil); err == nil || !strings.HasSuffix(err.Error(), "/token is not a token") {
			t.Errorf("%q: %v", token, err)
		}
	}
}

// TestASlowServerTakesTenSecondsAtMost: so does one that accepts no connection.
func TestASlowServerTakesTenSecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := kubetest.StartInMemory(t)
		defer stop()
		s.Fault = kubetest.Slow(time.Hour)
		begin := time.Now()
		err := s.API.Get(t.Context(), "/", nil)
		if took := time.Since(begin); err == nil || !strings.HasSuffix(err.Error(), "no answer in time") ||
			took != 10*time.Second {
			t.Errorf("%v after %s", err, took)
		}
	})
}

func TestTheWaitsGrowAndHonourTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := kube.Backoff{Most: time.Minute}
		wait := func(err error) time.Duration {
			begin := time.Now()
			if !b.Wait(t.Context(), err) {
				t.Error("the wait was ended")
			}
			return time.Since(begin)
		}
		for i := range 40 {
			longest := min(time.Second<<min(i, 10), time.Minute)
			if took := wait(nil); took < longest/2 || took > longest {
				t.Errorf("wait %d took %s", i, took)
			}
		}
		b.Reset()
		if took := wait(nil); took > time.Second {
			t.Errorf("the wait after a success took %s", took)
		}
		if took := wait(&kube.Refusal{Status: 429, RetryAfter: time.Hour}); took != time.Hour {
			t.Errorf("waited %s", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if b.Wait(ctx, nil) {
			t.Error("the end of the context is not noticed")
		}
	})
}

func TestInCluster(t *testing.T) {
	env := map[string]string{}
	getenv := func(name string) string { return env[name] }
	if _, err := kube.InCluster(getenv, kube.Dir); err == nil || !strings.Contains(err.Error(),
		"KUBERNETES_SERVICE_HOST") {
		t.Error(err)
	}
	env["KUBERNETES_SERVICE_HOST"] = "fd00::1"
	if _, err := kube.InCluster(getenv, kube.Dir); err == nil {
		t.Error("no port is needed")
	}
	env["KUBERNETES_SERVICE_PORT"] = "443"
	if a, err := kube.InCluster(getenv, kube.Dir); err != nil || a.Address != "[fd00::1]:443" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestNamesAreSafeInAPath(t *testing.T) {
	for text, want := range map[string]bool{"a": true, "web-0.shop": true, "": false, "..": false, "a/b": false,
		"a%2fb": false, "A": false,
		"-a": false, "a.": false, "a\nb": false, strings.Repeat("a", 253): true, strings.Repeat("a", 254): false} {
		if kube.IsName(text) != want {
			t.Errorf("IsName(%.20q) = %t", text, !want)
		}
	}
}
