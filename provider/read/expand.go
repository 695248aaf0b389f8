// SPDX-License-Identifier: Apache-2.0

package read

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/explain"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/pace"
	"ovhcloud-csi-provider/provider/plan"
)

// Limits of what the objects of one mount may stand for, over all of them.
const (
	mostFound = 1000 // secrets that find selects, and versions of histories
	// mostSelected also counts the secrets that find selects and leaves out, since they are read.
	mostSelected = 2 * mostFound
	mostFolders  = 1000      // that are listed
	mostMatched  = 200 << 20 // steps of patterns, about a second
)

// expansion finds the objects that the objects of a plan stand for: find stands for an object for
// each secret, objectVersionHistory for one for each version, latest-active for one of a version.
// It goes on in rounds: what it lacks is read before the next one.
type expansion struct {
	plan    plan.Plan
	got     Results
	objects []class.Object
	missing []plan.Read
	// refresh is the shortest refreshInterval of the objects of each missing read; 0 if one of them
	// has none.
	refresh map[plan.Read]time.Duration
	// failures are those of the objects that are left out for them.
	failures []failure.Failure
	plain    bool                   // each object stands for itself
	made     int                    // the most objects of a round
	found    int                    // of mostFound
	chosen   int                    // of mostSelected, in selected
	folders  int                    // of mostFolders
	matched  int                    // of mostMatched, in all rounds
	selected map[int][]class.Object // by the number of an object with find, once all folders are read
}

func newExpansion(pl plan.Plan) *expansion {
	return &expansion{plan: pl, got: make(Results, len(pl.Reads)),
		plain:    !slices.ContainsFunc(pl.Objects, standsForOthers),
		selected: map[int][]class.Object{}}
}

// round finds the objects, as far as the results go. It returns the reads that are missing; the
// expansion is complete if there are none.
func (x *expansion) round() (missing []plan.Read) {
	x.objects, x.missing, x.failures, x.found, x.folders = nil, nil, nil, 0, 0
	x.refresh = map[plan.Read]time.Duration{}
	if x.plain {
		x.objects = x.plan.Objects
	}
	for _, o := range x.plan.Objects {
		switch {
		case x.plain:
			for n := range o.Count() {
				x.read(o, x.plan.ReadOf(o, n))
			}
		case o.Find != nil:
			x.find(o)
		case o.History > 0:
			x.history(o)
		default:
			x.one(o)
		}
	}
	x.made = max(x.made, len(x.objects))
	return x.missing
}

// standsForOthers reports whether other objects may take the place of one.
func standsForOthers(o class.Object) bool {
	latest := o.Version == class.LatestActive ||
		slices.ContainsFunc(o.More, func(s class.Source) bool { return s.Version == class.LatestActive })
	return o.Find != nil || o.History > 0 || latest
}

// result returns the plan with the objects that were found.
func (x *expansion) result() plan.Plan {
	if x.plain {
		return x.plan
	}
	return x.plan.With(x.objects)
}

// selects reports whether the plan has an object with find.
func (x *expansion) selects() bool {
	return slices.ContainsFunc(x.plan.Objects, func(o class.Object) bool { return o.Find != nil })
}

// read returns the result of a read for an object. ok is false if it is missing, which is noted.
func (x *expansion) read(o class.Object, read plan.Read) (r Result, ok bool) {
	r, ok = x.got[read]
	if ok {
		return r, true
	}
	if refresh, noted := x.refresh[read]; !noted {
		x.missing = append(x.missing, read)
		x.refresh[read] = o.Refresh
	} else {
		x.refresh[read] = min(refresh, o.Refresh)
	}
	return r, false
}

// request returns a missing read. Only a renewal may get a value that is older than the TTL.
func (x *expansion) request(read plan.Read, mount *pace.Mount) request {
	r := request{ref: read.Ref, mount: mount, keep: x.refresh[read]}
	if x.plan.Renewal {
		r.maxAge = r.keep
	}
	return r
}

// at returns a read by the route of an object.
func (x *expansion) at(o class.Object, ref okms.Ref) plan.Read {
	return plan.Read{Route: x.plan.Read(o).Route, Ref: ref}
}

// fail leaves an object out for a failed read, unless it is optional and what was read does not
// exist.
func (x *expansion) fail(o class.Object, e *okms.Error) {
	if o.Optional && (e.Kind == failure.SecretAbsent || e.Kind == failure.VersionAbsent) {
		x.objects = append(x.objects, o)
		return
	}
	x.failures = append(x.failures, explain.Read(x.plan.RouteOf(o).Origin, o, e, failure.TriesAgain))
}

// one adds an object whose secrets are known, each with the version that is to be read.
func (x *expansion) one(o class.Object) {
	if o.SecretPath != "" {
		var ok bool
		if o.Version, ok = x.version(o, class.Source{Path: o.SecretPath, Version: o.Version}); !ok {
			return
		}
	}
	more := o.More
	o.More = nil
	for _, source := range more {
		var ok bool
		if source.Version, ok = x.version(o, source); !ok {
			return
		}
		o.More = append(o.More, source)
	}
	x.objects = append(x.objects, o)
}

// version returns the version of a secret that is to be read for an object. If the latest active
// version is wanted and the latest one is not active, it is the newest one of the list. ok is
// false if that is not known yet, or cannot be known.
func (x *expansion) version(o class.Object, source class.Source) (version int, ok bool) {
	of := o.Of(source)
	r, done := x.read(o, x.plan.Read(of))
	if !done || source.Version != class.LatestActive || r.Err == nil || r.Err.Kind.Drops() != failure.OfVersion {
		return source.Version, true
	}
	list, done := x.read(o, x.at(o, okms.Ref{What: okms.Versions, Path: source.Path}))
	if !done {
		return 0, false
	}
	if list.Err != nil {
		of.History = 1 // the message is about the list
		x.fail(of, list.Err)
		return 0, false
	}
	active := activeOf(list.Secret, 1)
	if len(active) == 0 {
		return source.Version, true // the message is about the latest version
	}
	of.Version = active[0]
	_, _ = x.read(o, x.plan.Read(of))
	return active[0], true
}

// history adds an object for each of the newest active versions.
func (x *expansion) history(o class.Object) {
	list, ok := x.read(o, x.plan.Read(o))
	switch {
	case !ok:
		return
	case list.Err != nil:
		x.fail(o, list.Err)
		return
	}
	active := activeOf(list.Secret, o.History)
	if len(active) == 0 {
		x.fail(o, &okms.Error{Kind: failure.Deactivated, Others: okms.Others{Listed: true}})
	}
	for i, number := range active {
		version := o.InHistory(i, number)
		_, _ = x.read(o, x.plan.Read(version))
		x.add(o, version)
	}
}

// activeOf returns the numbers of the newest active versions in a list, at most so many.
func activeOf(list okms.Secret, most int) (numbers []int) {
	for v := range okms.VersionsOf(list) {
		if v.State == okms.Active && len(numbers) < most {
			numbers = append(numbers, v.Number)
		}
	}
	return numbers
}

// add adds one of the objects that find or a history selects, within mostFound.
func (x *expansion) add(o, one class.Object) {
	if x.counts(o) {
		x.objects = append(x.objects, one)
	}
}

// counts counts one of the objects that find or a history selects. It returns false beyond mostFound.
func (x *expansion) counts(o class.Object) bool {
	if x.found++; x.found == mostFound+1 {
		x.failTooMany(o, mostFound, "secrets and versions")
	}
	return x.found <= mostFound
}

// failTooMany leaves an object out: it and those before it select too many.
func (x *expansion) failTooMany(o class.Object, most int, what string) {
	x.fail(o, &okms.Error{Kind: failure.TooLarge,
		Text: fmt.Sprintf("the objects up to this one select more than %d %s; use a longer path, a narrower regexp, or "+
			"several classes and volumes", most, what)})
}

// find adds an object for each secret that find selects. A secret that is gone by the time it is
// read is left out, and a deactivated one if the object is optional.
func (x *expansion) find(o class.Object) {
	selected, ok := x.selected[o.Number]
	if !ok {
		if selected, ok = x.walk(o); !ok {
			return
		}
		x.selected[o.Number] = selected
		x.chosen += len(selected)
	}
	left := 0
	for _, one := range selected {
		if r, ok := x.read(one, x.plan.Read(one)); ok && r.Err != nil && isLeftOut(o, r.Err) {
			continue
		}
		left++
		if one.Version != class.LatestActive {
			x.add(o, one)
		} else if x.counts(o) {
			x.one(one)
		}
	}
	switch {
	case left > 0:
	case o.Optional:
		x.objects = append(x.objects, o)
	default:
		x.failures = append(x.failures, failure.Failure{Kind: failure.SecretAbsent, Object: o.Number, Where: o.Where(),
			What: "find selects no secret",
			Advice: "check its path, which is case-sensitive, and its regexp; optional: true lets the mount go on without " +
				"files of it"})
	}
}

// isLeftOut reports whether a secret that find selected has no file because its read failed.
func isLeftOut(o class.Object, e *okms.Error) bool {
	inactive := e.Kind == failure.Deactivated || e.Kind == failure.Deleted
	return e.Kind == failure.SecretAbsent || inactive && o.Optional && o.Version != class.LatestActive
}

// walk lists the folder of find and those below it. ok is false if a list is missing or failed. The
// pattern is only matched when all lists are there: rounds repeat the walk.
func (x *expansion) walk(o class.Object) (selected []class.Object, ok bool) {
	complete := true
	var lists []okms.Secret
	for folders := []string{o.Find.Path}; len(folders) > 0; folders = folders[1:] {
		if x.folders++; x.folders > mostFolders {
			x.fail(o, &okms.Error{Kind: failure.TooLarge,
				Text: fmt.Sprintf("the objects up to this one have more than %d folders below their paths; use longer paths, or "+
					"several classes and volumes", mostFolders)})
			return nil, false
		}
		list, listed := x.read(o, x.at(o, okms.Ref{What: okms.Folder, Path: folders[0]}))
		switch {
		case !listed:
			complete = false
			continue
		case list.Err != nil:
			x.fail(o, list.Err)
			return nil, false
		}
		lists = append(lists, list.Secret)
		for entry := range okms.EntriesOf(list.Secret) {
			if folder, is := strings.CutSuffix(entry, "/"); is {
				folders = append(folders, strings.Clone(folder))
			}
		}
	}
	if !complete {
		return nil, false
	}
	return x.match(o, lists)
}

// match returns an object for each secret in lists that the pattern of find matches and the route
// allows, within mostSelected. It keeps nothing of the lists, whose memory is not that of objects.
func (x *expansion) match(o class.Object, lists []okms.Secret) (selected []class.Object, ok bool) {
	for _, list := range lists {
		for entry := range okms.EntriesOf(list) {
			if strings.HasSuffix(entry, "/") {
				continue
			}
			below, matched, fits := x.matches(o, entry)
			if !fits {
				return nil, false
			}
			if !matched {
				continue
			}
			if x.chosen+len(selected) == mostSelected {
				x.failTooMany(o, mostSelected, "secrets, with those that are left out")
				return nil, false
			}
			selected = append(selected, o.At(strings.Clone(entry), strings.Clone(below)))
		}
	}
	slices.SortFunc(selected, func(a, b class.Object) int { return strings.Compare(a.SecretPath, b.SecretPath) })
	return selected, true
}

// matches reports whether find selects a secret, and returns its path below that of find. fits is
// false if the patterns took too many steps.
func (x *expansion) matches(o class.Object, entry string) (below string, matched, fits bool) {
	if x.matched += o.Find.Cost(entry); x.matched > mostMatched {
		x.fail(o, &okms.Error{Kind: failure.TooLarge,
			Text: "the patterns of find take too many steps for so many secrets; use a longer path, or a simpler regexp"})
		return "", false, false
	}
	below, matched = o.Find.Matches(entry)
	return below, matched && x.plan.RouteOf(o).Allows(entry), true
}
