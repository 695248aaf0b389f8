// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"ovhcloud-csi-provider/server/kube/kubetest"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// inCluster returns the variables and flags of a daemon that uses an API server.
func inCluster(t *testing.T, api *kubetest.Server) (env, args []string) {
	t.Helper()
	host, port, err := net.SplitHostPort(api.API.Address)
	if err != nil {
		t.Fatal(err)
	}
	env = []string{"KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port}
	return env, []string{"--service-account-dir", api.Dir}
}

// TestAPodIsToldOfFailedRenewals: only of renewals, and by the binary.
func TestAPodIsToldOfFailedRenewals(t *testing.T) {
	store, api := harness.StartStore(t), kubetest.Start(t)
	store.Hold(t, map[string]string{"s": `{"a":"` + plantedValue + `"}`})
	env, args := inCluster(t, api)
	p := startDaemon(t, store, harness.SocketPath(t), env, append(args, "--events", "--node-name=node-1",
		"--cache-ttl=0")...)
	mount := func(target string) error {
		m := store.Request(harness.Mount{Objects: "- secretPath: s"})
		m.TargetPath = target
		_, err := p.client.Mount(t.Context(), m)
		return err
	}
	if err := mount("/pods/1"); err != nil {
		t.Fatal(err)
	}
	repair := store.Break(t, emulator.Fault{Status: 403})
	for _, target := range []string{"/pods/2", "/pods/1"} {
		if mount(target) == nil {
			t.Error("the mount did not fail")
		}
	}
	if !eventually(time.Minute, func() bool {
		return strings.Contains(harness.Page(t, p.admin+"/metrics"), "ovhcloud_csi_events_sent_total 1")
	}) {
		t.Errorf("no event was written:\n%s", p.log)
	}
	repair()
	if err := mount("/pods/1"); err != nil {
		t.Error(err)
	}
	p.stop(t, syscall.SIGTERM)
	requests := api.Requests()
	if len(requests) != 1 || requests[0].Path != "/api/v1/namespaces/store/events" {
		t.Fatalf("requests %+v", requests)
	}
	for _, part := range []string{`"reason":"SecretsNotRenewed"`, `"type":"Warning"`,
		`"name":"web-0","uid":"11111111-2222-3333-4444-555555555555"`,
		`"host":"node-1"`, `the files of this pod stay as they are: SecretProviderClass store/shop: `} {
		if !strings.Contains(requests[0].Body, part) {
			t.Errorf("the event lacks %s: %s", part, requests[0].Body)
		}
	}
	lookFor(t, api.Text()+p.log.String(), plantedValue, harness.Token, kubetest.Token)
}

func TestTheDaemonDoesNotStartWithoutTheAPIServer(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for flag, want := range map[string]string{
		"--startup-taint=a/b":       "--startup-taint: set --node-name too",
		"--events":                  "--events and --startup-taint: the environment variables KUBERNETES_SERVICE_HOST and",
		"--pprof-address=:6060":     `--pprof-address: ":6060" is not a loopback address and a port`,
		"--node-name=a/b":           `--node-name: "a/b" is not the name of a node`,
		"--service-account-dir=a/b": `--service-account-dir: "a/b" is not an absolute path`,
	} {
		daemon := exec.Command(path, "--endpoint", "unix://"+harness.SocketPath(t), "--admin-address=", flag)
		daemon.Env = []string{}
		if out, err := daemon.CombinedOutput(); err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v\n%s", flag, err, out)
		}
	}
}
