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

// TestTheReadmeShowsWhatIsMounted mounts the class of README.md's first example. The file that the example reads in
// its pod must have the content that is shown.
func TestTheReadmeShowsWhatIsMounted(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```\n\n```console\n\\$ kubectl exec (\\w+) -- cat " +
		"(\\S+)\n(.*?)\n```").FindSubmatch(page)
	if example == nil {
		t.Fatal("README.md has no example with a command and its output")
	}
	var class struct {
		Spec struct{ Parameters map[string]string }
	}
	var pod struct {
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
	for _, into := range []any{&class, &pod} {
		if err := documents.Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	d := harness.Start(t, harness.Options{})
	d.Store.Hold(t, map[string]string{"prod/shop/db": `{"user":"shop","password":"correct horse battery staple"}`})
	files, err := d.Do(t.Context(), harness.Mount{Objects: class.Spec.Parameters["objects"]})
	if err != nil {
		t.Fatal(err)
	}
	mounted := map[string]string{}
	for name, content := range files {
		mounted[path.Join(pod.Spec.Containers[0].VolumeMounts[0].MountPath, name)] = content
	}
	if got, want := mounted[string(example[3])], string(example[4]); got != want ||
		string(example[2]) != pod.Metadata.Name {
		t.Errorf("README.md shows %q in %s of the pod %s; the pod %s has %q", want, example[3], example[2],
			pod.Metadata.Name, mounted)
	}
}
