// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"ovhcloud-csi-provider/test/emulator"
)

const (
	// waitTimeout is how long a test waits for an asynchronous change.
	waitTimeout = 30 * time.Second
	// token is the access token of the shop's pods.
	token = "pat-of-the-shop-4711"
	// closedEndpoint is an allowed endpoint on a closed port.
	closedEndpoint = "https://127.0.0.1:1"
)

// needMounts skips the test if the driver's node server cannot mount a tmpfs.
func needMounts(t *testing.T) {
	t.Helper()
	if err := MountRefusal(); err != nil {
		t.Skipf("needs the driver's node server, which mounts a tmpfs: %v", err)
	}
}

// startNode starts a node until the end of the test. If the system refuses mounts, it uses plain folders.
func startNode(t *testing.T, opts Options) *Node {
	t.Helper()
	if err := MountRefusal(); err != nil {
		t.Logf("a plain folder replaces the tmpfs: %v", err)
		opts.PlainFolder = true
	}
	node, err := Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Errorf("closing the node: %v", err)
		}
	})
	return node
}

// shop is a node with the daemon, and a Secret Manager.
type shop struct {
	t      *testing.T
	okms   *emulator.Emulator
	server *emulator.Server
	node   *Node
	daemon *Daemon
}

// openShop starts node, daemon and Secret Manager until the end of the test. The pods' token may read everything.
func openShop(t *testing.T, opts Options) *shop {
	t.Helper()
	s := &shop{t: t, node: startNode(t, opts)}
	okms, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.okms = okms
	if err := okms.AddToken(token, emulator.Identity{Name: "shop"}); err != nil {
		t.Fatal(err)
	}
	s.server, err = okms.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.server.Close() })
	s.credentials("okms", map[string]string{"token": token})
	s.daemon = s.startDaemon()
	return s
}

// startDaemon starts a daemon on the node's socket until the end of the test.
func (s *shop) startDaemon() *Daemon {
	s.t.Helper()
	d, err := StartDaemon(s.t.Context(), daemonProgram(s.t), s.node.Socket("ovhcloud"),
		"--admin-address", "", "--mount-timeout", "3s", "--cache-ttl", "0", "--allow-endpoint", s.server.URL,
		"--allow-endpoint", closedEndpoint, "-v", "4")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		d.Kill()
		if strings.Contains(d.Log(), token) {
			s.t.Error("the daemon's log contains the token")
		}
		if s.t.Failed() {
			lines := strings.SplitAfter(d.Log(), "\n")
			s.t.Logf("end of the daemon's log:\n%s", strings.Join(lines[max(0, len(lines)-12):], ""))
		}
	})
	return d
}

// credentials writes a Kubernetes Secret for use as nodePublishSecretRef.
func (s *shop) credentials(name string, data map[string]string) {
	s.t.Helper()
	if err := s.node.ApplySecret("shop", name, data); err != nil {
		s.t.Fatal(err)
	}
}

// put writes a new version of a secret and returns its number.
func (s *shop) put(path, value string) int {
	s.t.Helper()
	version, err := s.okms.Put(path, value)
	if err != nil {
		s.t.Fatal(err)
	}
	return version
}

// class writes the SecretProviderClass "shop" with the shop's endpoint and the given objects.
func (s *shop) class(objects string) {
	s.t.Helper()
	s.classWith(map[string]string{"objects": objects}, "")
}

// classWith writes the SecretProviderClass "shop". The given parameters override the shop's; an empty value removes a
// parameter. spec is more YAML for its spec, indented by two spaces.
func (s *shop) classWith(parameters map[string]string, spec string) {
	s.t.Helper()
	all := map[string]string{"endpoint": s.server.URL, "okmsId": s.okms.OKMSID(), "caBundle": string(s.server.CA)}
	maps.Copy(all, parameters)
	var text strings.Builder
	text.WriteString("apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\n" +
		"metadata: {name: shop, namespace: shop}\nspec:\n  provider: ovhcloud\n" + spec + "  parameters:\n")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] != "" {
			fmt.Fprintf(&text, "    %s: |\n      %s\n", name,
				strings.ReplaceAll(strings.Trim(all[name], "\n"), "\n", "\n      "))
		}
	}
	if err := s.node.ApplyClass(text.String()); err != nil {
		s.t.Fatal(err)
	}
}

// pod schedules a pod with the class "shop" and the shop's token.
func (s *shop) pod(name string) *Pod {
	s.t.Helper()
	return s.podWith(PodSpec{Name: name, Credentials: "okms"})
}

func (s *shop) podWith(spec PodSpec) *Pod {
	s.t.Helper()
	spec.Namespace, spec.Class = "shop", "shop"
	pod, err := s.node.Schedule(spec)
	if err != nil {
		s.t.Fatal(err)
	}
	return pod
}

// secret waits until the key of the Kubernetes Secret has this value, and returns the Secret.
func (s *shop) secret(name, key, value string) *corev1.Secret {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), waitTimeout)
	defer cancel()
	secret, err := s.node.Secret(ctx, "shop", name, func(secret *corev1.Secret) bool {
		return string(secret.Data[key]) == value
	})
	if err != nil {
		s.t.Fatalf("%v; events: %q", err, s.node.Events())
	}
	return secret
}

func publish(t *testing.T, pod *Pod) {
	t.Helper()
	if err := pod.Publish(); err != nil {
		t.Fatalf("publish: %v", err)
	}
}

func files(t *testing.T, pod *Pod) map[string]File {
	t.Helper()
	all, err := pod.Files()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// wantFiles checks that the volume has these files and no others.
func wantFiles(t *testing.T, pod *Pod, want map[string]File) {
	t.Helper()
	got := files(t, pod)
	for path, file := range want {
		if got[path] != file {
			t.Errorf("file %s is %q with mode %o, want %q with mode %o", path, got[path].Content, got[path].Mode, file.Content,
				file.Mode)
		}
	}
	for path := range got {
		if _, ok := want[path]; !ok {
			t.Errorf("unexpected file %s", path)
		}
	}
}
