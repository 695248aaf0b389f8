// Package render makes files of secrets: bytes in, bytes out. It does no I/O.
package render

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/rawjson"
	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/provider/volume"
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

// maxSteps limits how many bytes of secrets a mount may look at, each as often as it is
// looked at: a fraction of a second. A class of 1,000 paths into a secret of 32 KB takes as
// many.
const maxSteps = 32 << 20

// Make makes the files of a plan, and returns how many bytes their answer takes. It makes
// all files or none: if there are failures, it returns neither files nor versions. It ends
// soon after ctx does.
func Make(ctx context.Context, pl plan.Plan, got map[okms.Ref]Input) (out Output, size int, failures []failure.Failure) {
	r := renderer{plan: pl, ctx: ctx, steps: rawjson.NewSteps(ctx, maxSteps), made: make([]made, len(pl.Objects)), named: namedKeys(pl)}
	of := map[okms.Ref][]int{}
	for i, o := range pl.Objects {
		of[o.Ref()] = append(of[o.Ref()], i)
	}
	for _, ref := range pl.Reads {
		r.secret(of[ref], got[ref])
	}
	if r.Len() == 0 {
		r.assemble(got)
	}
	switch {
	case r.Len() > 0:
	case r.status > maxStatus:
		r.Add(failure.WholeClass, failure.TooLarge, "objects", "this mount makes so many files that Kubernetes cannot hold the list of them; use several classes and volumes")
	case r.size > maxResponse:
		r.Add(failure.WholeClass, failure.TooLarge, "objects", "the files of this mount take more than the %d bytes that the driver accepts; use several classes and volumes", maxResponse)
	}
	if r.Len() > 0 {
		return Output{}, 0, r.All()
	}
	return r.out, r.size, nil
}

// renderer is the state of Make.
type renderer struct {
	failure.List
	plan  plan.Plan
	ctx   context.Context
	steps *rawjson.Steps
	made  []made // by the place of the object in the plan
	named map[okms.Ref]map[string]bool
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

// secret makes the files of all objects of one secret. Its keys are read once, and their
// memory is free before the next secret.
func (r *renderer) secret(objects []int, f Input) {
	var p *parts
	for _, i := range objects {
		o := r.plan.Objects[i]
		switch {
		case f.Unread != nil:
			r.unread(i, f)
		case r.ended || r.tooLarge():
		case r.Stop():
		case r.ctx.Err() != nil:
			r.late(o)
		case p == nil && !r.goesOn(o, r.steps.Take(f.Secret.Data.Len())):
		default:
			if p == nil {
				p = r.takeApart(f.Secret)
			}
			r.object(i, f, p)
		}
	}
}

// late ends the work of a mount that has no time left.
func (r *renderer) late(o class.Object) {
	r.ended = true
	r.Add(o.Number, failure.TimedOut, o.Where(), "the time of the mount ran out before its files were made; use fewer objects")
}

// tooLarge reports whether no further file fits.
func (r *renderer) tooLarge() bool { return r.size > maxResponse || r.status > maxStatus }

// unread adds why an object has no files, unless it is optional and absent.
func (r *renderer) unread(i int, f Input) {
	o := r.plan.Objects[i]
	if o.Optional && f.Absent {
		r.made[i].absent = true
		return
	}
	r.Put(f.Unread(o))
}

// outputs is how each output of an object becomes files. A new one is a function in a file
// of its own.
var outputs = map[class.Output]func(r *renderer, i int, f Input, p *parts){
	class.Whole:   (*renderer).whole,
	class.Key:     (*renderer).oneKey,
	class.AllKeys: (*renderer).allKeys,
}

// object makes the files of one object, or adds why it cannot.
func (r *renderer) object(i int, f Input, p *parts) {
	o := r.plan.Objects[i]
	if p.err != nil {
		r.Add(o.Number, failure.Unusable, o.Where(), "version %d of the secret %s", f.Secret.Version, p.err)
		return
	}
	outputs[o.Output()](r, i, f, p)
}

// whole makes a file of the whole secret.
func (r *renderer) whole(i int, f Input, _ *parts) {
	r.file(i, madeFile{r.plan.Objects[i].File(), "", f.Secret.Data.Reveal()})
}

// file adds one file.
func (r *renderer) file(i int, f madeFile) {
	r.made[i].files = append(r.made[i].files, f)
	r.size += len(f.content) + 2*len(f.name) + fileOverhead
	r.status += len(f.name) + statusOverhead
}

// assemble puts the files into the answer, in the order of the plan, which decides to which
// of two objects a path belongs.
func (r *renderer) assemble(got map[okms.Ref]Input) {
	r.size, r.status = 0, 0
	tree := volume.NewLayout()
	for i, o := range r.plan.Objects {
		if r.made[i].absent {
			r.noteAbsent(o, tree)
		}
		for _, f := range r.made[i].files {
			if r.tooLarge() || r.Stop() {
				return
			}
			r.place(o, f, got[o.Ref()], tree)
		}
	}
}

// place adds one file and its version to the answer.
func (r *renderer) place(o class.Object, file madeFile, f Input, tree volume.Layout) {
	if err := tree.AddFile(file.name, o.Number); err != nil {
		r.Add(o.Number, failure.Invalid, o.Where(), "%s", err)
		return
	}
	if err := volume.CheckName(file.name); err != nil {
		r.Add(o.Number, failure.Unusable, o.Where(), "the file %s %s", message.Quote(file.name), err)
		return
	}
	r.out.Files = append(r.out.Files, File{Path: file.name, Mode: o.Mode, Contents: sensitive.New(file.content)})
	id := version(o, file.key, f)
	r.note(file.name, id)
	r.size += len(file.content) + 2*len(file.name) + len(id) + fileOverhead
}

// statusOverhead is what an entry takes in the driver's list in addition to its texts, in
// bytes.
const statusOverhead = len(`{"id":"","version":""},`)

// note adds an entry to the driver's list.
func (r *renderer) note(id, version string) {
	r.out.Versions = append(r.out.Versions, Version{ID: id, Version: version})
	r.status += len(id) + len(version) + statusOverhead
}

// noteAbsent adds an entry for an optional object that does not exist, since the driver
// needs at least one. The name stays taken: another object's file must not come and go with
// it. The ID of a folder ends in a slash, as that of no file does.
func (r *renderer) noteAbsent(o class.Object, tree volume.Layout) {
	id := o.File()
	if o.Output() == class.AllKeys {
		id = fmt.Sprintf("objects[%d]/", o.Number)
	} else if err := tree.AddFile(id, o.Number); err != nil {
		r.Add(o.Number, failure.Invalid, o.Where(), "%s", err)
		return
	}
	r.note(id, "absent")
}

// version returns the version of a file. It changes exactly when the content of the file
// can: with the version of the secret, with the domain, and with the object. It shows
// nothing of the content.
func version(o class.Object, key string, f Input) string {
	h := sha256.New()
	for _, part := range []string{f.Domain.Endpoint, f.Domain.ID, f.Secret.Path, f.Created, key, string(o.Encoding)} {
		fmt.Fprintf(h, "%d:%s,", len(part), part)
	}
	return fmt.Sprintf("%d-%s%s", f.Version, hex.EncodeToString(h.Sum(nil)[:4]), f.Host)
}
