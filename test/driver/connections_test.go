// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ovhcloud-csi-provider/test/emulator"
)

// held is the token of the daemon's connections, which no pod has.
const held = "pat-held-by-the-provider-815"

// withConnections replaces the shop's daemon by one with two connections: team, for pods of the namespace shop, and
// bank, for pods of the namespace bank.
func withConnections(s *shop) *Daemon {
	s.t.Helper()
	if err := s.okms.AddToken(held, emulator.Identity{Name: "held"}); err != nil {
		s.t.Fatal(err)
	}
	dir := s.t.TempDir()
	var config strings.Builder
	config.WriteString("connections:\n")
	for name, rule := range map[string]string{
		"team": `{namespaces: [shop], serviceAccounts: [default], paths: ["prod/shop/**"]}`,
		"bank": `{namespaces: [bank], serviceAccounts: [teller], paths: ["**"]}`,
	} {
		config.WriteString("  " + name + ":\n    endpoint: " + s.server.URL + "\n    okmsId: " + s.okms.OKMSID() +
			"\n    credentialsDir: " + dir + "/" + name + "\n    allow: [" + rule + "]\n    caBundle: |\n      " +
			strings.ReplaceAll(strings.TrimSpace(string(s.server.CA)), "\n", "\n      ") + "\n")
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "token"), []byte(held), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(config.String()), 0o600); err != nil {
		s.t.Fatal(err)
	}
	d, err := StartDaemon(s.t.Context(), daemonProgram(s.t), s.node.Socket("ovhcloud"),
		"--admin-address", "", "--mount-timeout", "3s", "--config", filepath.Join(dir, "config.yaml"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		d.Kill()
		if strings.Contains(d.Log(), held) {
			s.t.Error("the daemon's log contains the token")
		}
	})
	return d
}

// overConnection applies a class with a connection and objects, and the parameters in more.
func (s *shop) overConnection(name, objects string, more map[string]string) {
	s.t.Helper()
	parameters := map[string]string{"endpoint": "", "okmsId": "", "caBundle": "", "connection": name, "objects": objects}
	for k, v := range more {
		parameters[k] = v
	}
	s.classWith(parameters, "")
}

func TestPublishWithAConnectionNeedsNoSecretInTheNamespace(t *testing.T) {
	s := openShop(t, Options{})
	daemon := withConnections(s)
	s.put("prod/shop/db", database)
	s.overConnection("team", "- secretPath: prod/shop/db", nil)
	pod := s.podWith(PodSpec{Name: "web"})
	publish(t, pod)
	wantFiles(t, pod, map[string]File{"db": {database, 0o644}})
	if !strings.Contains(daemon.Log(), `connection="team" credential="token `) {
		t.Error("the audit line does not name the connection")
	}
}

// A pod's author can write any volumeAttributes and, as the author of the class, any parameters. kubelet sets the pod's
// attributes last (Kubernetes v1.35, csi_mounter.go, SetUpAt: mergeMap of getPodInfoAttrs, if the CSIDriver has
// podInfoOnMount), and the driver copies all attributes over the class's parameters (v1.6.1, nodeserver.go).
func TestPodCannotClaimAnotherIdentity(t *testing.T) {
	const namespaceKey, accountKey = "csi.storage.k8s.io/pod.namespace", "csi.storage.k8s.io/serviceAccount.name"
	claim := map[string]string{namespaceKey: "bank", accountKey: "teller"}
	s := openShop(t, Options{})
	withConnections(s)
	s.put("prod/bank/card", `{"pin":"1234"}`)
	const objects = "- secretPath: prod/bank/card"
	var refusals []string
	for name, c := range map[string]struct{ class, pod map[string]string }{
		"no claim":           {nil, nil},
		"claim in the pod":   {nil, claim},
		"claim in the class": {claim, nil},
		"claim in both":      {claim, claim},
		"connection named by the pod": {map[string]string{"connection": "team"},
			map[string]string{"connection": "bank", namespaceKey: "bank", accountKey: "teller"}},
	} {
		t.Run(name, func(t *testing.T) {
			s.overConnection("bank", objects, c.class)
			pod := s.podWith(PodSpec{Name: strings.ReplaceAll(name, " ", "-"), Attributes: c.pod})
			err := pod.Publish()
			if status.Code(err) != codes.PermissionDenied {
				t.Fatalf("publish gave %v", err)
			}
			refusals = append(refusals, err.Error())
		})
	}
	for name, c := range map[string]struct {
		objects    string
		attributes map[string]string
	}{
		"objects in the pod":  {"- secretPath: prod/shop/db", map[string]string{"objects": objects}},
		"endpoint in the pod": {"- secretPath: prod/shop/db", map[string]string{"endpoint": closedEndpoint}},
		"path with an escape": {"- secretPath: prod/shop/..%2Fbank/card", nil},
		"path in capitals":    {"- secretPath: Prod/bank/card", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s.overConnection("team", c.objects, nil)
			pod := s.podWith(PodSpec{Name: strings.ReplaceAll(name, " ", "-"), Attributes: c.attributes})
			if code := status.Code(pod.Publish()); code != codes.PermissionDenied && code != codes.InvalidArgument {
				t.Errorf("publish gave %s", code)
			}
		})
	}
	// The error for an unknown connection is the same as for a forbidden one.
	s.overConnection("nosuch", objects, nil)
	err := s.podWith(PodSpec{Name: "unknown"}).Publish()
	for _, text := range refusals {
		_, text, _ = strings.Cut(text, "SecretProviderClass")
		if err == nil || !strings.HasSuffix(strings.ReplaceAll(err.Error(), "nosuch", "bank"), text) || text == "" {
			t.Errorf("the errors differ:\n%s\n%v", text, err)
		}
	}
	if all := s.okms.Requests(); len(all) > 0 {
		t.Errorf("the store got requests: %+v", all)
	}
}
