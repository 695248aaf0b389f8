// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ovhcloud-csi-provider/test/emulator"
)

const (
	dockerConfig  = `{"auths":{"registry.example.ovh.net":{"username":"robot","password":"first"}}}`
	dockerConfig2 = `{"auths":{"registry.example.ovh.net":{"username":"robot","password":"second"}}}`
	database      = `{"host":"db.shop.example","user":"shop","password":"correct horse"}`
	database2     = `{"host":"db.shop.example","user":"shop","password":"battery staple"}`
)

const shopObjects = `
- secretPath: prod/va1/dockerconfigjson
  objectName: .dockerconfigjson
- secretPath: prod/shop/db
  secretKey: password
  objectName: db/password
  filePermission: 0440
- secretPath: prod/shop/db
  allKeys: true
  objectName: db/all/keys
`

// shopFiles returns the files of shopObjects. allKeys omits the key password, since another object names it.
func shopFiles(password string) map[string]File {
	return map[string]File{
		".dockerconfigjson": {dockerConfig, 0o644},
		"db/password":       {password, 0o440},
		"db/all/keys/host":  {"db.shop.example", 0o644},
		"db/all/keys/user":  {"shop", 0o644},
	}
}

// stocked returns a shop with the secrets of shopObjects and a class for them.
func stocked(t *testing.T, opts Options) *shop {
	t.Helper()
	s := openShop(t, opts)
	s.put("prod/va1/dockerconfigjson", dockerConfig)
	s.put("prod/shop/db", database)
	s.class(shopObjects)
	return s
}

func TestPublishWritesFilesWithContentsAndModes(t *testing.T) {
	s := stocked(t, Options{})
	pod := s.pod("web")
	publish(t, pod)
	wantFiles(t, pod, shopFiles("correct horse"))
	if MountRefusal() == nil && !mounted(t, pod.Target()) {
		t.Error("the volume is not a tmpfs mount")
	}
}

func TestPublishWithAClientCertificate(t *testing.T) {
	s := stocked(t, Options{})
	certificate, key, err := s.okms.IssueCertificate(emulator.Identity{Name: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	s.credentials("certificate", map[string]string{"tls.crt": string(certificate), "tls.key": string(key)})
	pod := s.podWith(PodSpec{Name: "web", Credentials: "certificate"})
	publish(t, pod)
	wantFiles(t, pod, shopFiles("correct horse"))
}

func TestPublishIntoAPlainFolderWritesTheSameFiles(t *testing.T) {
	s := stocked(t, Options{PlainFolder: true})
	pod := s.pod("web")
	publish(t, pod)
	wantFiles(t, pod, shopFiles("correct horse"))
	s.put("prod/shop/db", database2)
	publish(t, pod)
	wantFiles(t, pod, shopFiles("battery staple"))
	if err := pod.Unpublish(); err != nil {
		t.Fatal(err)
	}
	gone(t, pod)
}

func TestNewVersionArrivesOnRepublish(t *testing.T) {
	s := stocked(t, Options{})
	pod := s.pod("web")
	publish(t, pod)
	before := versions(t, pod)
	s.put("prod/shop/db", database2)
	publish(t, pod)
	wantFiles(t, pod, shopFiles("battery staple"))
	after := versions(t, pod)
	if len(after) != len(shopFiles("")) {
		t.Errorf("the driver reports %d ids, want one for each of the %d files: %v", len(after), len(shopFiles("")), after)
	}
	for id := range after {
		if changed := before[id] != after[id]; changed != strings.Contains(id, "db") {
			t.Errorf("version of %s: %q before, %q after; only the database has a new version", id, before[id], after[id])
		}
	}
}

func TestFailedRepublishKeepsTheOldFiles(t *testing.T) {
	for name, inject := range map[string]func(s *shop) error{
		"deactivated version": func(s *shop) error { return s.okms.SetState("prod/shop/db", 1, emulator.Deactivated) },
		"deleted secret":      func(s *shop) error { return s.okms.Delete("prod/shop/db") },
		"store stopped":       func(s *shop) error { return s.server.Close() },
		"closed connection":   func(s *shop) error { s.fault(emulator.Fault{CloseAfterHeaders: true}); return nil },
		"no answer":           func(s *shop) error { s.fault(emulator.Fault{Hang: true}); return nil },
		"revoked token":       func(s *shop) error { s.okms.RevokeToken(token); return nil },
		"permission removed": func(s *shop) error {
			s.grant(emulator.Identity{Name: "shop", Actions: []string{}})
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stocked(t, Options{})
			pod := s.pod("web")
			publish(t, pod)
			if err := inject(s); err != nil {
				t.Fatal(err)
			}
			publish(t, pod) // the driver returns no error to kubelet: TestDriverHidesAFailedRepublish
			wantFiles(t, pod, shopFiles("correct horse"))
			if err := s.pod("new").Publish(); err == nil || !IsFinal(err) {
				t.Errorf("a new pod got %v, want a final error, so the injected failure has no effect", err)
			}
		})
	}
}

func TestUnpublishLeavesNothing(t *testing.T) {
	s := stocked(t, Options{})
	pod := s.pod("web")
	publish(t, pod)
	if err := pod.Unpublish(); err != nil {
		t.Fatal(err)
	}
	gone(t, pod)
	if err := pod.Unpublish(); err != nil {
		t.Errorf("a second unpublish gave %v, want nil: kubelet may repeat it", err)
	}
}

func TestAbsentOptionalSecretIsOmitted(t *testing.T) {
	s := openShop(t, Options{})
	s.put("prod/shop/db", database)
	s.class(`
- {secretPath: prod/shop/db, secretKey: user, objectName: user}
- {secretPath: prod/shop/flags, objectName: flags, optional: true}
`)
	pod := s.pod("web")
	publish(t, pod)
	wantFiles(t, pod, map[string]File{"user": {"shop", 0o644}})
	s.put("prod/shop/flags", `{"dark":true}`)
	publish(t, pod)
	wantFiles(t, pod, map[string]File{"user": {"shop", 0o644}, "flags": {`{"dark":true}`, 0o644}})
}

func TestAbsentOptionalSecretsGiveAnEmptyVolumeThatIsFilledLater(t *testing.T) {
	s := openShop(t, Options{})
	s.class("- {secretPath: prod/shop/flags, objectName: flags, optional: true}")
	pod := s.pod("web")
	publish(t, pod)
	wantFiles(t, pod, nil)
	s.put("prod/shop/flags", `{"dark":true}`)
	publish(t, pod)
	wantFiles(t, pod, map[string]File{"flags": {`{"dark":true}`, 0o644}})
}

// mounted returns whether path is a mount point.
func mounted(t *testing.T, path string) bool {
	t.Helper()
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		// The fifth field is the mount point: proc_pid_mountinfo(5).
		if fields := strings.Fields(line); len(fields) > 4 && fields[4] == path {
			return true
		}
	}
	return false
}

// gone checks that a pod's volume is removed. Only its parent folder, which belongs to kubelet, may exist.
func gone(t *testing.T, pod *Pod) {
	t.Helper()
	if _, err := os.Lstat(pod.Target()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the target folder: %v, want that it does not exist", err)
	}
	entries, err := os.ReadDir(filepath.Dir(pod.Target()))
	if err != nil || len(entries) != 0 {
		t.Errorf("the parent of the target contains %v (%v), want nothing", entries, err)
	}
	if MountRefusal() == nil && mounted(t, pod.Target()) {
		t.Error("the target is still mounted")
	}
}

func versions(t *testing.T, pod *Pod) map[string]string {
	t.Helper()
	all, err := pod.Versions()
	if err != nil {
		t.Fatal(err)
	}
	return all
}
