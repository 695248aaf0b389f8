// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"os"
	"path/filepath"
	"slices"
)

// chart packages the chart with the driver's own (charts/package), and packs it again: helm writes the time of the
// packaging.
func (r release) chart() error {
	if _, err := output(r.root, nil, "charts/package", r.to); err != nil {
		return err
	}
	name := daemon + "-" + r.version + ".tgz"
	packaged, err := os.ReadFile(r.path(name))
	if err != nil {
		return err
	}
	files, err := unpack(packaged)
	if err != nil {
		return err
	}
	slices.SortStableFunc(files, func(a, b unpacked) int { return cmp.Compare(order(a), order(b)) })
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		if err := add(w, tar.Header{Name: f.header.Name, Mode: 0o644, Size: f.header.Size, ModTime: r.at},
			f.content); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	compressed, err := gzipped(out.Bytes())
	if err != nil {
		return err
	}
	return r.write(name, compressed)
}

// order sorts files by name, but a Chart.yaml before the other files of its chart: helm reads it first.
func order(f unpacked) string {
	if filepath.Base(f.header.Name) == "Chart.yaml" {
		return filepath.Dir(f.header.Name) + "/"
	}
	return f.header.Name
}
