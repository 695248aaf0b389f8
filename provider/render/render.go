// SPDX-License-Identifier: Apache-2.0

// Package render makes files of secrets: bytes in, bytes out. It does no I/O.
package render

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/rawjson"
	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/provider/volume"
)

// Make makes the files of a plan, and returns how many bytes their answer takes. It makes
// all files or none: if there are failures, it returns neither files nor versions. It ends
// soon after ctx does.
func Make(ctx context.Context, pl plan.Plan,
	got map[plan.Read]Input) (out Output, size int, failures []failure.Failure) {
	r := renderer{plan: pl, ctx: ctx, steps: rawjson.NewSteps(ctx, maxSteps), made: make([]made, len(pl.Objects)),
		named: namedKeys(pl)}
	of := map[plan.Read][]int{}
	for i, o := range pl.Objects {
		if o.Count() == 1 {
			read := pl.ReadOf(o, 0)
			of[read] = append(of[read], i)
		}
	}
	for _, read := range pl.Reads {
		r.secret(of[read], got[read])
	}
	for i, o := range pl.Objects {
		if o.Count() > 1 {
			r.secrets(i, got)
		}
	}
	if r.Len() == 0 {
		r.assemble(got)
	}
	switch {
	case r.Len() > 0:
	case r.status > maxStatus:
		r.Add(failure.WholeClass, failure.TooLarge, "objects",
			"this mount makes so many files that Kubernetes cannot hold the list of them; use several classes and volumes")
	case r.size > maxResponse:
		r.Add(failure.WholeClass, failure.TooLarge, "objects",
			"the files of this mount take more than the %d bytes that the driver accepts; use several classes and volumes",
			maxResponse)
	}
	if r.Len() > 0 {
		return Output{}, 0, r.All()
	}
	return r.out, r.size, nil
}

// secret makes the files of all objects of one secret. Its keys are read once, and their
// memory is free before the next secret.
func (r *renderer) secret(objects []int, f Input) {
	var p *parts
	for _, i := range objects {
		o := r.plan.Objects[i]
		switch {
		case f.Unread != nil:
			r.unread(i, o.Part(0), f)
		case o.Find != nil: // it selects no secret, and is optional
			r.made[i].absent = true
		case p != nil && r.goesOnWith(o, 0) || p == nil && r.goesOnWith(o, f.Secret.Data.Len()):
			if p == nil {
				p = r.takeApart(f.Secret)
			}
			r.object(i, []material{{f, p}})
		}
	}
}

// secrets makes the files of an object of several secrets.
func (r *renderer) secrets(i int, got map[plan.Read]Input) {
	o := r.plan.Objects[i]
	var of []material
	for n := range o.Count() {
		part := o.Part(n)
		f := got[r.plan.Read(part)]
		switch {
		case f.Unread != nil:
			r.unread(i, part, f)
		case r.goesOnWith(o, f.Secret.Data.Len()):
			of = append(of, material{f, r.takeApart(f.Secret)})
		}
	}
	if len(of) == o.Count() {
		r.object(i, of)
	}
}

// goesOnWith reports whether the mount may look at n more bytes for an object.
func (r *renderer) goesOnWith(o class.Object, n int) bool {
	switch {
	case r.ended || r.tooLarge() || r.Stop():
		return false
	case r.ctx.Err() != nil:
		r.late(o)
		return false
	}
	return n == 0 || r.goesOn(o, r.steps.Take(n))
}

// unread adds why an object has no files, unless it is optional and absent.
func (r *renderer) unread(i int, o class.Object, f Input) {
	if o.Optional && f.Absent {
		r.made[i].absent = true
		return
	}
	r.Put(f.Unread(o))
}

// outputs is how each output of an object becomes files. A new one is a function in a file
// of its own.
var outputs = map[class.Output]func(r *renderer, i int, of []material){
	class.Whole:    (*renderer).whole,
	class.Key:      (*renderer).oneKey,
	class.AllKeys:  (*renderer).allKeys,
	class.Keys:     (*renderer).keys,
	class.PEM:      (*renderer).pem,
	class.Template: (*renderer).template,
}

// object makes the files of one object, or adds why it cannot.
func (r *renderer) object(i int, of []material) {
	o := r.plan.Objects[i]
	for n := range of {
		if of[n].err != nil {
			r.Add(o.Number, failure.Unusable, o.Part(n).Where(), "version %d of the secret %s", of[n].Secret.Version, of[n].err)
			return
		}
	}
	outputs[o.Output()](r, i, of)
}

// whole makes a file of the whole secret.
func (r *renderer) whole(i int, of []material) {
	r.file(i, madeFile{r.plan.Objects[i].File(), "", of[0].Secret.Data.Reveal()})
}

// assemble puts the files into the answer, in the order of the plan, which decides to which
// of two objects a path belongs.
func (r *renderer) assemble(got map[plan.Read]Input) {
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
			r.place(o, f, got, tree)
		}
	}
}

// place adds one file and its version to the answer.
func (r *renderer) place(o class.Object, file madeFile, got map[plan.Read]Input, tree volume.Layout) {
	if err := tree.AddFile(file.name, o.Number); err != nil {
		r.Add(o.Number, failure.Invalid, o.Where(), "%s", err)
		return
	}
	if err := volume.CheckName(file.name); err != nil {
		r.Add(o.Number, failure.Unusable, o.Where(), "the file %s %s", message.Quote(file.name), err)
		return
	}
	r.out.Files = append(r.out.Files, File{Path: file.name, Mode: o.Mode, Contents: sensitive.New(file.content)})
	of := make([]Input, o.Count())
	for n := range of {
		of[n] = got[r.plan.ReadOf(o, n)]
	}
	id := version(o, file.key, of)
	r.note(file.name, id)
	r.size += len(file.content) + 2*len(file.name) + len(id) + fileOverhead
}

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
	if o.IsFolder() {
		id = fmt.Sprintf("objects[%d]/", o.Number)
		if o.Derived {
			id += o.File() + "/"
		}
	} else if err := tree.AddFile(id, o.Number); err != nil {
		r.Add(o.Number, failure.Invalid, o.Where(), "%s", err)
		return
	}
	r.note(id, "absent")
}

// version returns the version of a file. It changes exactly when the content of the file
// can: with the versions of its secrets, with the domain, and with the object. It shows
// nothing of the content.
func version(o class.Object, key string, of []Input) string {
	h := sha256.New()
	for _, f := range of {
		for _, part := range []string{f.Domain.Endpoint, f.Domain.ID, f.Secret.Path, f.Created, key, string(o.Encoding)} {
			fmt.Fprintf(h, "%d:%s,", len(part), part)
		}
	}
	for _, f := range of[1:] {
		fmt.Fprintf(h, "%d%s,", f.Version, f.Host)
	}
	return fmt.Sprintf("%d-%s%s", of[0].Version, hex.EncodeToString(h.Sum(nil)[:4]), of[0].Host)
}
