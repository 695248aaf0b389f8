// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// made is a release with programs that say which platform they are for.
func made(t *testing.T) release {
	t.Helper()
	root := t.TempDir()
	r := release{root: root, to: filepath.Join(root, "out"), version: "0.1.0", url: "https://example.invalid/x/v0.1.0",
		commit: strings.Repeat("a", 40), at: time.Unix(1_700_000_000, 0).UTC()}
	for _, p := range platforms {
		for _, program := range []string{daemon, tool} {
			write(t, r.binary(program, p), program+" for "+p.String())
		}
	}
	for _, name := range shipped {
		write(t, filepath.Join(root, name), name)
	}
	return r
}

func TestTheSameFilesGiveTheSameArchive(t *testing.T) {
	pack := func(name string) []byte {
		r := made(t)
		later := time.Now().Add(time.Hour)
		if name == "second" {
			if err := os.Chtimes(filepath.Join(r.root, "LICENSE"), later, later); err != nil {
				t.Fatal(err)
			}
		}
		files := []entry{{"LICENSE", filepath.Join(r.root, "LICENSE"), 0o644}}
		if err := r.pack("x.tar.gz", files); err != nil {
			t.Fatal(err)
		}
		if err := r.images(); err != nil {
			t.Fatal(err)
		}
		if err := r.sums(); err != nil {
			t.Fatal(err)
		}
		sums, err := os.ReadFile(r.path(sumsFile))
		if err != nil {
			t.Fatal(err)
		}
		return sums
	}
	first, second := pack("first"), pack("second")
	if !bytes.Equal(first, second) || strings.Count(string(first), "\n") != 4 {
		t.Errorf("two builds differ:\n%s\n%s", first, second)
	}
}

func TestAnArchiveHasItsFiles(t *testing.T) {
	r := made(t)
	if err := r.pack("x.tar.gz",
		[]entry{{"program", r.binary(tool, nodes[0]), 0o755},
			{"LICENSE", filepath.Join(r.root, "LICENSE"), 0o644}}); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(r.path("x.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := unpack(content)
	if err != nil || len(files) != 2 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	got := files[0]
	if got.header.Name != "program" || got.header.Mode != 0o755 || got.header.Uid != 0 ||
		!got.header.ModTime.Equal(r.at) ||
		string(got.content) != "ovhcsi for linux-amd64" {
		t.Errorf("got %+v with %q", got.header, got.content)
	}
}

// TestAnImageIsForItsPlatform reads the archive as a client of OCI does.
func TestAnImageIsForItsPlatform(t *testing.T) {
	r := made(t)
	if err := r.images(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		daemon + ".oci.tar":             {"amd64", "arm64"},
		daemon + "-linux-arm64.oci.tar": {"arm64"},
	} {
		index, err := layout.ImageIndexFromPath(extracted(t, r.path(name)))
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range manifest.Manifests {
			got = append(got, m.Platform.Architecture)
			image, err := index.Image(m.Digest)
			if err != nil {
				t.Fatal(err)
			}
			config, err := image.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			if config.Architecture != m.Platform.Architecture ||
				!slices.Equal(config.Config.Entrypoint, []string{"/" + daemon}) ||
				!slices.Equal(config.Config.Env, []string{imageEnv}) ||
				config.Config.Labels["org.opencontainers.image.version"] != "0.1.0" || !config.Created.Equal(r.at) {
				t.Errorf("%s: config %+v", name, config)
			}
			layers, err := image.Layers()
			if err != nil || len(layers) != 1 {
				t.Fatalf("%d layers: %v", len(layers), err)
			}
			content, err := layers[0].Uncompressed()
			if err != nil {
				t.Fatal(err)
			}
			if files := filesOf(t, content); files[daemon] != daemon+" for linux-"+config.Architecture ||
				files["licenses/LICENSE"] != "LICENSE" || files["licenses/"+noticesFile] != noticesFile {
				t.Errorf("%s: files %q", name, files)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s has %q", name, got)
		}
	}
}

func filesOf(t *testing.T, content io.Reader) map[string]string {
	t.Helper()
	files := map[string]string{}
	for r := tar.NewReader(content); ; {
		header, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = string(text)
	}
}

// extracted returns a folder with the files of an archive.
func extracted(t *testing.T, archive string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for name, content := range filesOf(t, f) {
		write(t, filepath.Join(dir, name), content)
	}
	return dir
}

func TestTheKrewManifestIsFilled(t *testing.T) {
	r := made(t)
	template, err := os.ReadFile("../../manifests/krew/ovhcsi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(r.root, "manifests/krew/ovhcsi.yaml"), string(template))
	for _, p := range platforms {
		if err := r.write(tool+"-"+p.String()+".tar.gz", []byte(p.String())); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.krew(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(r.path(tool + ".krew.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := r.sum(tool + "-darwin-arm64.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`version: "v0.1.0"`, `uri: "https://example.invalid/x/v0.1.0/ovhcsi-darwin-arm64.tar.gz"
      sha256: "` + sum + `"`} {
		if !strings.Contains(string(got), want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	write(t, filepath.Join(r.root, "manifests/krew/ovhcsi.yaml"), string(template)+"{{ OTHER }}")
	if err := r.krew(); err == nil || !strings.Contains(err.Error(), "OTHER") {
		t.Errorf("a field without a value: %v", err)
	}
}

// TestTheStatementNamesEveryFile compares the provenance with the checksums.
func TestTheStatementNamesEveryFile(t *testing.T) {
	r := made(t)
	for _, name := range []string{"a", "b"} {
		if err := r.write(name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.sums(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(r.path("provenance.intoto.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Subject   []subject
		Predicate struct {
			BuildDefinition struct {
				ResolvedDependencies []struct{ Digest map[string]string }
			}
		}
	}
	if err := json.Unmarshal(content, &got); err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(r.path(sumsFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range got.Subject {
		if !strings.Contains(string(sums), s.Digest["sha256"]+"  "+s.Name+"\n") {
			t.Errorf("%s is not in\n%s", s.Name, sums)
		}
	}
	if commit := got.Predicate.BuildDefinition.ResolvedDependencies[0].Digest["gitCommit"]; len(got.Subject) != 2 ||
		commit != r.commit {
		t.Errorf("%d subjects, commit %s", len(got.Subject), commit)
	}
}
