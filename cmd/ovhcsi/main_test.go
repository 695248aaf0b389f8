// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// raceOptions are the options of Go's race detector.
const raceOptions = "GORACE"

// TestMain runs the test binary as ovhcsi if the environment says so: the tests then have a real
// process with real signals, without a second build. So do the scripts of TestScripts.
func TestMain(m *testing.M) {
	if os.Getenv("OVHCSI_TEST_AS_MAIN") == "1" {
		main()
	}
	// With the race detector, each process sleeps for a second at its end.
	_ = os.Setenv(raceOptions, "atexit_sleep_ms=0")
	testscript.Main(m, map[string]func(){"ovhcsi": main, "kubectl-ovhcsi": main})
}

// process is a running "ovhcsi emulator".
type process struct {
	t        *testing.T
	cmd      *exec.Cmd
	stderr   *bytes.Buffer
	greeting map[string]string // values by the name at the beginning of a line
	curl     string
}

func startProcess(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, stderr: &bytes.Buffer{}, greeting: map[string]string{}}
	p.cmd = exec.Command(os.Args[0], append([]string{"emulator", "--listen", "127.0.0.1:0"}, args...)...)
	p.cmd.Env = append(os.Environ(), "OVHCSI_TEST_AS_MAIN=1")
	p.cmd.Stderr = p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // no effect after its end
	field := regexp.MustCompile(`^  (\S+(?: \S+)*)  +(.+)$`)
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if m := field.FindStringSubmatch(lines.Text()); m != nil {
			p.greeting[m[1]] = m[2]
		}
		if strings.HasPrefix(lines.Text(), "  curl ") {
			p.curl = lines.Text()
			return p
		}
	}
	t.Fatalf("the process ended before it was ready: %v %s", p.cmd.Wait(), p.stderr)
	return nil
}

func (p *process) file(name string) []byte {
	p.t.Helper()
	content, err := os.ReadFile(p.greeting[name])
	if err != nil {
		p.t.Fatal(err)
	}
	return content
}

// client returns an HTTP client that trusts the process's CA, with its client certificate if
// withCertificate is true.
func (p *process) client(withCertificate bool) *http.Client {
	p.t.Helper()
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	if !config.RootCAs.AppendCertsFromPEM(p.file("CA")) {
		p.t.Fatal("ca.pem is not PEM")
	}
	if withCertificate {
		cert, err := tls.X509KeyPair(p.file("client cert"), p.file("client key"))
		if err != nil {
			p.t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{cert}
	}
	transport := &http.Transport{TLSClientConfig: config}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (p *process) do(client *http.Client, method, url, token, body string, status int) string {
	p.t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("X-Vault-Token", token)
	}
	resp, err := client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		p.t.Fatalf("%s %s: status %d, want %d: %s %v", method, url, resp.StatusCode, status, got, err)
	}
	return string(got)
}

func (p *process) end(signal os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("after %v: %v: %s", signal, err, p.stderr)
	}
}

func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "seed.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEmulatorScenario(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "my emulator")
	seed := writeFile(t,
		`{"secrets":{"prod/va1/dockerconfigjson":{"auths": {"r":{"n":1.0}}}},"tokens":[{"token":"seeded","paths":["dev/"]}]}`)
	p := startProcess(t, "--dir", dir, "--seed", seed, "--control", "127.0.0.1:0", "--fault",
		"status=503,times=1,path=prod/", "--write")
	token, client := string(p.file("token")), p.client(false)
	data := p.greeting["vault address"] + "/v1/secret/data/prod/va1/dockerconfigjson"

	p.do(client, "GET", data, token, "", 503)
	if got := p.do(client, "GET", data, token, "", 200); !strings.Contains(got, `"data":{"auths": {"r":{"n":1.0}}},`) {
		t.Errorf("got %s", got)
	}
	p.do(client, "GET", data, "seeded", "", 403)
	p.do(p.client(true), "POST", data, "", `{"data":{}}`, 200)
	p.do(client, "GET", data+"?version=2", token, "", 200)
	p.do(http.DefaultClient, "POST", p.greeting["control API"]+"/state", "",
		`{"path":"prod/va1/dockerconfigjson","state":"deactivated"}`, 204)
	p.do(client, "GET", data, token, "", 404)
	for _, name := range []string{"CA", "token", "client cert", "client key"} {
		if info, err := os.Stat(p.greeting[name]); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	if !strings.Contains(p.curl, "--cacert '"+filepath.Join(dir, "ca.pem")+"'") || !strings.HasSuffix(p.curl, data) {
		t.Errorf("got the curl command %s", p.curl)
	}

	p.end(syscall.SIGTERM)
	if log := p.stderr.String(); strings.Count(log, "\n") != 6 || strings.Contains(log, token) ||
		!strings.Contains(log, "GET /v1/secret/data/prod/va1/dockerconfigjson - 200 - ") {
		t.Errorf("got the log\n%s", log)
	}
	if _, err := os.Stat(filepath.Join(dir, "token")); err != nil {
		t.Errorf("the directory of --dir was removed: %v", err)
	}
}

func TestTheTemporaryDirectoryIsRemoved(t *testing.T) {
	p := startProcess(t)
	dir := filepath.Dir(p.greeting["token"])
	if got := p.do(p.client(true), "GET", p.greeting["vault address"]+"/v1/secret/metadata", "", "",
		200); !strings.Contains(got, `"keys":[]`) {
		t.Errorf("got %s", got)
	}
	p.do(p.client(true), "POST", p.greeting["vault address"]+"/v1/secret/data/x", "", `{"data":{}}`, 403) // no --write
	p.end(os.Interrupt)
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s still exists: %v", dir, err)
	}
}

// TestCurlLineWorks runs the printed curl command unchanged, as new users do.
func TestCurlLineWorks(t *testing.T) {
	for _, tool := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("no " + tool)
		}
	}
	p := startProcess(t, "--dir", filepath.Join(t.TempDir(), "it's mine"), "--seed",
		writeFile(t, `{"secrets":{"a/b":{"k":"v"}}}`))
	got, err := exec.Command("sh", "-c", p.curl).Output()
	if err != nil || !strings.Contains(string(got), `"data":{"k":"v"}`) {
		t.Errorf("%s\n%s\n%v", p.curl, got, err)
	}
	p.end(syscall.SIGTERM)
}

func runWith(stdin string, args ...string) (code int, stdout, stderr string) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // an emulator that starts stops at once
	var out, errOut bytes.Buffer
	code = run(ctx, args, strings.NewReader(stdin), &out, &errOut)
	return code, out.String(), errOut.String()
}

func TestSeedFromStandardInput(t *testing.T) {
	code, stdout, stderr := runWith(`{"secrets":{"a":{},"b":{}}}`, "emulator", "--listen", "127.0.0.1:0", "--seed", "-")
	if code != 0 || stderr != "" || !regexp.MustCompile(`(?m)^  secrets +2$`).MatchString(stdout) {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
}

func TestMistakesArePrintedOnOneLine(t *testing.T) {
	good := []string{"emulator", "--listen", "127.0.0.1:0"}
	bad := writeFile(t, `{"secrets":{"a":{}},"tokns":[]}`)
	real := t.TempDir()
	if err := os.WriteFile(filepath.Join(real, "token"), []byte("real"), 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, row := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"emulater"}, 2,
			`ovhcsi: unknown command "emulater", did you mean emulator? (available: `},
		{[]string{"xyzzy", "x"}, 2, `ovhcsi: unknown command "xyzzy" (available: `},
		{[]string{"xyzzy", "--x"}, 2, `ovhcsi: unknown command "xyzzy" (available: `},
		{[]string{"lint", "x"}, 2, `ovhcsi lint: lstat x: no such file or directory (see --help)`},
		{[]string{"lint"}, 2, `ovhcsi lint: no file is given; - is standard input (see --help)`},
		{[]string{"lint", "--output", "yaml", "x"}, 2,
			`ovhcsi lint: --output yaml is not one of text, json, sarif, github, junit (see --help)`},
		{[]string{"lint", "x", "--outptu", "json"}, 2,
			`ovhcsi lint: unknown flag --outptu, did you mean --output? (see --help)`},
		{append(good, "--sed", "x"), 2, `unknown flag --sed, did you mean --seed? (see --help)`},
		{append(good, "-xyzzy"), 2, `unknown flag -xyzzy (see --help)`},
		{append(good, "--seed"), 2, `flag --seed needs a value`},
		{append(good, "file.json"), 2, `unexpected argument "file.json"; write -- before a command to run`},
		{append(good, "--fault", "statu=3"), 2,
			`invalid value "statu=3" for --fault: unknown field "statu"; valid are path, writes, times`},
		{append(good, "--fault", "times=3"), 2, `for --fault: the fault has no effect`},
		{append(good, "--write=perhaps"), 2, `invalid value "perhaps" for --write: neither true nor false`},
		{append(good, "--host", "a b"), 2, `invalid value "a b" for --host: not a DNS name or IP address`},
		{append(good, "--okms-id", "mine"), 2, `okms id "mine" is not a UUID`},
		{append(good, "--token", "not good"), 2, `--token: token must be printable ASCII without spaces`},
		{append(good, "--seed", "/nowhere/seed.json"), 2, `--seed: stat /nowhere/seed.json: no such file`},
		{append(good, "--seed", bad), 1, bad + `: seed: unknown field "tokns"`},
		{append(good, "--region", "eu west"), 2, `region "eu west" is not a name such as eu-west-par`},
		{append(good, "--listen", taken.Addr().String()), 1,
			`address already in use; --listen 127.0.0.1:0 selects a free port`},
		{append(good, "--listen", "127.0.0.1:99999"), 2,
			`invalid value "127.0.0.1:99999" for --listen: the port is not a number from 0 to 65535`},
		{append(good, "--control", "127.0.0.1:99999"), 2,
			`invalid value "127.0.0.1:99999" for --control: the port is not a number from 0 to 65535`},
		{append(good, "--listen", "192.0.2.1:0"), 1,
			`starting the emulator: listen tcp 192.0.2.1:0: bind: `}, // not an address of this machine
		{append(good, "--control", "192.0.2.1:0"), 1, `starting the control API: listen tcp 192.0.2.1:0: bind: `},
		{append(good, "--dir", bad), 1, `not a directory`},
		{append(good, "--dir", real), 1,
			"--dir: " + real + " contains token and is not marked as an emulator's directory; choose another one, or " +
				"create the file .ovhcsi-emulator in it if its credentials may be replaced"},
	} {
		code, stdout, stderr := runWith("", row.args...)
		if code != row.code || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, row.want) {
			t.Errorf("%q: exit %d, want %d; stdout %q; stderr %q, want %q", row.args, code, row.code, stdout, stderr, row.want)
		}
		if strings.Contains(stderr, "not good") {
			t.Errorf("%q: the token is printed in %q", row.args, stderr)
		}
	}
}

func TestHelp(t *testing.T) {
	_, usage, _ := runWith("", "help")
	if code, stdout, stderr := runWith(""); code != 2 || stdout != "" || stderr != usage ||
		!strings.Contains(usage, exitCodesHelp()) {
		t.Errorf("no arguments: exit %d %q %q", code, stdout, stderr)
	}
	for _, args := range [][]string{{"--help"}, {"-h"}} {
		if code, stdout, _ := runWith("", args...); code != 0 || stdout != usage {
			t.Errorf("%q: exit %d %q", args, code, stdout)
		}
	}
	for _, command := range []string{"emulator", "connections", "connections check", "lint", "version"} {
		help := "ovhcsi " + command + " - "
		for _, line := range []string{command + " --help", command + " -h", command + " help", "help " + command} {
			if code, stdout, stderr := runWith("", strings.Fields(line)...); code != 0 || !strings.HasPrefix(stdout, help) ||
				stderr != "" {
				t.Errorf("%s: exit %d %q %q", line, code, stdout, stderr)
			}
		}
	}
}

// TestEmulatorHelpIsTrue checks that the examples of a seed and of faults in the help are valid.
func TestEmulatorHelpIsTrue(t *testing.T) {
	_, help, _ := runWith("", "emulator", "--help")
	for _, m := range regexp.MustCompile(`(?m)^  --fault (\S+=\S+)`).FindAllStringSubmatch(help, -1) {
		if code, _, stderr := runWith("", "emulator", "--listen", "127.0.0.1:0", "--fault", m[1]); code != 0 {
			t.Error(stderr)
		}
	}
	short := regexp.MustCompile(`(?ms)^  \{\n.*?^  \}\n`).FindString(help)
	long := `{"secrets":` + regexp.MustCompile(`(?ms)^  \[\{"path".*?\}\]\n`).FindString(help) + `}`
	for _, seed := range []string{short, long} {
		if code, _, stderr := runWith(seed, "emulator", "--listen", "127.0.0.1:0", "--seed", "-"); code != 0 {
			t.Errorf("seed %s: %s", seed, stderr)
		}
	}
}
