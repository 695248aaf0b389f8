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
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/rawjson"
	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/provider/volume"
)

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
