// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"maps"
	"strings"
	"testing"

	"sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"
)

// answer returns a response with these files, all of one version.
func answer(version string, contents map[string]string) *v1alpha1.MountResponse {
	all := &v1alpha1.MountResponse{}
	for path, content := range contents {
		one := file(path, content, version)
		all.Files = append(all.Files, one.Files...)
		all.ObjectVersion = append(all.ObjectVersion, one.ObjectVersion...)
	}
	return all
}

func contents(t *testing.T, pod *Pod) map[string]string {
	t.Helper()
	all := map[string]string{}
	for path, file := range files(t, pod) {
		all[path] = file.Content
	}
	return all
}

// maxUpdates is the maximum number of updates until the driver's writer, which compares the files in random order,
// compares a changed file first. The average is two.
const maxUpdates = 100

// The driver compares old and new files in random order, and fails at the first path that is a folder in one and a file
// in the other. kubelet does not see the error, so the pod keeps its old files. The provider cannot report it: only a
// counter of the driver does.
func TestDriverFreezesAVolumeIfAFolderBecomesAFileOrAFileAFolder(t *testing.T) {
	const failures = "rotation_reconcile_error"
	const labels = "error_type=FileWriteError,os_type=linux,provider=probe,rotated=true"
	for name, c := range map[string]struct{ before, after map[string]string }{
		"a folder becomes a file": {map[string]string{"a": "one", "z/y": "one"}, map[string]string{"a": "one", "z": "two"}},
		"a file becomes a folder": {map[string]string{"a": "one", "z": "one"}, map[string]string{"a": "one", "z/y": "two"}},
	} {
		t.Run(name, func(t *testing.T) {
			needMounts(t)
			node := startNode(t, Options{})
			provider := startProbe(t, node)
			schedule := func(name string) *Pod {
				pod, err := node.Schedule(PodSpec{Namespace: "shop", Name: name, Class: "probe"})
				if err != nil {
					t.Fatal(err)
				}
				return pod
			}
			pod := schedule("web")
			provider.respond(answer("1", c.before), nil)
			publish(t, pod)
			before := versions(t, pod)

			provider.respond(answer("2", c.after), nil)
			counted := driverCounters.of(failures, labels)
			for range 3 {
				publish(t, pod)
			}
			if got := contents(t, pod); !maps.Equal(got, c.before) {
				t.Errorf("the files are %q, want the old ones, %q: the driver now updates such a volume", got, c.before)
			}
			if got := versions(t, pod); !maps.Equal(got, before) {
				t.Errorf("the versions are %v, want the old ones, %v", got, before)
			}
			if n := driverCounters.of(failures, labels) - counted; n != 3 {
				t.Errorf("the driver counted %d of %s{%s}, want 3: the alert VolumeNotWritten needs it", n, failures, labels)
			}
			fresh := schedule("new")
			publish(t, fresh)
			if got := contents(t, fresh); !maps.Equal(got, c.after) {
				t.Errorf("the files of a new pod are %q, want the new ones, %q", got, c.after)
			}

			changed := maps.Clone(c.after)
			changed["a"] = "two"
			provider.respond(answer("3", changed), nil)
			for range maxUpdates {
				publish(t, pod)
				if maps.Equal(contents(t, pod), changed) {
					return
				}
			}
			t.Errorf("the files are %q after %d updates with another changed file, want %q", contents(t, pod),
				maxUpdates, changed)
		})
	}
}

// With this project's daemon, the log shows a successful mount, and the pod has the old files.
func TestClassEditFromFolderToFileFreezesARunningPod(t *testing.T) {
	needMounts(t)
	s := openShop(t, Options{})
	s.put("prod/shop/db", database)
	passwordIn := func(path string) {
		s.class("\n- {secretPath: prod/shop/db, secretKey: user, objectName: a}\n- {secretPath: prod/shop/db, secretKey: " +
			"password, objectName: " + path + "}\n")
	}
	passwordIn("z/y")
	pod := s.pod("web")
	publish(t, pod)
	old := map[string]File{"a": {"shop", 0o644}, "z/y": {"correct horse", 0o644}}
	wantFiles(t, pod, old)

	passwordIn("z")
	s.put("prod/shop/db", database2)
	publish(t, pod)
	wantFiles(t, pod, old)
	if log := s.daemon.Log(); strings.Count(log, `"mount" result="ok"`) != 2 {
		t.Errorf("the daemon's log does not contain two successful mounts:\n%s", log)
	}
	fresh := s.pod("new")
	publish(t, fresh)
	wantFiles(t, fresh, map[string]File{"a": {"shop", 0o644}, "z": {"battery staple", 0o644}})

	// The fixes in docs/operating.md: a name that is not in use, and a change of another file.
	passwordIn("z/y")
	other := s.pod("other")
	publish(t, other)
	passwordIn("z")
	publish(t, other) // frozen
	passwordIn("w")
	publish(t, other)
	wantFiles(t, other, map[string]File{"a": {"shop", 0o644}, "w": {"battery staple", 0o644}})

	passwordIn("z")
	s.put("prod/shop/db", `{"user":"another","password":"battery staple"}`) // the file a changes
	want := map[string]string{"a": "another", "z": "battery staple"}
	for range maxUpdates {
		publish(t, pod)
		if maps.Equal(contents(t, pod), want) {
			return
		}
	}
	t.Errorf("the files are %q, want %q", contents(t, pod), want)
}

// The alert uses a counter of the driver, which Prometheus exposes with the suffix _total.
func TestAnAlertWatchesTheDriversCounterOfFrozenVolumes(t *testing.T) {
	const counter = `rotation_reconcile_error_total{provider="ovhcloud",error_type="FileWriteError"}`
	if rule := alertRules(t)["VolumeNotWritten"]; !strings.Contains(rule, counter) {
		t.Errorf("the alert VolumeNotWritten is %q, want one on %s", rule, counter)
	}
}
