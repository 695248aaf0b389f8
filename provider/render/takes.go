// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/format"
	"ovhcloud-csi-provider/provider/plan"
)

// perFile is what a file takes in memory in addition to its path and content, in bytes: its
// own fields and those of its entry in the answer.
const perFile = 400

// AnswerTakes returns how many bytes an answer takes. It is in memory twice while it is
// sent.
func AnswerTakes(size, files int64) int64 { return 2*size + files*perFile }

// What PEM takes in memory for each of its bytes while it is read, and what a keystore has besides
// its certificates, in bytes.
const (
	perPEM      = 20
	perKeystore = 4 << 10
)

// Takes returns the most bytes that it can take to make the files of a mount: the largest
// possible answer, and the keys of the largest secret, or of the secrets of one object.
func Takes(pl plan.Plan, got map[plan.Read]Input) int64 {
	const perPart = 20 // bytes for each byte of a secret of the shortest members
	members := map[plan.Read]int64{}
	var size, files, largest int64
	for _, o := range pl.Objects {
		var secrets int64
		for n := range o.Count() {
			secrets += int64(got[pl.ReadOf(o, n)].Secret.Data.Len())
		}
		n, made, takes := int64(1), secrets, perPart*secrets
		//exhaustive:ignore
		switch o.Output() {
		case class.AllKeys:
			read := pl.Read(o)
			if _, counted := members[read]; !counted {
				members[read] = mostMembers(got[read].Secret.Data.Reveal())
			}
			n = members[read]
		case class.Keys:
			made *= format.Growth
		case class.PEM:
			made, takes = 3*secrets+perKeystore, takes+perPEM*secrets
		case class.Template:
			made, takes = int64(o.Template.Output(int(secrets))), takes+int64(o.Template.Takes(int(secrets)))
		}
		largest = max(largest, takes)
		files += n
		size += made + n*int64(fileOverhead+len(o.File()))
	}
	return AnswerTakes(min(size, maxResponse), min(files, int64(maxStatus/statusOverhead))) + largest
}

// mostMembers returns a limit on the keys of a JSON object: each has two quotes and a
// colon, and each but the first a comma.
func mostMembers(object []byte) int64 {
	return int64(min(bytes.Count(object, []byte(`"`))/2, bytes.Count(object, []byte(":")),
		bytes.Count(object, []byte(","))+1))
}

// Unread returns only the failures of the reads, for a mount for whose files there is no
// memory.
func Unread(pl plan.Plan, got map[plan.Read]Input) []failure.Failure {
	r := renderer{plan: pl, made: make([]made, len(pl.Objects))}
	for i, o := range pl.Objects {
		for n := range o.Count() {
			part := o.Part(n)
			if f := got[pl.Read(part)]; f.Unread != nil {
				r.unread(i, part, f)
			}
		}
	}
	return r.All()
}
