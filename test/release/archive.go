// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"time"
)

// entry is a file of an archive: the content of the file from.
type entry struct {
	name, from string
	mode       int64
}

// pack writes a compressed archive to the release.
func (r release) pack(name string, files []entry) error {
	content, err := tarOf(files, r.at)
	if err != nil {
		return err
	}
	compressed, err := gzipped(content)
	if err != nil {
		return err
	}
	return r.write(name, compressed)
}

// write writes a file of the release.
func (r release) write(name string, content []byte) error {
	if err := os.MkdirAll(r.to, 0o755); err != nil {
		return err
	}
	return os.WriteFile(r.path(name), content, 0o644)
}

// tarOf returns an archive of files in the given order, owned by root, all with the same time.
func tarOf(files []entry, at time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		content, err := os.ReadFile(f.from)
		if err != nil {
			return nil, err
		}
		if err := add(w, tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(content)), ModTime: at},
			content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

// add writes one file to an archive.
func add(w *tar.Writer, header tar.Header, content []byte) error {
	header.Typeflag, header.Format = tar.TypeReg, tar.FormatPAX
	if err := w.WriteHeader(&header); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}

// gzipped compresses content, without a name or a time.
func gzipped(content []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

// unpacked is a file of an archive that was read.
type unpacked struct {
	header  tar.Header
	content []byte
}

// unpack reads the regular files of a compressed archive.
func unpack(compressed []byte) (files []unpacked, err error) {
	z, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	for r := tar.NewReader(z); ; {
		header, err := r.Next()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		files = append(files, unpacked{*header, content})
	}
}
