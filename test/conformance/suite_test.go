// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bufio"
	"bytes"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"ovhcloud-csi-provider/test/emulator"
)

// The tests of this file are about the suite itself. TestMain skips them in a run against a real domain.

// live is a run of the suite in a process of its own, as `make live` starts it, against an emulator.
type live struct {
	*exec.Cmd
	emulator *emulator.Emulator
	output   bytes.Buffer
}

func newLive(t *testing.T, tests string) *live {
	t.Helper()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.AddToken("live-token", emulator.Identity{Actions: []string{emulator.AllActions}}); err != nil {
		t.Fatal(err)
	}
	s, err := e.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	dir := filepath.Join(t.TempDir(), "a folder")
	token, ca := filepath.Join(dir, "token"), filepath.Join(dir, "ca.pem")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string][]byte{token: []byte("live-token\n"), ca: s.CA} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l := &live{Cmd: exec.CommandContext(t.Context(), program, "-test.v", "-test.run", tests), emulator: e}
	l.Env = append(os.Environ(), envLive+"=1", envEndpoint+"="+s.URL, envID+"="+e.OKMSID(), envToken+"="+token,
		envCA+"="+ca, envDenied+"=")
	l.Stdout, l.Stderr = &l.output, &l.output
	return l
}

// awaitWrite waits until n requests that write have arrived.
func (l *live) awaitWrite(t *testing.T, n int) {
	t.Helper()
	for all := 1; n > 0; all++ {
		if err := l.emulator.Await(t.Context(), all); err != nil {
			t.Fatal(err)
		}
		if l.emulator.Requests()[all-1].Method != http.MethodGet {
			n--
		}
	}
}

// wantNothingLeft checks that the suite wrote secrets, and that the domain has none.
func (l *live) wantNothingLeft(t *testing.T) {
	t.Helper()
	if paths := l.emulator.Paths(); len(paths) > 0 {
		t.Errorf("left: %v", paths)
	}
	written := func(r emulator.Request) bool { return r.Method == http.MethodPost && r.Status == http.StatusOK }
	if !slices.ContainsFunc(l.emulator.Requests(), written) {
		t.Error("nothing was written")
	}
	if t.Failed() {
		t.Log(l.output.String())
	}
}

// TestSuiteLeavesNothingAfterASignal ends the suite while its third write is in progress. The store carries
// that out after the signal.
func TestSuiteLeavesNothingAfterASignal(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			l := newLive(t, "^TestFoldersAndPages$")
			l.inject(t, emulator.Fault{Delay: time.Nanosecond, Writes: true, Times: 2})
			proceed := l.inject(t, emulator.Fault{Hang: true, Writes: true, Times: 1})
			l.Stderr = nil
			stderr, err := l.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Start(); err != nil {
				t.Fatal(err)
			}
			l.awaitWrite(t, 3)
			if err := l.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(stderr)
			for lines.Scan() && !strings.Contains(lines.Text(), "removing what was written") {
			}
			proceed()
			for lines.Scan() {
				t.Error(lines.Text())
			}
			if err := l.Wait(); l.ProcessState.ExitCode() != 130 {
				t.Errorf("it ended with %v", err)
			}
			l.wantNothingLeft(t)
		})
	}
}

func (l *live) inject(t *testing.T, f emulator.Fault) (remove func()) {
	t.Helper()
	remove, err := l.emulator.Inject(f)
	if err != nil {
		t.Fatal(err)
	}
	return remove
}

// TestSuiteLeavesNothingAfterAPanic uses TestSuitePanics.
func TestSuiteLeavesNothingAfterAPanic(t *testing.T) {
	l := newLive(t, "^TestSuitePanics$")
	l.Args, l.Env = append(l.Args, "-test.skip", "^$"), append(l.Env, envPanic+"=1")
	if err := l.Run(); err == nil || !strings.Contains(l.output.String(), "panic: on purpose") {
		t.Errorf("the suite did not panic: %s", l.output.String())
	}
	l.wantNothingLeft(t)
}

const envPanic = "OKMS_TEST_PANIC"

func TestSuitePanics(t *testing.T) {
	if os.Getenv(envPanic) == "" {
		t.Skip("only for TestSuiteLeavesNothingAfterAPanic")
	}
	create(t, "panic", `{"k":"v"}`, "")
	panic("on purpose")
}

// TestSuiteEndsBeforeTheTimeout: the timeout of the testing package removes nothing.
func TestSuiteEndsBeforeTheTimeout(t *testing.T) {
	if got := ownDeadline(20 * time.Minute); got != 15*time.Minute || ownDeadline(0) != 0 {
		t.Errorf("of 20 minutes, the suite takes %v", got)
	}
}

// TestSuiteAdaptsToTheConfig: what a domain requires of its secrets fails no test, and is said.
func TestSuiteAdaptsToTheConfig(t *testing.T) {
	l := newLive(t, "^(TestBytes|TestWhat|TestDeactivation|TestPages|TestFolders|TestQuestions|TestLargest)")
	change, err := http.NewRequest(http.MethodPut, "/api/"+l.emulator.OKMSID()+"/v2/secretConfig",
		strings.NewReader(`{"casRequired":true,"maxVersions":1,"deactivateVersionAfter":"1s"}`))
	if err != nil {
		t.Fatal(err)
	}
	change.Header.Set("Authorization", "Bearer live-token")
	answer := httptest.NewRecorder()
	if l.emulator.ServeHTTP(answer, change); answer.Code != http.StatusOK {
		t.Fatalf("status %d", answer.Code)
	}
	l.emulator.ResetRequests()
	if err := l.Run(); err != nil {
		t.Errorf("%v: %s", err, l.output.String())
	}
	for _, want := range []string{"casRequired true, maxVersions 1", "get maxVersions 10", "| 65536 |",
		"--- PASS: TestDeactivation"} {
		if !strings.Contains(l.output.String(), want) {
			t.Errorf("%q is not in the output: %s", want, l.output.String())
		}
	}
	l.wantNothingLeft(t)
	t.Logf("%d requests", len(l.emulator.Requests()))
}

// TestSuiteWithoutTheRight: a test whose secret is refused ends, and there is nothing to remove by hand.
func TestSuiteWithoutTheRight(t *testing.T) {
	l := newLive(t, "^(TestFoldersAndPages|TestQuestions)$")
	if err := l.emulator.AddToken("live-token", emulator.Identity{}); err != nil {
		t.Fatal(err)
	}
	if err := l.Run(); l.ProcessState.ExitCode() != 1 {
		t.Errorf("it ended with %v", err)
	}
	if output := l.output.String(); strings.Contains(output, "by hand") ||
		strings.Count(output, "status 403 and code") != 2 {
		t.Errorf("it prints %s", output)
	}
}

// TestSuiteNeedsItsSwitch: people export the other variables for other programs.
func TestSuiteNeedsItsSwitch(t *testing.T) {
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const id = "734b9b45-8b1a-469c-b140-b10bd6540017"
	set := map[string]string{envEndpoint: "https://eu-west-par.okms.ovh.net/", envID: id, envToken: token}
	opened := func(change ...string) (*target, error) {
		env := maps.Clone(set)
		for i := 0; i < len(change); i += 2 {
			env[change[i]] = change[i+1]
		}
		d, err := open(func(name string) string { return env[name] })
		if err == nil {
			t.Cleanup(d.close)
		}
		return d, err
	}
	if d, err := opened(); err != nil || d.real || d.emulator == nil {
		t.Errorf("without %s: %v", envLive, err)
	}
	if d, err := opened(envEndpoint, "nonsense"); err != nil || d.real {
		t.Errorf("with a wrong %s, but without %s: %v", envEndpoint, envLive, err)
	}
	if d, err := opened(envLive, "1"); err != nil || !d.real || d.pause == 0 ||
		d.base != "https://eu-west-par.okms.ovh.net/api/"+id {
		t.Errorf("with %s: %+v, %v", envLive, d, err)
	}
	for variable, value := range map[string]string{envEndpoint: "http://eu-west-par.okms.ovh.net", envID: id + "/../x",
		envToken:  dir,
		envDenied: dir + "/absent", envCA: token} {
		if _, err := opened(envLive, "1", variable, value); err == nil || !strings.Contains(err.Error(), variable) {
			t.Errorf("%s=%s: %v", variable, value, err)
		}
	}
}

// emulated returns an emulator of this test alone as a target, and what is printed about it.
func emulated(t *testing.T) (*target, *strings.Builder) {
	t.Helper()
	d, err := open(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	var out strings.Builder
	d.out = &out
	return d, &out
}

// TestSuitePrintsWhatIsLeft: only a removed or an absent secret counts as removed.
func TestSuitePrintsWhatIsLeft(t *testing.T) {
	for name, status := range map[string]int{"a refusal": 403, "a bad request": 400, "an outage": 503} {
		t.Run(name, func(t *testing.T) {
			d, out := emulated(t)
			path := d.folder + "/x"
			if _, err := d.emulator.Put(path, `{"k":"v"}`); err != nil {
				t.Fatal(err)
			}
			remove, err := d.emulator.Inject(emulator.Fault{Writes: true, Status: status})
			if err != nil {
				t.Fatal(err)
			}
			if d.clear() || !strings.Contains(out.String(), "remove this secret by hand: "+path+"\n") {
				t.Errorf("it prints %q", out.String())
			}
			remove()
			if !d.clear() || len(d.emulator.Paths()) > 0 {
				t.Errorf("it prints %q, left: %v", out.String(), d.emulator.Paths())
			}
		})
	}
}

// TestSuiteListsTheFolder fails the run: what is in it is not known.
func TestSuiteListsTheFolder(t *testing.T) {
	d, out := emulated(t)
	for _, f := range []emulator.Fault{{Status: 403}, {Status: 404, Body: "<p>", ContentType: "text/html"},
		{Status: 200, Body: "<p>"}} {
		out.Reset()
		remove, err := d.emulator.Inject(f)
		if err != nil {
			t.Fatal(err)
		}
		if d.clear() || !strings.Contains(out.String(), d.folder+" cannot be listed") {
			t.Errorf("%v: it prints %q", f, out.String())
		}
		remove()
		out.Reset()
	}
}

// TestSuiteSettlesNothingByAccident: only the refusal of 70,000 bytes is a no.
func TestSuiteSettlesNothingByAccident(t *testing.T) {
	const tooLarge = "400, code 17137665"
	for name, row := range map[string]struct {
		answer func(write, bytes int) (bool, string)
		want   string
	}{
		"64 KiB":              {func(_, bytes int) (bool, string) { return bytes <= 65536, tooLarge }, "65536"},
		"64,000":              {func(_, bytes int) (bool, string) { return bytes <= 64000, tooLarge }, "64000"},
		"another number":      {func(_, bytes int) (bool, string) { return bytes <= 61234, tooLarge }, "61234"},
		"nothing is taken":    {func(int, int) (bool, string) { return false, "400, code 17137666" }, "not settled"},
		"everything is taken": {func(int, int) (bool, string) { return true, "200" }, "not settled"},
		"an outage at first":  {func(_, bytes int) (bool, string) { return bytes <= 65536, "503" }, "not settled"},
		"an outage later": {func(write, bytes int) (bool, string) {
			if write == 5 {
				return false, "503"
			}
			return bytes <= 61234, tooLarge
		}, "not settled"},
	} {
		writes := 0
		got, seen := largest(func(bytes int) (bool, string) { writes++; return row.answer(writes, bytes) })
		if got != row.want || writes > 18 {
			t.Errorf("%s: %s, %s, after %d writes", name, got, seen, writes)
		}
	}
}

// TestSuiteQuotesNoAnswer checks what a failing test would print of an answer, with either token.
func TestSuiteQuotesNoAnswer(t *testing.T) {
	d, _ := emulated(t)
	if _, err := d.emulator.Inject(emulator.Fault{Status: 400,
		Body: `{"error_code":1,"errors":["` + d.token + d.denied + ` somebody's name"]}`}); err != nil {
		t.Fatal(err)
	}
	got, err := d.send(request{path: "/v2/secret", token: d.denied})
	if err != nil || strings.Contains(string(got.body), d.token) || strings.Contains(string(got.body), d.denied) {
		t.Errorf("%s, %v", got.body, err)
	}
	if printed := got.code() + got.data(); printed != "400, code 1" {
		t.Errorf("it prints %s", printed)
	}
}

// TestSuiteRecipeQuotesItsVariables: a path may have a space.
func TestSuiteRecipeQuotesItsVariables(t *testing.T) {
	text, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "$(OKMS_") || strings.Contains(string(text), "${OKMS_") ||
		strings.Count(string(text), envLive+"=1") != 1 {
		t.Errorf("let the shell expand the variables in quotes: \"$$%s\"", envToken)
	}
}
