// SPDX-License-Identifier: Apache-2.0

package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/encoding"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/rawjson"
	"ovhcloud-csi-provider/provider/sensitive"
)

// Input is the outcome of a read: a secret and what the versions of its files are made of,
// or why there is none.
type Input struct {
	Secret okms.Secret
	// Domain, Version and Created identify the version of the secret: that of another
	// domain if that domain is known to have the same text. Host is put after the versions
	// of files from a fallback, else it is empty.
	Domain  place.Domain
	Version int
	Created string
	Host    string
	// Unread returns why an object of the secret has no files. nil means that the secret
	// was read.
	Unread func(class.Object) failure.Failure
	// Absent says that the secret or its version does not exist: optional objects are left
	// out.
	Absent bool
}

// Output is the files of a mount. Versions has one entry for each file, and one for each
// optional object that does not exist.
type Output struct {
	Files    []File
	Versions []Version
}

// File is one file of the volume. Path is relative to its root.
type File struct {
	Path     string
	Mode     fs.FileMode
	Contents sensitive.Bytes
}

// Version tells the driver whether a file may have changed. IDs are unique.
type Version struct{ ID, Version string }

// maxResponse limits the answer to the driver in bytes. The driver rejects 4 MiB, with a
// code after which the pod starts with an empty volume (its provider_client, and how
// kubelet handles ResourceExhausted).
const maxResponse = 3584 << 10

// maxStatus limits the list of files and versions that the driver writes into a Kubernetes
// object for each volume (SecretProviderClassPodStatus), in bytes. etcd takes 1.5 MiB.
const maxStatus = 1 << 20

// fileOverhead is what a file takes in the answer in addition to its contents and twice its
// path: tags, lengths, mode and version. In bytes.
const fileOverhead = 64

// statusOverhead is what an entry takes in the driver's list in addition to its texts, in
// bytes.
const statusOverhead = len(`{"id":"","version":""},`)

// maxSteps limits how many bytes of secrets a mount may look at, each as often as it is
// looked at: a fraction of a second. A class of 1,000 paths into a secret of 32 KB takes as
// many.
const maxSteps = 32 << 20

// renderer is the state of Make.
type renderer struct {
	failure.List
	plan  plan.Plan
	ctx   context.Context
	steps *rawjson.Steps
	made  []made // by the place of the object in the plan
	named map[plan.Read]map[string]bool
	ended bool // no further object is looked at
	out   Output
	size  int // of the answer to the driver, in bytes
	// status is the size of the driver's list of files and versions, in bytes.
	status int
}

// made is the files of one object.
type made struct {
	absent bool // and optional
	files  []madeFile
}

// madeFile is a file by its path in the volume, with the key that it is made of.
type madeFile struct {
	name, key string
	content   []byte
}

// late ends the work of a mount that has no time left.
func (r *renderer) late(o class.Object) {
	r.ended = true
	r.Add(o.Number, failure.TimedOut, o.Where(),
		"the time of the mount ran out before its files were made; use fewer objects")
}

// tooLarge reports whether no further file fits.
func (r *renderer) tooLarge() bool { return r.size > maxResponse || r.status > maxStatus }

// file adds one file.
func (r *renderer) file(i int, f madeFile) {
	r.made[i].files = append(r.made[i].files, f)
	r.size += len(f.content) + 2*len(f.name) + fileOverhead
	r.status += len(f.name) + statusOverhead
}

// goesOn reports whether the mount is still within its limits. err is from the steps.
func (r *renderer) goesOn(o class.Object, err error) bool {
	switch {
	case err == nil:
		return true
	case errors.Is(err, rawjson.ErrSteps):
		r.ended = true
		r.Add(o.Number, failure.TooLarge, fmt.Sprintf("objects[%d]", o.Number),
			"the objects of this mount look at more than %d bytes of JSON altogether, "+
				"each byte counted as often as it is looked at; use fewer or shorter paths in secretKey, fewer certificates and "+
				"keystores, smaller secrets, or several classes and volumes", maxSteps)
	default:
		r.late(o)
	}
	return false
}

// loneSurrogate is the error for half a UTF-16 pair, which JSON can spell but which stands
// for no bytes.
const loneSurrogate = "holds half a UTF-16 surrogate pair, which stands for no bytes"

// fileBytes returns the bytes of a file from the JSON text of a value.
func (r *renderer) fileBytes(o class.Object, key string, value rawjson.Value) ([]byte, bool) {
	if !value.IsString() {
		if o.Encoding != encoding.UTF8 {
			r.Add(o.Number, failure.Unusable, o.Where(),
				"the value of key %s is %s; encoding: %s wants a string, so drop encoding", message.Quote(key), value.Kind(),
				o.Encoding)
			return nil, false
		}
		return value, true
	}
	text, ok := value.Unquote()
	err := errors.New(loneSurrogate)
	if ok {
		text, err = o.Encoding.Decode(text)
	}
	if err != nil {
		r.Add(o.Number, failure.Unusable, o.Where(), "the value of key %s %s", message.Quote(key), err)
		return nil, false
	}
	return text, true
}

// material is a secret that an object is made of. Those of an object are in the order of its sources.
type material struct {
	Input
	*parts
}
