// Package render makes files of secrets: bytes in, bytes out. It calls nobody.
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

// Input is what came of a read: a secret, with what the versions of its files are called
// after, or why there is none.
type Input struct {
	Secret okms.Secret
	// Domain, Version and Created say what the secret is a version of: those of another
	// domain where that is known to have the same text. Host is "" or what to put behind the
	// version of a fallback's.
	Domain  place.Domain
	Version int
	Created string
	Host    string
	// Unread returns why an object of the secret has no files. nil says that it was read.
	Unread func(class.Object) failure.Failure
	// Absent says of a secret that was not read that it does not exist, or its version does
	// not: optional objects go without.
	Absent bool
}

// Output is what a mount writes. Versions holds one entry for each file, and one for each
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

// maxResponse bounds the answer to the driver in bytes: it refuses 4 MiB, and
// with a code that lets the pod start with an empty volume (its provider_client
// and kubelet's handling of ResourceExhausted).
const maxResponse = 3584 << 10

// maxStatus bounds, in bytes, the list of files and versions that the driver writes
// into an object of Kubernetes for each volume (SecretProviderClassPodStatus): etcd
// takes 1.5 MiB.
const maxStatus = 1 << 20

// fileOverhead is what a file costs in the answer beside its path, twice, and
// its contents: tags, lengths, mode and version.
const fileOverhead = 64

// maxSteps bounds what a mount's secrets are looked at to make its files, in bytes: a
// fraction of a second. A class of 1,000 paths into a secret of 32 KB takes as many.
const maxSteps = 32 << 20

// Make makes the files of a plan from what was fetched, and says how many bytes
// their answer takes. It makes all or none: with any failure neither files nor
// versions are returned. It ends soon after ctx does.
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

// renderer is the state of one render.
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
	// status is the size of the status that the driver makes of it, in bytes.
	status int
}

// made is what one object comes to.
type made struct {
	absent bool // and optional
	files  []madeFile
}

// madeFile is a file by its path in the volume, with the key that it is of.
type madeFile struct {
	name, key string
	content   []byte
}

// secret makes the files of all objects of one secret, which is taken apart once, and
// let go of before the next one.
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

// late ends a render whose time is over.
func (r *renderer) late(o class.Object) {
	r.ended = true
	r.Add(o.Number, failure.TimedOut, o.Where(), "the time of the mount ran out before its files were made; use fewer objects")
}

// tooLarge says that no further file can be taken.
func (r *renderer) tooLarge() bool { return r.size > maxResponse || r.status > maxStatus }

// unread says why an object has no files, unless it need not have any.
func (r *renderer) unread(i int, f Input) {
	o := r.plan.Objects[i]
	if o.Optional && f.Absent {
		r.made[i].absent = true
		return
	}
	r.Put(f.Unread(o))
}

// object makes the files of one object, or says why it cannot.
func (r *renderer) object(i int, f Input, p *parts) {
	o := r.plan.Objects[i]
	switch {
	case p.err != nil:
		r.Add(o.Number, failure.Unusable, o.Where(), "version %d of the secret %s", f.Secret.Version, p.err)
	case o.AllKeys:
		r.allKeys(i, f, p)
	case o.SecretKey != "":
		r.oneKey(i, f, p)
	default:
		r.file(i, madeFile{o.File(), "", f.Secret.Data.Reveal()})
	}
}

// file takes in one file.
func (r *renderer) file(i int, f madeFile) {
	r.made[i].files = append(r.made[i].files, f)
	r.size += len(f.content) + 2*len(f.name) + fileOverhead
	r.status += len(f.name) + statusOverhead
}

// assemble puts what was made into the answer, in the order of the plan: that one says
// which of two objects a path belongs to.
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

// statusOverhead is what an entry takes in the driver's status beside its texts.
const statusOverhead = len(`{"id":"","version":""},`)

// note adds to what the driver lists of the volume.
func (r *renderer) note(id, version string) {
	r.out.Versions = append(r.out.Versions, Version{ID: id, Version: version})
	r.status += len(id) + len(version) + statusOverhead
}

// noteAbsent notes an optional object that does not exist, so that the driver, which
// wants at least one version, has one. The name stays taken: another object's
// file must not come and go with it. The id of a folder ends in a slash, as that
// of no file does.
func (r *renderer) noteAbsent(o class.Object, tree volume.Layout) {
	id := o.File()
	if o.AllKeys {
		id = fmt.Sprintf("objects[%d]/", o.Number)
	} else if err := tree.AddFile(id, o.Number); err != nil {
		r.Add(o.Number, failure.Invalid, o.Where(), "%s", err)
		return
	}
	r.note(id, "absent")
}

// version changes exactly when the content of the file can: with the version of the secret,
// with the domain that it came from, and with what the class says of the object. It tells
// nothing of the content.
func version(o class.Object, key string, f Input) string {
	h := sha256.New()
	for _, part := range []string{f.Domain.Endpoint, f.Domain.ID, f.Secret.Path, f.Created, key, string(o.Encoding)} {
		fmt.Fprintf(h, "%d:%s,", len(part), part)
	}
	return fmt.Sprintf("%d-%s%s", f.Version, hex.EncodeToString(h.Sum(nil)[:4]), f.Host)
}
