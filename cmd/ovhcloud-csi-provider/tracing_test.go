// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"ovhcloud-csi-provider/server/tracing/tracingtest"
	"ovhcloud-csi-provider/test/harness"
)

// TestAMountIsATrace: by the binary, with the steps of a mount that reads, and of one that is served from memory.
func TestAMountIsATrace(t *testing.T) {
	store, collector := harness.StartStore(t), tracingtest.Start(t)
	store.Hold(t, map[string]string{"s": `{"a":"` + plantedValue + `"}`})
	p := startDaemon(t, store, harness.SocketPath(t), nil, "--otlp-endpoint", collector.URL)
	for range 2 {
		if _, err := p.client.Mount(t.Context(), store.Request(harness.Mount{Objects: "- secretPath: s"})); err != nil {
			t.Fatal(err)
		}
	}
	p.stop(t, syscall.SIGTERM)
	traces := map[string][]string{}
	for _, s := range collector.Spans() {
		name := s.Name
		if served := s.Attributes["ovhcloud_csi.served"]; served != "" {
			name += " " + served
		}
		traces[s.Trace] = append(traces[s.Trace], name)
	}
	got := map[string]int{}
	for _, names := range traces { // in the order in which they ended
		got[strings.Join(names, ", ")]++
	}
	if len(got) != 2 || got["plan, request, read miss, render, mount"] != 1 || got["plan, read hit, render, mount"] != 1 {
		t.Errorf("the traces are %v", got)
	}
	lookFor(t, collector.Raw()+p.log.String(), plantedValue, harness.Token, plantedAccount)
}

func TestTheCollectorIsAnAddress(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "--endpoint", "unix://"+harness.SocketPath(t), "--admin-address=",
		"--otlp-endpoint=http://user:planted@collector:4317").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--otlp-endpoint: not the address of a collector") ||
		strings.Contains(string(out), "planted") {
		t.Errorf("%v\n%s", err, out)
	}
}
