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

// The helpers of the scenarios.

const (
	// patience is how long a scenario waits for what is to come by itself.
	patience = 30 * time.Second
	// token is the personal access token of the shop's pods.
	token = "pat-of-the-shop-4711"
	// nobody is an endpoint without a listener, and that is allowed.
	nobody = "https://127.0.0.1:1"
)

// needMounts skips the test where the driver's node server can't do its work.
func needMounts(t *testing.T) {
	t.Helper()
	if err := MountRefusal(); err != nil {
		t.Skipf("this is about the driver's node server, which mounts a tmpfs: %v", err)
	}
}

// startNode starts a node for the length of the test. Where the system refuses mounts, it has plain folders.
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

// shop is a node with our daemon on it, and a Secret Manager.
type shop struct {
	t      *testing.T
	okms   *emulator.Emulator
	server *emulator.Server
	node   *Node
	daemon *Daemon
}

// openShop starts all three for the length of the test. Pods of the shop have a token that may read everything.
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

// startDaemon starts a daemon on the node's socket for the length of the test.
func (s *shop) startDaemon() *Daemon {
	s.t.Helper()
	d, err := StartDaemon(s.t.Context(), daemonProgram(s.t), s.node.Socket("ovhcloud"),
		"--admin-address", "", "--mount-timeout", "3s", "--cache-ttl", "0", "--allow-endpoint", s.server.URL,
		"--allow-endpoint", nobody, "-v", "4")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		d.Kill()
		if strings.Contains(d.Log(), token) {
			s.t.Error("the daemon's log has the token in it")
		}
		if s.t.Failed() {
			lines := strings.SplitAfter(d.Log(), "\n")
			s.t.Logf("end of the daemon's log:\n%s", strings.Join(lines[max(0, len(lines)-12):], ""))
		}
	})
	return d
}

// credentials writes a Kubernetes Secret for pods to name as their nodePublishSecretRef.
func (s *shop) credentials(name string, data map[string]string) {
	s.t.Helper()
	if err := s.node.ApplySecret("shop", name, data); err != nil {
		s.t.Fatal(err)
	}
}

// put writes a new version of a secret.
func (s *shop) put(path, value string) int {
	s.t.Helper()
	version, err := s.okms.Put(path, value)
	if err != nil {
		s.t.Fatal(err)
	}
	return version
}

// class writes the SecretProviderClass "shop" with the shop's endpoint and the objects given.
func (s *shop) class(objects string) {
	s.t.Helper()
	s.classWith(map[string]string{"objects": objects}, "")
}

// classWith writes the SecretProviderClass "shop": the parameters are the shop's, with the given ones over them, an
// empty one meaning none; spec is further YAML of its spec, in two spaces.
func (s *shop) classWith(parameters map[string]string, spec string) {
	s.t.Helper()
	all := map[string]string{"endpoint": s.server.URL, "okmsId": s.okms.OKMSID(), "caBundle": string(s.server.CA)}
	maps.Copy(all, parameters)
	var text strings.Builder
	text.WriteString("apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\n" +
		"metadata: {name: shop, namespace: shop}\nspec:\n  provider: ovhcloud\n" + spec + "  parameters:\n")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] != "" {
			fmt.Fprintf(&text, "    %s: |\n      %s\n", name, strings.ReplaceAll(strings.Trim(all[name], "\n"), "\n", "\n      "))
		}
	}
	if err := s.node.ApplyClass(text.String()); err != nil {
		s.t.Fatal(err)
	}
}

// pod schedules a pod of class "shop", with the shop's token.
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

// secret waits for the Kubernetes Secret to have this value under this key.
func (s *shop) secret(name, key, value string) *corev1.Secret {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
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

// wantFiles demands that the volume has these files and no others.
func wantFiles(t *testing.T, pod *Pod, want map[string]File) {
	t.Helper()
	got := files(t, pod)
	for path, file := range want {
		if got[path] != file {
			t.Errorf("file %s is %q with mode %o, want %q with mode %o", path, got[path].Content, got[path].Mode, file.Content, file.Mode)
		}
	}
	for path := range got {
		if _, ok := want[path]; !ok {
			t.Errorf("file %s is there and should not be", path)
		}
	}
}
