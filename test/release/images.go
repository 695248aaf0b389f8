// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// licences is where an image has the files of shipped.
const licences = "licenses/"

// images writes an archive in OCI's layout for each platform of nodes, and one for both, which can be pushed as one
// tag. They have what `docker build` makes from the Dockerfile.
func (r release) images() error {
	all := map[platform]v1.Image{}
	for _, p := range nodes {
		image, err := r.image(p)
		if err != nil {
			return err
		}
		all[p] = image
		if err := r.writeImages(daemon+"-"+p.String()+".oci.tar", map[platform]v1.Image{p: image}); err != nil {
			return err
		}
	}
	return r.writeImages(daemon+".oci.tar", all)
}

// image returns the image of the daemon for a platform: its program and the licences, on nothing.
func (r release) image(p platform) (v1.Image, error) {
	files := []entry{{name: daemon, from: r.binary(daemon, p), mode: 0o755}}
	for _, name := range shipped {
		files = append(files, entry{name: licences + name, from: filepath.Join(r.root, name), mode: 0o644})
	}
	content, err := tarOf(files, r.at)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	},
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{
		Created: v1.Time{Time: r.at}, CreatedBy: "test/release", Comment: "one static program"}})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = p.os, p.arch, v1.Time{Time: r.at}
	config.Config = v1.Config{Entrypoint: []string{"/" + daemon}, Labels: r.labels(), Env: []string{imageEnv}}
	return mutate.ConfigFile(image, config)
}

// imageEnv is what the Dockerfile sets too: Go overwrites memory when it collects it.
const imageEnv = "GODEBUG=clobberfree=1"

// labels are OCI's annotations of the image (source: image-spec, annotations.md).
func (r release) labels() map[string]string {
	const key = "org.opencontainers.image."
	return map[string]string{
		key + "title":       daemon,
		key + "description": "OVHcloud provider for the Secrets Store CSI driver",
		key + "licenses":    "Apache-2.0",
		key + "version":     r.version,
		key + "revision":    r.commit,
		key + "created":     r.at.Format(time.RFC3339),
	}
}

// writeImages writes images as an archive of OCI's layout, in which each has the name that containerd gives it.
func (r release) writeImages(name string, images map[platform]v1.Image) error {
	dir, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	index, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	for _, p := range nodes {
		if images[p] == nil {
			continue
		}
		err := index.AppendImage(images[p], layout.WithPlatform(v1.Platform{OS: p.os, Architecture: p.arch}),
			layout.WithAnnotations(map[string]string{
				"org.opencontainers.image.ref.name": r.version, "io.containerd.image.name": "localhost/" + daemon + ":" +
					r.version}))
		if err != nil {
			return err
		}
	}
	files, err := filesBelow(dir)
	if err != nil {
		return err
	}
	content, err := tarOf(files, r.at)
	if err != nil {
		return err
	}
	return r.write(name, content)
}

// filesBelow returns the regular files of a folder in the order of their names.
func filesBelow(dir string) (files []entry, err error) {
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, entry{name: path.Clean(name), from: filepath.Join(dir, name), mode: 0o644})
		}
		return err
	})
	return files, err
}
