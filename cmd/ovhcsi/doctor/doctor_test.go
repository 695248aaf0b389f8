// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/cmd/ovhcsi/cluster/clustertest"
)

// now is the time of the tests: long before the credentials of testdata end.
var now = time.Date(2026, time.November, 27, 0, 0, 0, 0, time.UTC)

// broken is a cluster that is broken in one way, and what the doctor must find in it: each finding as
// -o short writes it, from its beginning.
type broken struct {
	change func(t *testing.T, c *clustertest.Cluster)
	pre    bool
	want   []string
}

// examine returns what -o short writes for a cluster.
func examine(t *testing.T, b broken) []string {
	t.Helper()
	c := clustertest.Read(t, "testdata/healthy.json")
	if b.change != nil {
		b.change(t, c)
	}
	report, err := Examine(t.Context(), clustertest.Reader{Server: c.Start(t)}, Options{Pre: b.pre,
		Namespace: "kube-system", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := report.Write(&out, "short", "0.1.0", false); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "eyJ") {
		t.Errorf("a token is printed: %s", out.String())
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	return slices.DeleteFunc(lines, func(l string) bool { return l == "" })
}

// expect checks that the doctor finds what is wanted, and nothing else.
func expect(t *testing.T, cases map[string]broken) {
	t.Helper()
	for name, b := range cases {
		t.Run(name, func(t *testing.T) {
			got := examine(t, b)
			for i := range max(len(got), len(b.want)) {
				switch {
				case i >= len(got):
					t.Errorf("not found: %s", b.want[i])
				case i >= len(b.want):
					t.Errorf("found too: %s", got[i])
				case !strings.HasPrefix(got[i], b.want[i]):
					t.Errorf("found %s\nwant  %s", got[i], b.want[i])
				}
			}
		})
	}
}

func TestAHealthyClusterHasNoFinding(t *testing.T) {
	expect(t, map[string]broken{"installed": {}, "before the provider": {pre: true, change: func(_ *testing.T,
		c *clustertest.Cluster) {
		c.Remove("DaemonSet", "ovhcloud-csi-provider")
	}}})
}

func TestKubernetesAndPermissions(t *testing.T) {
	expect(t, map[string]broken{
		"an old cluster": {change: func(_ *testing.T, c *clustertest.Cluster) { c.Version = "v1.29.14+k3s1" },
			want: []string{"error OVH601 the cluster has Kubernetes v1.29.14+k3s1; the provider needs 1.30 or later"}},
		"few permissions": {change: func(_ *testing.T, c *clustertest.Cluster) {
			c.Forbidden = []string{"nodes",
				"clusterroles"}
		},
			want: []string{"note OVH602 not checked: you may not read nodes",
				"note OVH602 not checked: you may not read roles and their bindings"}},
		"a server that fails": {change: func(_ *testing.T, c *clustertest.Cluster) { c.Failing = []string{"daemonsets"} },
			want: []string{"warning OVH603 DaemonSets could not be read: HTTP status 500"}},
		"no node for the provider": {pre: true, change: func(_ *testing.T, c *clustertest.Cluster) {
			c.Remove("Node",
				"node-1", "node-2")
		},
			want: []string{"error OVH604 no node has Linux on amd64 or arm64"}},
		"a namespace without directories of the node": {pre: true, change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "Namespace", "kube-system", `"labels":{`,
				`"labels":{"pod-security.kubernetes.io/enforce":"baseline",`)
		}, want: []string{`error OVH605 Namespace kube-system: its label pod-security.kubernetes.io/enforce is "baseline"`}},
	})
}

func TestTheDriver(t *testing.T) {
	const set = "csi-secrets-store"
	expect(t, map[string]broken{
		"no driver": {change: func(_ *testing.T, c *clustertest.Cluster) {
			for _, kind := range []string{"CSIDriver", "SecretProviderClass", "SecretProviderClassPodStatus"} {
				c.Remove(kind)
			}
			c.Remove("DaemonSet", set)
			c.Remove("Pod", "web-1", "web-2", "job-1", set+"-node-1", set+"-node-2")
		}, want: []string{"error OVH611 the cluster has no CSI driver secrets-store.csi.k8s.io"}},
		"no CRDs": {pre: true, change: func(_ *testing.T, c *clustertest.Cluster) {
			c.Remove("SecretProviderClass")
		}, want: []string{"error OVH612 the cluster has no kind SecretProviderClass"}},
		"an old driver": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "DaemonSet", set,
				"v1.6.1", "v1.4.8")
		},
			want: []string{"warning OVH613 DaemonSet kube-system/csi-secrets-store: the driver has the version 1.4.8",
				"warning OVH653 Secret shop/okms-credentials: it has no label secrets-store.csi.k8s.io/used=true"}},
		"an old driver, and the label": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "DaemonSet", set, "v1.6.1", "v1.5.0")
			c.Replace(t, "Secret", "okms-credentials", `"name":`,
				`"labels":{"secrets-store.csi.k8s.io/used":"true"},"name":`)
		}, want: []string{"warning OVH613"}},
		"a driver's pod that is not ready": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "Pod", set+"-node-2", `"status":"True"`, `"status":"False"`)
		}, want: []string{"error OVH614 Pod kube-system/csi-secrets-store-node-2: on node node-2: it is not ready"}},
		"rotation off while a class asks for it": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "DaemonSet", set, "--enable-secret-rotation=true", "--v=2")
		}, want: []string{"warning OVH615 DaemonSet kube-system/csi-secrets-store: rotation is off: the driver runs " +
			"without --enable-secret-rotation=true",
			"error OVH616 SecretProviderClass shop/mirror: it has refreshInterval and secretObjects, and rotation is off"}},
		"rotation that kubelet does not ask for": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "CSIDriver", "secrets-store.csi.k8s.io", `"requiresRepublish":true`,
				`"requiresRepublish":false`)
			c.Remove("SecretProviderClass", "mirror")
		}, want: []string{"warning OVH615 DaemonSet kube-system/csi-secrets-store: rotation is off: requiresRepublish of " +
			"CSIDriver"}},
		"rotation by a flag without a value": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "DaemonSet", set, "--enable-secret-rotation=true", "--enable-secret-rotation")
		}},
		"mirroring without RBAC": {change: func(_ *testing.T, c *clustertest.Cluster) {
			c.Remove("ClusterRoleBinding", "secretprovidersyncing-rolebinding")
		}, want: []string{"error OVH617 SecretProviderClass shop/mirror: it has secretObjects, and the driver has no RBAC " +
			"permission to create Secrets in namespace shop"}},
		"mirroring in another namespace": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Remove("ClusterRoleBinding", "secretprovidersyncing-rolebinding")
			c.Add(t, `{"kind": "RoleBinding", "metadata": {"name": "sync", "namespace": "other"}, "roleRef": {"kind": "ClusterRole", "name": "secretprovidersyncing-role"},
				"subjects": [{"kind": "ServiceAccount", "name": "secrets-store-csi-driver", "namespace": "kube-system"}]}`)
		}, want: []string{"error OVH617 SecretProviderClass shop/mirror"}},
		"mirroring of Secrets with other names": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "ClusterRole", "secretprovidersyncing-role", `"resources":`, `"resourceNames":["other"],"resources":`)
		}, want: []string{"error OVH617 SecretProviderClass shop/mirror"}},
		"a driver for Windows too": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Add(t, `{"kind": "DaemonSet", "metadata": {"name": "windows", "namespace": "kube-system", "uid": "uid-windows"},
				"spec": {"template": {"spec": {"nodeSelector": {"kubernetes.io/os": "windows"},
				"containers": [{"name": "secrets-store", "image": "driver:v1.3.0", "args": ["--provider-volume=C:\\\\k"]}]}}}}`)
		}},
		"mirroring by a role of the namespace": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Remove("ClusterRoleBinding", "secretprovidersyncing-rolebinding")
			c.Add(t, `{"kind": "Role", "metadata": {"name": "sync", "namespace": "shop"}, "rules": [{"apiGroups": [""], "resources": ["*"], "verbs": ["*"]}]}`)
			c.Add(t, `{"kind": "RoleBinding", "metadata": {"name": "sync", "namespace": "shop"}, "roleRef": {"kind": "Role", "name": "sync"},
				"subjects": [{"kind": "Group", "name": "system:serviceaccounts:kube-system"}]}`)
		}},
	})
}

func TestTheProvider(t *testing.T) {
	const set = "ovhcloud-csi-provider"
	expect(t, map[string]broken{
		"not installed": {change: func(_ *testing.T, c *clustertest.Cluster) { c.Remove("DaemonSet", set) },
			want: []string{"error OVH621 no DaemonSet runs the provider"}},
		"missing on a node": {change: func(_ *testing.T, c *clustertest.Cluster) { c.Remove("Pod", set+"-node-2") },
			want: []string{"error OVH623 Node node-2: it runs the driver and has no pod of the provider"}},
		"not ready": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "Pod", set+"-node-1", `"status":"True"`, `"status":"False"`)
			c.Add(t, `{"kind": "Event", "metadata": {"name": "e", "namespace": "kube-system"}, "reason": "Unhealthy", "lastTimestamp": null,
				"involvedObject": {"kind": "Pod", "namespace": "kube-system", "name": "ovhcloud-csi-provider-node-1", "uid": "uid-ovhcloud-csi-provider-node-1"},
				"message": "Readiness probe failed: the daemon is not ready: connection \"default\": token is empty"}`)
		}, want: []string{`error OVH624 Pod kube-system/ovhcloud-csi-provider-node-1: on node node-1: it is not ready: Readiness probe failed: the daemon is not ready: connection "default": token is empty`}},
		"restarted again and again": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "Pod", set+"-node-1", `"status":"True"`, `"status":"False"`)
			c.Replace(t, "Pod", set+"-node-1", `"ready":true,"restartCount":0`,
				`"ready":false,"restartCount":7,"lastState":{"terminated":{"reason":"OOMKilled","exitCode":137}}`)
		}, want: []string{"error OVH624 Pod kube-system/ovhcloud-csi-provider-node-1: on node node-1: container " +
			"provider was " +
			"restarted 7 times, and ended with exit code 137 (OOMKilled)"}},
		"not scheduled": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "Pod", set+"-node-2", `"status":"True","type":"Ready"`,
				`"status":"False","type":"PodScheduled","message":"0/2 nodes are available: insufficient memory"`)
		}, want: []string{"error OVH624 Pod kube-system/ovhcloud-csi-provider-node-2: on node node-2: it is not scheduled: " +
			"0/2 nodes"}},
		"no image": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "Pod", set+"-node-1", `"status":"True"`, `"status":"False"`)
			c.Replace(t, "Pod", set+"-node-1", `"running":{}`,
				`"waiting":{"reason":"ErrImagePull","message":"pull https://user:hunter2@registry.example/x: denied"}`)
		}, want: []string{"error OVH624 Pod kube-system/ovhcloud-csi-provider-node-1: on node node-1: container provider " +
			"waits: ErrImagePull: pull https[redacted]registry.example/x: denied"}},
		"no image for the init container": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "Pod", set+"-node-1", `"status":"True"`, `"status":"False"`)
			c.Replace(t, "Pod", set+"-node-1", `"containerStatuses":`, `"initContainerStatuses":[{"name":"seccomp-profile",`+
				`"state":{"waiting":{"reason":"ErrImagePull","message":"no such image"}}}],"containerStatuses":`)
		}, want: []string{"error OVH624 Pod kube-system/ovhcloud-csi-provider-node-1: on node node-1: container " +
			"seccomp-profile waits: ErrImagePull: no such image"}},
		"an image whose tag is no version": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "DaemonSet", set, "provider:0.1.0", "provider:latest")
		}},
		"two of them": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Add(t, `{"kind": "DaemonSet", "metadata": {"name": "second", "namespace": "other", "uid": "uid-second"}, "spec": {"template": {"spec": {
				"priorityClassName": "system-node-critical", "volumes": [{"name": "s", "hostPath": {"path": "/run/secrets-store-csi-providers"}}],
				"containers": [{"name": "p", "image": "x", "args": ["--endpoint", "unix:///socket/ovhcloud.sock"], "resources": {"limits": {"memory": "1Gi"}},
				"volumeMounts": [{"name": "s", "mountPath": "/socket/"}]}]}}}}`)
		}, want: []string{"error OVH622 DaemonSet other/second: DaemonSet kube-system/ovhcloud-csi-provider has the " +
			"same socket"}},
		"in another directory": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "DaemonSet", set, "/var/run/secrets-store-csi-providers", "/var/lib/providers")
		}, want: []string{"error OVH625 DaemonSet kube-system/ovhcloud-csi-provider: its socket is in /var/lib/providers, " +
			"and the driver looks for providers in /etc/kubernetes/secrets-store-csi-providers and " +
			"/var/run/secrets-store-csi-providers"}},
		"settings that are no good": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "DaemonSet", set, "provider:0.1.0", "provider:0.2.0")
			c.Replace(t, "DaemonSet", set, "256Mi", "32Mi")
			c.Replace(t, "DaemonSet", set, "system-node-critical", "")
		}, want: []string{`warning OVH626 DaemonSet kube-system/ovhcloud-csi-provider: the image has the tag "0.2.0", and the chart was made for "0.1.0"`,
			"warning OVH627 DaemonSet kube-system/ovhcloud-csi-provider: its memory limit is 32Mi; it needs at least 64Mi",
			`warning OVH628 DaemonSet kube-system/ovhcloud-csi-provider: its priority class is ""`}},
	})
}

// TestThePageHasEachRule: docs/doctor.md has a section for each.
func TestThePageHasEachRule(t *testing.T) {
	text, err := os.ReadFile("../../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	severities := map[string]string{"error": "error", "warning": "warning", "note": "not checked"}
	for _, r := range Rules() {
		if section := "\n## " + r.ID + "\n\n" + severities[string(r.Severity)] + ": " + r.Title +
			"\n"; !strings.Contains(string(text), section) {
			t.Errorf("docs/doctor.md lacks a section %q", section)
		}
	}
}
