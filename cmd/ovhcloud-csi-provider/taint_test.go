// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"ovhcloud-csi-provider/server/kube/kubetest"
	"ovhcloud-csi-provider/test/harness"
)

// TestTheBinaryRemovesTheStartupTaint: and goes on serving.
func TestTheBinaryRemovesTheStartupTaint(t *testing.T) {
	store, api := harness.StartStore(t), kubetest.Start(t)
	store.Hold(t, map[string]string{"s": `{"a":"1"}`})
	node := "/api/v1/nodes/node-1"
	api.Put(node, map[string]any{"spec": map[string]any{"taints": []any{map[string]any{"key": "a.example/not-ready",
		"effect": "NoSchedule"}}}})
	api.Put("/apis/storage.k8s.io/v1/csinodes/node-1",
		map[string]any{"spec": map[string]any{"drivers": []any{map[string]any{"name": "secrets-store.csi.k8s.io"}}}})
	env, args := inCluster(t, api)
	p := startDaemon(t, store, harness.SocketPath(t), env, append(args, "--startup-taint=a.example/not-ready",
		"--node-name=node-1")...)
	if !eventually(time.Minute, func() bool { return strings.Contains(p.log.String(), "the startup taint is removed") }) {
		t.Fatalf("the taint stays:\n%s", p.log)
	}
	if left := fmt.Sprint(api.Object(node)["spec"]); left != "map[taints:[]]" {
		t.Errorf("the node has %s", left)
	}
	if _, err := p.client.Mount(t.Context(), store.Request(harness.Mount{Objects: "- secretPath: s"})); err != nil {
		t.Error(err)
	}
	if status := p.stop(t, syscall.SIGTERM); status != 0 {
		t.Errorf("ended with %d:\n%s", status, p.log)
	}
}
