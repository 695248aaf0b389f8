// SPDX-License-Identifier: Apache-2.0

package shapes

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"ovhcloud-csi-provider/test/harness"
)

// shown matches a command that reads a file in a pod, and its output.
var shown = regexp.MustCompile("(?s)```console\n\\$ kubectl exec (\\w+) -- cat (\\S+)\n(.*?)\n```")

// TestPagesShowWhatIsMounted mounts the first class of each page with such a command. The file that the command
// reads in the page's pod must have the content that is shown.
func TestPagesShowWhatIsMounted(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	d.Store.Hold(t, map[string]string{"prod/shop/db": `{"user":"shop","password":"correct horse battery staple"}`})
	for _, name := range []string{"README.md", "docs/quickstart.md", "docs/quickstart.fr.md"} {
		page, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		commands := shown.FindAllSubmatch(page, -1)
		if len(commands) != 1 {
			t.Fatalf("%s has %d commands with an output", name, len(commands))
		}
		objects, pod, mountPath := exampleOf(t, page)
		files, err := d.Do(t.Context(), harness.Mount{Objects: objects})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		mounted := map[string]string{}
		for file, content := range files {
			mounted[path.Join(mountPath, file)] = content
		}
		of, file, want := string(commands[0][1]), string(commands[0][2]), string(commands[0][3])
		if mounted[file] != want || of != pod {
			t.Errorf("%s shows %q in %s of the pod %s; the pod %s has %q", name, want, file, of, pod, mounted)
		}
	}
}

// exampleOf returns the objects of the first class of a page, the name of the pod that follows it, and where it
// mounts them.
func exampleOf(t *testing.T, page []byte) (objects, pod, mountPath string) {
	t.Helper()
	example := regexp.MustCompile("(?s)```yaml\n(apiVersion: secrets-store.*?)```").FindSubmatch(page)
	if example == nil {
		t.Fatal("no class is shown")
	}
	var class struct {
		Spec struct{ Parameters map[string]string }
	}
	var manifest struct {
		Metadata struct{ Name string }
		Spec     struct {
			Containers []struct {
				VolumeMounts []struct {
					MountPath string `yaml:"mountPath"`
				} `yaml:"volumeMounts"`
			}
		}
	}
	documents := yaml.NewDecoder(strings.NewReader(string(example[1])))
	for _, into := range []any{&class, &manifest} {
		if err := documents.Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	return class.Spec.Parameters["objects"], manifest.Metadata.Name, manifest.Spec.Containers[0].VolumeMounts[0].MountPath
}
