// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"ovhcloud-csi-provider/cmd/ovhcsi/cluster"
	"ovhcloud-csi-provider/cmd/ovhcsi/cluster/clustertest"
)

const healthy = "../doctor/testdata/healthy.json"

func TestAllPagesOfAListAreRead(t *testing.T) {
	from := clustertest.Reader{Server: clustertest.Read(t, healthy).Start(t)}
	s := &cluster.Snapshot{}
	s.ReadBase(t.Context(), from)
	s.ReadRest(t.Context(), from)
	if len(s.Nodes.Items) != 3 || len(s.Classes.Items) != 3 || len(s.DaemonSets.Items) != 2 || len(s.Driver.Items) != 1 {
		t.Errorf("%d nodes, %d classes, %d DaemonSets, %d drivers: %v %v", len(s.Nodes.Items), len(s.Classes.Items),
			len(s.DaemonSets.Items), len(s.Driver.Items), s.Nodes.Err, s.Driver.Err)
	}
	if len(s.Pods.Items) != 7 { // without shop/other, which concerns neither driver nor provider
		t.Errorf("%d pods: %v", len(s.Pods.Items), s.Pods.Err)
	}
}

// TestKubectlReadsTheAPIServer runs the real program, whose errors are texts.
func TestKubectlReadsTheAPIServer(t *testing.T) {
	if _, err := exec.LookPath("kubectl"); err != nil {
		t.Skip("kubectl is not installed")
	}
	c := clustertest.Read(t, healthy)
	c.Forbidden = []string{"nodes"}
	from := cluster.Kubectl{Kubeconfig: clustertest.Kubeconfig(t, c.Start(t)), Context: "c"}
	if v, err := cluster.Ping(t.Context(), from); err != nil || v.GitVersion != "v1.35.4" {
		t.Errorf("got %v %v", v, err)
	}
	if text, err := cluster.ReadClasses(t.Context(), from); err != nil ||
		!strings.Contains(string(text), `"SecretProviderClass"`) {
		t.Errorf("got %s %v", text, err)
	}
	if _, err := from.Get(t.Context(), "/api/v1/nodes?limit=500"); !errors.Is(err, cluster.ErrForbidden) {
		t.Errorf("got %v", err)
	}
	if _, err := from.Get(t.Context(), "/apis/storage.k8s.io/v1/csidrivers/other"); !errors.Is(err, cluster.ErrAbsent) {
		t.Errorf("got %v", err)
	}
}

func TestValuesOfSecretsAreNotPrinted(t *testing.T) {
	s := &cluster.Snapshot{}
	ref := cluster.Ref{Namespace: "shop", Name: "okms-credentials"}
	s.ReadSecrets(t.Context(), clustertest.Reader{Server: clustertest.Read(t, healthy).Start(t)}, []cluster.Ref{ref})
	token := string(s.Secrets[ref].Items[0].Data["token"].Reveal())
	if !strings.HasPrefix(token, "eyJ") {
		t.Error("the token was not read")
	}
	if text := fmt.Sprintf("%v %+v %#v", s, s.Secrets, s.Secrets); strings.Contains(text, token) {
		t.Errorf("printed: %s", text)
	}
	if err := new(cluster.Secret).UnmarshalJSON([]byte(`{"data": {"token": "%%planted%%"}}`)); err == nil ||
		strings.Contains(err.Error(), "planted") {
		t.Errorf("got %v", err)
	}
}

func TestAtMost200SecretsAreRead(t *testing.T) {
	refs := make([]cluster.Ref, 203)
	for i := range refs {
		refs[i] = cluster.Ref{Namespace: "shop", Name: fmt.Sprint("s", i)}
	}
	s := &cluster.Snapshot{}
	if left := s.ReadSecrets(t.Context(), none{}, refs); left != 3 || len(s.Secrets) != 200 {
		t.Errorf("%d were left out, %d read", left, len(s.Secrets))
	}
}

// none is a cluster without objects.
type none struct{}

func (none) Get(context.Context, string) ([]byte, error) { return nil, cluster.ErrAbsent }

func TestWithoutKubectlTheErrorSaysSo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := cluster.Ping(t.Context(), cluster.Kubectl{}); err == nil ||
		!strings.Contains(err.Error(), "kubectl is not on the PATH") {
		t.Errorf("got %v", err)
	}
}
