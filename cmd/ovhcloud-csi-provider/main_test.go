// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"ovhcloud-csi-provider/test/harness"
)

func TestTheDaemonFromStartToEnd(t *testing.T) {
	store := harness.StartStore(t)
	store.Hold(t, map[string]string{"s": `{"a":"1"}`})
	socket := harness.SocketPath(t)
	p := startDaemon(t, store, socket, nil)
	if _, err := p.client.Mount(t.Context(), store.Request(harness.Mount{Objects: "- secretPath: s"})); err != nil {
		t.Fatal(err)
	}
	if code := p.stop(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if _, err := os.Lstat(socket); !os.IsNotExist(err) {
		t.Errorf("the socket was left: %v", err)
	}
	if got := strings.Count(p.log.String(), `"mount" result="ok"`); got != 1 {
		t.Errorf("%d audit lines for one mount:\n%s", got, p.log)
	}
	if want := `pod="store/web-0" uid="11111111-2222-3333-4444-555555555555" serviceAccount="web" ` +
		`secretProviderClass="store/shop" connection="" credential="token 797d4f25 from nodePublishSecretRef" ` +
		`secrets=["s@1"] files=1 bytes=9`; !strings.Contains(p.log.String(), want) {
		t.Errorf("the audit line lacks %s:\n%s", want, p.log)
	}
}

func TestEverySecretOfAMountIsInTheLog(t *testing.T) {
	store := harness.StartStore(t)
	var objects strings.Builder
	for i := range 130 {
		store.Hold(t, map[string]string{fmt.Sprintf("secret/%d", i): `{"a":"1"}`})
		fmt.Fprintf(&objects, "- secretPath: secret/%d\n", i)
	}
	p := startDaemon(t, store, harness.SocketPath(t), nil)
	if _, err := p.client.Mount(t.Context(), store.Request(harness.Mount{Objects: objects.String()})); err != nil {
		t.Fatal(err)
	}
	p.stop(t, syscall.SIGTERM)
	for i := range 130 {
		if want := fmt.Sprintf(`"secret/%d@1"`, i); strings.Count(p.log.String(), want) != 1 {
			t.Errorf("%s is in the log %d times", want, strings.Count(p.log.String(), want))
		}
	}
	const further = `"mount, further secrets" uid="11111111-2222-3333-4444-555555555555" ` +
		`secretProviderClass="store/shop" secrets=[`
	if n := strings.Count(p.log.String(), further); n != 2 {
		t.Errorf("%d further lines:\n%s", n, p.log)
	}
}

func TestTheLogWarnsOfFilesTooLargeForASecret(t *testing.T) {
	store := harness.StartStore(t)
	store.Hold(t, map[string]string{"s": `{"a":"` + strings.Repeat("x", 50_000) + `"}`})
	p := startDaemon(t, store, harness.SocketPath(t), nil)
	for _, files := range []int{20, 22} {
		var objects strings.Builder
		for i := range files {
			fmt.Fprintf(&objects, "- {secretPath: s, secretKey: a, objectName: f%d}\n", i)
		}
		if _, err := p.client.Mount(t.Context(), store.Request(harness.Mount{Objects: objects.String()})); err != nil {
			t.Fatal(err)
		}
	}
	p.stop(t, syscall.SIGTERM)
	if n := strings.Count(p.log.String(), "the files of this mount exceed 1 MiB"); n != 1 ||
		!strings.Contains(p.log.String(), `secretProviderClass="store/shop" bytes=1100000`) {
		t.Errorf("said %d times:\n%s", n, p.log)
	}
}

func TestRequestsAreLoggedFromLevel2On(t *testing.T) {
	for _, level := range []string{"1", "2"} {
		store := harness.StartStore(t)
		store.Hold(t, map[string]string{"s": `{"a":"1"}`})
		p := startDaemon(t, store, harness.SocketPath(t), nil, "-v", level)
		if _, err := p.client.Mount(t.Context(),
			store.Request(harness.Mount{Objects: "- secretPath: s\n- secretPath: absent"})); err == nil {
			t.Fatal("an absent secret was mounted")
		}
		p.stop(t, syscall.SIGTERM)
		want := 0
		if level == "2" {
			want = 1
		}
		host := strings.TrimPrefix(store.URL, "https://")
		for _, line := range []string{`path="s" status=200 took="`, `path="absent" status=404 took="`,
			`failure="secret_absent" request="`} {
			if got := strings.Count(p.log.String(), line); got != want || want > 0 &&
				!strings.Contains(p.log.String(), `"request" host="`+host+`" api="kv2" operation="read" `) {
				t.Errorf("at level %s %d lines have %s:\n%s", level, got, line, p.log)
			}
		}
	}
}

func TestAKilledDaemonsSocketIsTakenOver(t *testing.T) {
	store := harness.StartStore(t)
	store.Hold(t, map[string]string{"s": `{"a":"1"}`})
	socket := harness.SocketPath(t)
	startDaemon(t, store, socket, nil).stop(t, syscall.SIGKILL)
	if _, err := os.Lstat(socket); err != nil {
		t.Fatalf("SIGKILL leaves no stale socket here, so this test proves nothing: %v", err)
	}
	p := startDaemon(t, store, socket, nil)
	if _, err := p.client.Mount(t.Context(), store.Request(harness.Mount{Objects: "- secretPath: s"})); err != nil {
		t.Error(err)
	}
}

func TestTheVaultVariablesHaveNoEffect(t *testing.T) {
	store := harness.StartStore(t)
	store.Hold(t, map[string]string{"s": `{"a":"1"}`})
	p := startDaemon(t, store, harness.SocketPath(t), []string{"VAULT_ADDR=https://192.0.2.1", "VAULT_TOKEN=other",
		"VAULT_CACERT=/nowhere", "VAULT_RATE_LIMIT=nonsense", "VAULT_SKIP_VERIFY=nonsense", "VAULT_NAMESPACE=other",
		"VAULT_WRAP_TTL=1"})
	if _, err := p.client.Mount(t.Context(), store.Request(harness.Mount{Objects: "- secretPath: s"})); err != nil {
		t.Fatal(err)
	}
	if h := store.Requests()[0].Header; h.Get("X-Vault-Namespace")+h.Get("X-Vault-Wrap-Ttl") != "" {
		t.Errorf("headers %v", h)
	}
}

func TestLogsInJSON(t *testing.T) {
	store := harness.StartStore(t)
	p := startDaemon(t, store, harness.SocketPath(t), nil, "--log-format", "json", "-v", "10")
	_, _ = p.client.Mount(t.Context(), store.Request(harness.Mount{Objects: "- secretPath: /x\n- secretPath: /y"}))
	p.stop(t, syscall.SIGTERM)
	mounts := 0
	for line := range strings.Lines(p.log.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("no JSON: %s", line)
		}
		if entry["msg"] == "mount" {
			mounts++
			if entry["level"] != "ERROR" || entry["result"] != "invalid" || entry["pod"] == nil {
				t.Errorf("audit line %s", line)
			}
		}
	}
	if mounts != 1 {
		t.Errorf("%d audit lines", mounts)
	}
}

func TestNoCoreDumps(t *testing.T) {
	p := startDaemon(t, harness.StartStore(t), harness.SocketPath(t), nil)
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", p.Process.Pid))
	if os.IsNotExist(err) {
		t.Skip("this system has no /proc")
	}
	if !regexp.MustCompile(`Max core file size +0 +0 `).Match(limits) {
		t.Errorf("limits:\n%s", limits)
	}
}

func TestWrongCommandLines(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--mount-timout=3s", "unknown flag --mount-timout, did you mean --mount-timeout?"},
		{"--mount-timeout=5", `invalid value "5" for --mount-timeout: not a duration with a unit, such as 30s`},
		{"--max-stale=5", `invalid value "5" for --max-stale: not a duration with a unit, such as 30s`},
		{"--max-reads=x", `invalid value "x" for --max-reads: not a whole number`},
		{"--admin-address=8080", `--admin-address: "8080" is not host:port, such as :8080`},
		{"--mount-timeout=3m", "--mount-timeout: 3m0s is not from 1s to 100s"},
		{"--max-reads=0", "--max-reads: 0 is less than 1"},
		{"--cache-ttl=2h", "--cache-ttl: 2h0m0s is not from 0 to 1h"},
		{"--cache-ttl=-1s", "--cache-ttl: -1s is not from 0 to 1h"},
		{"--max-stale=10000h", "--max-stale: 10000h0m0s is not from 0 to 168h"},
		{"--max-stale=30s", "--max-stale: 30s is not longer than --cache-ttl, which is 30s"},
		{"--cache-bytes=64M", `invalid value "64M" for --cache-bytes: not a number of bytes such as 67108864, 512Ki, 64Mi ` +
			`or 1Gi`},
		{"--cache-bytes=0", `invalid value "0" for --cache-bytes: not a number of bytes such as 67108864, 512Ki, 64Mi ` +
			`or 1Gi`},
		{"--log-format=xml", `--log-format: "xml" is neither text nor json`},
		{"--endpoint=tcp://x", `--endpoint: "tcp://x" is not unix:// followed by an absolute path`},
		{"--allow-endpoint=http://okms.example",
			`--allow-endpoint: "http://okms.example": plain http is for loopback addresses only`},
		{"--config=config.yaml", `--config: "config.yaml" is not an absolute path`},
		{"serve", `"serve" is not a flag`},
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), strings.Fields(c.args), &out, &errs); code != 2 ||
			errs.String() != "ovhcloud-csi-provider: "+c.want+" (see --help)\n" || out.Len() > 0 {
			t.Errorf("%s: exit status %d, %q", c.args, code, errs.String())
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"--help"}, &out, &errs); code != 0 || errs.Len() > 0 {
		t.Errorf("exit status %d, %s", code, &errs)
	}
	for _, name := range []string{"endpoint", "config", "admin-address", "mount-timeout", "max-reads", "cache-ttl",
		"cache-bytes", "max-stale", "allow-endpoint", "log-format", "probe", "version", "v"} {
		if !strings.Contains(out.String(), "  --"+name) {
			t.Errorf("--help does not name %s", name)
		}
	}
	out.Reset()
	if code := run(t.Context(), []string{"--version"}, &out, &errs); code != 0 ||
		!regexp.MustCompile(`^\d+\.\d+\.\d+\S*\n$`).MatchString(out.String()) {
		t.Errorf("exit status %d, version %q", code, &out)
	}
}

func TestAnAddressInUseIsExitStatus1(t *testing.T) {
	store := harness.StartStore(t)
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	taken := strings.TrimPrefix(store.URL, "https://")
	out, err := exec.Command(path, "--endpoint", "unix://"+harness.SocketPath(t), "--admin-address",
		taken).CombinedOutput()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 1 ||
		!strings.Contains(string(out), "listening on --admin-address") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestNoMountWaitsForTheLog(t *testing.T) {
	store := harness.StartStore(t)
	store.Hold(t, map[string]string{"s": `{"a":"1"}`})
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	nobodyReads, stderr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer nobodyReads.Close()
	socket := harness.SocketPath(t)
	for _, format := range []string{"text", "json"} {
		daemon := exec.Command(path, "--endpoint", "unix://"+socket, "--admin-address", "", "--allow-endpoint", store.URL,
			"--log-format", format)
		daemon.Stderr = stderr
		if err := daemon.Start(); err != nil {
			t.Fatal(err)
		}
		client := harness.Dial(t, socket)
		// A pipe holds 64 KiB, and a line of the log more than 300 bytes.
		for range 400 {
			if _, err := client.Mount(t.Context(), store.Request(harness.Mount{Objects: "- secretPath: s"})); err != nil {
				t.Fatal(err)
			}
		}
		if err := daemon.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := daemon.Wait(); err != nil {
			t.Errorf("%s: the daemon ended with %v", format, err)
		}
	}
}

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int{"1": 1, "1024": 1 << 10, "512Ki": 512 << 10, "64Mi": 64 << 20, "2Gi": 2 << 30} {
		if got, err := parseBytes(text); err != nil || got != want {
			t.Errorf("%s is %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "Mi", "-1", "1.5Gi", "1e3", "4000000000Gi", "99999999999"} {
		if got, err := parseBytes(text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
}
