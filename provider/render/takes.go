package render

import (
	"bytes"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/plan"
)

// perFile is what a file takes in memory in addition to its path and content, in bytes: its
// own fields and those of its entry in the answer.
const perFile = 400

// AnswerTakes returns how many bytes an answer takes. It is in memory twice while it is
// sent.
func AnswerTakes(size, files int64) int64 { return 2*size + files*perFile }

// Takes returns the most bytes that it can take to make the files of a mount: the largest
// possible answer, and the keys of the largest secret.
func Takes(pl plan.Plan, got map[okms.Ref]Input) int64 {
	const perPart = 20 // bytes for each byte of a secret of the shortest members
	members := map[okms.Ref]int64{}
	var size, files, largest int64
	for _, o := range pl.Objects {
		secret := got[o.Ref()].Secret.Data.Reveal()
		largest = max(largest, int64(len(secret)))
		n := int64(1)
		if o.Output() == class.AllKeys {
			if _, counted := members[o.Ref()]; !counted {
				members[o.Ref()] = mostMembers(secret)
			}
			n = members[o.Ref()]
		}
		files += n
		size += int64(len(secret)) + n*int64(fileOverhead+len(o.File()))
	}
	return AnswerTakes(min(size, maxResponse), min(files, int64(maxStatus/statusOverhead))) + perPart*largest
}

// mostMembers returns a limit on the keys of a JSON object: each has two quotes and a
// colon, and each but the first a comma.
func mostMembers(object []byte) int64 {
	return int64(min(bytes.Count(object, []byte(`"`))/2, bytes.Count(object, []byte(":")), bytes.Count(object, []byte(","))+1))
}

// Unread returns only the failures of the reads, for a mount for whose files there is no
// memory.
func Unread(pl plan.Plan, got map[okms.Ref]Input) []failure.Failure {
	r := renderer{plan: pl, made: make([]made, len(pl.Objects))}
	for i, o := range pl.Objects {
		if f := got[o.Ref()]; f.Unread != nil {
			r.unread(i, f)
		}
	}
	return r.All()
}
