// SPDX-License-Identifier: Apache-2.0

// Package listing describes the files of a volume without their values, and compares two volumes.
//
// It reads no OKMS domain and no class.
package listing

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
)

// File is a file of a volume without its content.
type File struct {
	// Path is relative to the volume.
	Path string
	// Mode has the permissions; 0 if they are not known.
	Mode fs.FileMode
	// Version is that of the file's secret, or of its first one; "" if it is not known.
	Version string
	// Size is in bytes.
	Size int
	sum  [sha256.Size]byte
}

// Mark returns eight hexadecimal digits. Files of one Marker with different marks have different
// contents. The marks of two Markers cannot be compared.
func (f File) Mark() string { return hex.EncodeToString(f.sum[:4]) }

// Marker makes descriptions of files. Its marks are keyed with a random key that is never shown: with
// a plain hash, somebody who reads it could find a short password by trying all of them.
type Marker struct{ key []byte }

// NewMarker returns a Marker with a new key.
func NewMarker() Marker {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails
	return Marker{key}
}

// File describes a file with the content. It does not keep the content.
func (m Marker) File(path string, mode fs.FileMode, version string, content []byte) File {
	h := hmac.New(sha256.New, m.key)
	h.Write(content)
	return File{path, mode, version, len(content), [sha256.Size]byte(h.Sum(nil))}
}
