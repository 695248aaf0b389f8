// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ovhcloud-csi-provider/server/audit"
	"ovhcloud-csi-provider/test/harness"
)

// records returns the records of a file.
func records(t *testing.T, path string) (all []audit.Record) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var r audit.Record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		all = append(all, r)
	}
	return all
}

func TestTheAuditHasARecordOfEachMount(t *testing.T) {
	store := harness.StartStore(t)
	var objects strings.Builder
	for i := range 600 {
		store.Hold(t, map[string]string{fmt.Sprintf("secret/%d", i): `{"a":"` + plantedValue + `"}`})
		fmt.Fprintf(&objects, "- secretPath: secret/%d\n", i)
	}
	path := filepath.Join(t.TempDir(), "audit.log")
	p := startDaemon(t, store, harness.SocketPath(t), nil, "--audit-log", path)
	for _, m := range []harness.Mount{{Objects: objects.String(), Token: plantedToken},
		{Objects: "- secretPath: secret/1"}} {
		if _, err := p.client.Mount(t.Context(), store.Request(m)); (err == nil) != (m.Token == "") {
			t.Error(err)
		}
	}
	if _, err := p.client.Mount(t.Context(),
		store.Request(harness.Mount{Objects: objects.String(), Attributes: map[string]string{
			"csi.storage.k8s.io/pod.name": "x\n{\"version\":\"v1\"}"}})); err != nil {
		t.Error(err)
	}
	p.stop(t, syscall.SIGTERM)
	all := records(t, path)
	if len(all) != 4 {
		t.Fatalf("%d records of 3 mounts, want one with a further one: %+v", len(all), all)
	}
	if r := all[0]; r.Version != "v1" || r.Kind != audit.KindMount || r.Result != "unauthenticated" || r.Error == "" ||
		*r.Files != 0 {
		t.Errorf("the failed mount: %+v", r)
	}
	if r := all[1]; r.Result != "ok" || r.Namespace != "store" || r.Pod != "web-0" ||
		r.UID != "11111111-2222-3333-4444-555555555555" ||
		r.ServiceAccount != "web" || r.SecretProviderClass != "store/shop" || !strings.HasPrefix(r.Credential, "token ") ||
		strings.Join(r.Secrets, " ") != "secret/1@1" || *r.Files != 1 || *r.Bytes == 0 || r.TookSeconds == nil {
		t.Errorf("the mount: %+v", r)
	}
	if first, more := all[2], all[3]; first.FurtherSecrets != 100 || len(first.Secrets) != 500 ||
		len(more.Secrets) != 100 ||
		more.Kind != audit.KindMore || first.Pod != "x\n{\"version\":\"v1\"}" {
		t.Errorf("the large mount: %d of %d secrets, then %d, pod %q", len(first.Secrets), first.FurtherSecrets,
			len(more.Secrets), first.Pod)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lookFor(t, string(text), plantedValue, plantedToken, plantedAccount, harness.Token)
}

// TestLostAuditRecordsAreReported: the folder is away for a while, as a full disk would be.
func TestLostAuditRecordsAreReported(t *testing.T) {
	store := harness.StartStore(t)
	store.Hold(t, map[string]string{"s": `{"a":"1"}`})
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "audit.log")
	p := startDaemon(t, store, harness.SocketPath(t), nil, "--audit-log", path)
	mount := func() {
		if _, err := p.client.Mount(t.Context(), store.Request(harness.Mount{Objects: "- secretPath: s"})); err != nil {
			t.Error(err)
		}
	}
	rename := func(from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	rename(dir, dir+".away")
	mount()
	if !eventually(time.Minute, func() bool {
		return strings.Contains(harness.Page(t, p.admin+"/metrics"),
			`ovhcloud_csi_audit_records_lost_total{reason="failed"} 1`)
	}) {
		t.Error("the lost record is not counted")
	}
	rename(dir+".away", dir)
	rename(path, path+".1")
	mount()
	p.stop(t, syscall.SIGTERM)
	all := records(t, path)
	if len(all) != 2 || all[0].Kind != audit.KindLost || all[0].LostFailed != 1 ||
		!strings.Contains(all[0].Error, "no such file") ||
		all[1].Kind != audit.KindMount {
		t.Errorf("got %+v", all)
	}
	if old := records(t, path+".1"); len(old) != 0 {
		t.Errorf("the renamed file got %+v", old)
	}
}

func TestTheAuditOnStandardOutputIsApartFromTheLog(t *testing.T) {
	store := harness.StartStore(t)
	store.Hold(t, map[string]string{"s": `{"a":"1"}`})
	out := filepath.Join(t.TempDir(), "out")
	file, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	p := startDaemonIn(t, func(c *exec.Cmd) { c.Stdout = file }, store, harness.SocketPath(t), nil, "--audit-log=-")
	if _, err := p.client.Mount(t.Context(), store.Request(harness.Mount{Objects: "- secretPath: s"})); err != nil {
		t.Error(err)
	}
	p.stop(t, syscall.SIGTERM)
	if all := records(t, out); len(all) != 1 || all[0].Kind != audit.KindMount {
		t.Errorf("got %+v", all)
	}
	if strings.Contains(p.log.String(), `"kind":"mount"`) || strings.Count(p.log.String(), `"mount" result="ok"`) != 1 {
		t.Errorf("the log is not as without an audit:\n%s", p.log)
	}
}

func TestTheDaemonDoesNotStartWithoutItsAudit(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"/no/such/folder/audit.log": "/no/such/folder/audit.log: no such file or directory",
		"/dev/null":                 "/dev/null is not a regular file",
		"audit.log":                 `--audit-log: "audit.log" is neither an absolute path nor -`,
	} {
		out, err := exec.Command(path, "--endpoint", "unix://"+harness.SocketPath(t), "--admin-address=", "--audit-log",
			file).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
	}
}
