package provider

import (
	"bytes"
	"context"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
)

// busy is the failure of a mount for which there was no room in its time.
func busy() failure.Failure {
	return failure.Failure{Kind: failure.NodeFull, Object: failure.WholeClass, Where: "objects", What: "this node has too many mounts at once", Advice: nodeFullAdvice}
}

// plan is makePlan in its turn.
func (p *Provider) plan(ctx context.Context, account *budget.Account, req Request) (plan, []failure.Failure) {
	takes := parsingTakes(req.Attributes[paramObjects])
	if takes > p.budget.Most(budget.Making) {
		return plan{}, []failure.Failure{{Kind: failure.TooLarge, Object: failure.WholeClass, Where: "parameters." + paramObjects,
			What:   "is too large for the memory limit of the provider",
			Advice: "split the list over several classes, or ask who runs the provider to raise the limit"}}
	}
	end, ok := account.Work(ctx, takes)
	if !ok {
		return plan{}, []failure.Failure{busy()}
	}
	defer end(0)
	return makePlan(req, p.endpoints, p.connections, p.now())
}

// parsingTakes is about how many bytes the nodes of a YAML text take while it is read.
func parsingTakes(text string) int64 {
	const perNode = 400
	return 64<<10 + 4*int64(len(text)) + perNode*int64(min(countSigns(text), maxObjectsSigns))
}

// What a mount takes while it is under way, in bytes: for each object its plan, for each
// read its outcome, be it a failure with its texts, and for each of the reads that are
// under way at once two goroutines.
const (
	perObject = 512
	perRead   = 1 << 10
	perWorker = 16 << 10
)

// running is how many bytes a mount takes by its plan.
func running(pl plan) int64 {
	return int64(len(pl.objects))*perObject + int64(len(pl.reads))*perRead + int64(min(len(pl.reads), mostAtOnce))*perWorker
}

// render is render in its turn, into a response. What the answer takes is kept in an
// account of its own until it is sent.
func (p *Provider) render(ctx context.Context, account *budget.Account, pl plan, got map[okms.Ref]fetched, into *Response) []failure.Failure {
	takes := renderingTakes(pl, got)
	if takes > p.budget.Most(budget.Making) {
		return []failure.Failure{{Kind: failure.TooLarge, Object: failure.WholeClass, Where: "objects", What: "to make these files takes more memory than the provider has for it",
			Advice: "use several classes and volumes, or ask who runs the provider to raise its memory limit"}}
	}
	end, ok := account.Work(ctx, takes)
	if !ok {
		return unread(pl, got)
	}
	defer end(0)
	made, size, failures := render(ctx, pl, got)
	if len(failures) > 0 {
		return failures
	}
	into.Files, into.Versions = made.Files, made.Versions
	kept := answerTakes(int64(size), int64(len(made.Files)))
	end(kept)
	into.Sent = account.Move(budget.Making, min(kept, takes)).Close
	return nil
}

// perFile is what a file takes in memory beside its path and content: its own fields and
// those of its entry in the answer.
const perFile = 400

// answerTakes is how many bytes an answer takes: it is there twice while it is sent.
func answerTakes(size, files int64) int64 { return 2*size + files*perFile }

// renderingTakes is the most that it can take to make the files of a mount: the largest
// answer that the secrets can make, and the parts of the largest secret.
func renderingTakes(pl plan, got map[okms.Ref]fetched) int64 {
	const perPart = 20 // bytes for each byte of a secret of the shortest members
	members := map[okms.Ref]int64{}
	var size, files, largest int64
	for _, o := range pl.objects {
		secret := got[o.ref()].secret.Data.Reveal()
		largest = max(largest, int64(len(secret)))
		n := int64(1)
		if o.allKeys {
			if _, counted := members[o.ref()]; !counted {
				members[o.ref()] = mostMembers(secret)
			}
			n = members[o.ref()]
		}
		files += n
		size += int64(len(secret)) + n*int64(fileOverhead+len(o.file()))
	}
	return answerTakes(min(size, maxResponse), min(files, int64(maxStatus/statusOverhead))) + perPart*largest
}

// mostMembers is a bound on the keys of a JSON object: each has two quotes and a colon,
// and each but the first a comma.
func mostMembers(object []byte) int64 {
	return int64(min(bytes.Count(object, []byte(`"`))/2, bytes.Count(object, []byte(":")), bytes.Count(object, []byte(","))+1))
}

// unread is why a mount fails that found no room for its files: the reads that failed,
// which is known without any, else that.
func unread(pl plan, got map[okms.Ref]fetched) []failure.Failure {
	r := renderer{plan: pl, made: make([]made, len(pl.objects))}
	for i, o := range pl.objects {
		if f := got[o.ref()]; f.err != nil {
			r.unread(i, f)
		}
	}
	if r.Len() == 0 {
		return []failure.Failure{busy()}
	}
	return r.All()
}
