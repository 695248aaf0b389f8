// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
)

// Times of the contract, and how long a failure may have an effect on later reads of the same
// credential: the circuit breaker is open for ten seconds at most, and OKMS may ask for a pause
// of thirty.
const (
	mountTime = 45 * time.Second
	settled   = 90 * time.Second // the time for which a value is fresh, if --cache-ttl is not shorter
	effect    = 42 * time.Second
	prompt    = 3 * time.Second // of a mount that meets no trouble
)

// finalCodes are the only codes that a mount may have.
var finalCodes = []codes.Code{codes.OK, codes.InvalidArgument, codes.Unauthenticated, codes.PermissionDenied,
	codes.NotFound, codes.FailedPrecondition, codes.Internal}

// model says which answers a mount may get. It knows what the stores answered to whom and when,
// what users and operator have written, and the contract; it knows nothing of the provider.
type model struct {
	*world
	answers  map[holder][]*Request // of reads, by who got them
	refusals map[string][]*Request // by credential
	wanted   map[reading][]*Mount  // the mounts that wanted a read
	users    map[string][]*Mount   // the mounts that might use a credential
	strings  map[string]string     // the content of a file, by its name and version
	sources  map[string]string     // the version of a file, by where its content is from
	known    map[holder]*Request   // what a connection with a fallback gave last
	renewals map[*Mount]time.Duration
}

// holder is a secret as a daemon reads it with a credential.
type holder struct {
	daemon            int
	store, cred, path string
}

// reading is a read that may be shared.
type reading struct {
	holder
	version int
}

// source is where a mount may get a secret from.
type source struct {
	store, cred string
	stale       time.Duration
	first       *source // of a fallback: the one that must be in trouble
	backed      bool    // it has a fallback
}

func (w *world) judge() {
	m := &model{world: w, answers: map[holder][]*Request{}, refusals: map[string][]*Request{},
		wanted: map[reading][]*Mount{}, users: map[string][]*Mount{},
		strings: map[string]string{}, sources: map[string]string{}, known: map[holder]*Request{},
		renewals: map[*Mount]time.Duration{}}
	m.notes()
	for _, q := range w.Requests {
		if q.Op == "read" {
			h := holder{q.Daemon, q.Store, q.Cred, q.Ref.path}
			m.answers[h] = append(m.answers[h], q)
		}
		if q.refuses() {
			m.refusals[q.Cred] = append(m.refusals[q.Cred], q)
		}
	}
	for _, x := range w.Mounts {
		m.wants(x)
	}
	byEnd := slices.Clone(w.Mounts)
	slices.SortStableFunc(byEnd, func(a, b *Mount) int { return int(a.End - b.End) })
	for _, x := range byEnd {
		m.mount(x)
	}
	m.asked()
	if waited := len(w.Mounts); w.Audited != waited {
		m.violate(w.now(), "audit", "%d mounts have %d lines in the log", waited, w.Audited)
	}
	slices.SortStableFunc(w.Violations, func(a, b Violation) int { return int(a.At - b.At) })
}

func (m *model) fail(x *Mount, rule, format string, args ...any) {
	m.violate(x.End, rule, "mount %d of pod %s/%s: %s", x.N, x.Pod.namespace, x.Pod.name, fmt.Sprintf(format, args...))
}

// wants notes what a mount may read.
func (m *model) wants(x *Mount) {
	from, refused := m.plan(x)
	if refused != codes.OK {
		return
	}
	for _, r := range x.Class.refs() {
		for _, s := range from(r) {
			key := reading{holder{x.Daemon.n, s.store, s.cred, r.path}, r.version}
			m.wanted[key] = append(m.wanted[key], x)
			m.users[s.cred] = append(m.users[s.cred], x)
		}
	}
}

// mount judges one mount.
func (m *model) mount(x *Mount) {
	from, refused := m.plan(x)
	if x.Left {
		return // nobody got an answer
	}
	switch took := x.End - x.Start; {
	case !slices.Contains(finalCodes, x.Code):
		m.fail(x, "code", "the code is %s", x.Code)
	case took > mountTime:
		m.fail(x, "in time", "it took %s", took)
	case took > prompt && !m.pressed(x) && refused == codes.OK && !m.heldUp(x, from):
		m.fail(x, "prompt", "it took %s, and nothing of its own was in trouble", took)
	}
	if strings.Contains(x.Message, planted) {
		m.fail(x, "leak", "its message has something planted: %s", x.Message)
	}
	switch {
	case refused != codes.OK && x.Code == codes.Internal && m.pressed(x): // it did not come to that
	case refused != codes.OK && x.Code != refused:
		m.fail(x, "right", "the code is %s, and must be %s", x.Code, refused)
	case refused != codes.OK:
	case x.Code == codes.OK:
		m.success(x, from)
	default:
		m.failure(x, from)
	}
	if x.Code != codes.OK && len(x.Files)+len(x.Versions) > 0 {
		m.fail(x, "all or nothing", "it failed and has files")
	}
}

// refs returns the distinct reads of a class.
func (c Class) refs() (all []ref) {
	for _, o := range c.Objects {
		for _, r := range o.reads() {
			if !slices.Contains(all, r) {
				all = append(all, r)
			}
		}
	}
	return all
}

// plan returns where a mount may read, or the code with which it must be refused. One that waited for
// memory may come to its turn after the operator's changes, and is judged by one of the states in between.
func (m *model) plan(x *Mount) (from func(ref) []source, refused codes.Code) {
	from, refused = m.planIn(x.View, x)
	if !m.pressed(x) {
		return from, refused
	}
	for _, v := range x.Later {
		switch also, no := m.planIn(v, x); {
		case no == x.Code && no != codes.OK:
			return nil, no
		case no != codes.OK:
		case refused != codes.OK && refused != x.Code:
			from, refused = also, codes.OK
		case refused == codes.OK:
			before := from
			from = func(r ref) []source { return append(slices.Clone(before(r)), also(r)...) }
		}
	}
	return from, refused
}

// planIn is plan in a state of what the operator has written.
func (m *model) planIn(v view, x *Mount) (from func(ref) []source, refused codes.Code) {
	if x.Class.Invalid {
		return nil, codes.InvalidArgument
	}
	name, over := connectionOf(x.Class)
	if !over {
		if !usable(x.Cred) {
			return nil, codes.Unauthenticated
		}
		own := source{store: x.Class.Place, cred: x.Cred, stale: m.Stale}
		return func(ref) []source { return []source{own} }, codes.OK
	}
	first, known := v.connections[name]
	for _, path := range append([]string{""}, x.Class.paths()...) {
		if !known || !first.allows(x.Pod.namespace, x.Pod.account, path) {
			return nil, codes.PermissionDenied
		}
	}
	if v.credentials[name] == "" {
		return nil, codes.Unauthenticated
	}
	second, has := v.connections[first.fallback]
	cred := v.credentials[first.fallback]
	return func(r ref) []source {
		all := []source{m.sourceOf(first, v.credentials[name])}
		if has && cred != "" && r.version == 0 && second.allows(x.Pod.namespace, x.Pod.account, r.path) {
			all = append(all, m.sourceOf(second, cred))
			all[0].backed, all[1].first = true, &all[0]
		}
		return all
	}, codes.OK
}

func (m *model) sourceOf(c connection, cred string) source {
	s := source{store: c.store, cred: cred, stale: m.Stale}
	if c.stale > 0 {
		s.stale = c.stale
	}
	return s
}

func (c Class) paths() (all []string) {
	for _, r := range c.refs() {
		all = append(all, r.path)
	}
	return all
}

// mayGive returns why a mount may not get a value from a source, "" if it may.
func (m *model) mayGive(x *Mount, r ref, s source, a *Request) string {
	fits := a.Ref == r || r.version != 0 && a.Version == r.version
	switch {
	case !a.ok() || a.Ended > x.End:
		return "had not been read"
	case a.Daemon != x.Daemon.n:
		return "was read by another daemon"
	case a.Cred != s.cred:
		return "was read by another credential, " + a.Cred
	case a.Store != s.store || a.Ref.path != r.path || !fits:
		return fmt.Sprintf("is %s of %s", a.Ref, a.Store)
	}
	for _, b := range m.answers[holder{a.Daemon, a.Store, a.Cred, a.Ref.path}] {
		if b.ok() && b.Ref == a.Ref && b.Decided > a.Decided && b.Ended < x.Start {
			return fmt.Sprintf("was replaced at %s", b.Ended)
		}
	}
	for _, no := range m.refusals[a.Cred] {
		if no.Daemon == a.Daemon && no.speaksAgainst(a) && a.Decided < no.Decided && no.Ended < x.Start {
			return fmt.Sprintf("was refused at %s", no.Ended)
		}
	}
	if s.first != nil && !m.troubled(x, *s.first, passing) && !m.crowded(x) {
		return "is of the fallback, and the connection itself was in no trouble"
	}
	if a.Ended >= x.Start {
		return ""
	}
	var young, alive bool
	for _, now := range []time.Duration{x.NodeStart, x.NodeEnd} {
		age := now - a.Node
		young = young || age >= 0 && age < m.lasts(x)
		alive = alive || age >= 0 && age <= s.stale
	}
	switch {
	case young:
		return ""
	case !alive:
		return fmt.Sprintf("is %s old", x.NodeStart-a.Node)
	case !m.troubled(x, s, passing) && !m.crowded(x):
		return fmt.Sprintf("is %s old, and the store was in no trouble", x.NodeStart-a.Node)
	}
	return ""
}

// trouble kinds: any, or only those after which a stale value or the fallback may serve, since
// the store could not be asked.
const (
	anyTrouble = iota
	passing
)

// troubled reports whether a source was in trouble for a credential while a mount lasted, or so
// shortly before that it has an effect.
func (m *model) troubled(x *Mount, s source, kind int) bool {
	from := x.Start - effect
	hosts := []string{m.stores[s.store].host}
	if strings.HasPrefix(s.cred, "cli-") {
		hosts = append(hosts, m.stores["login"].host)
	}
	away := time.Duration(-1) // when a connection failed last
	for _, t := range m.Troubles {
		if !slices.Contains(hosts, t.Host) || t.At > x.End {
			continue
		}
		if t.At >= from {
			return true
		}
		away = max(away, t.At)
	}
	last, open, renewing, tried := false, away >= 0, false, false
	for _, q := range m.Requests {
		if q.Cred != s.cred || q.Daemon != x.Daemon.n || q.Store != s.store && q.Store != "login" || q.Arrived > x.End {
			continue
		}
		trouble := q.Fault != "" && (kind == anyTrouble || q.passes())
		tried = tried || q.Ended == 0 || q.Ended >= x.Start
		switch {
		case trouble && (q.Ended == 0 || q.Ended >= from):
			return true
		case q.Ended < x.Start:
			renewing = (last || renewing) && !trouble && q.renews()
			last, open = trouble, open && q.Ended <= away
		}
	}
	// No answer has come since the last trouble: the circuit breaker is open. If that was no answer but a connection
	// that failed, the first mount tries and must succeed, and the reads of others fail at once meanwhile. So they do
	// while it has an access token refused and gets another.
	return last || (open || renewing) && tried
}

// renews reports whether the read that a request belongs to is not over with it: the access token is new, or is
// refused and replaced.
func (q *Request) renews() bool {
	return strings.HasPrefix(q.Cred, "cli-") && (q.Op == "token" || q.Status == 401)
}

// passes reports whether what broke an answer says that the store could not be asked. A page in
// place of a value does not: it is an answer that OKMS does not send. In place of a token it does
// (token_failing): without a token OKMS is not asked.
func (q *Request) passes() bool {
	return q.Store == "login" || q.Fault != "page:200" && q.Fault != "page:302"
}

// pressed reports whether others held the daemon's memory while a mount lasted.
func (m *model) pressed(x *Mount) bool {
	return slices.ContainsFunc(m.Pressures, func(p Pressure) bool {
		return p.Daemon == x.Daemon.n && p.From <= x.End && p.To >= x.Start
	})
}

// heldUp reports whether a mount may take its time: what it reads was in trouble, or so much else
// that no place was left for it.
func (m *model) heldUp(x *Mount, from func(ref) []source) bool {
	for _, r := range x.Class.refs() {
		for _, s := range from(r) {
			if m.troubled(x, s, anyTrouble) {
				return true
			}
		}
	}
	return m.crowded(x)
}

// crowded reports whether hanging reads of a mount's own namespace, or of several others, may have
// held all places while it lasted.
func (m *model) crowded(x *Mount) bool {
	hole := slices.ContainsFunc(m.Troubles,
		func(t Trouble) bool { return t.Hole && t.At >= x.Start-mountTime && t.At <= x.End })
	if hole && m.Reads < 16 {
		return true // who waits there is not known
	}
	others := map[string]bool{}
	for _, q := range m.Requests {
		if q.Fault == "" || q.Arrived > x.End || q.Ended < x.Start {
			continue
		}
		for _, y := range m.users[q.Cred] {
			if y.Start <= q.Arrived && q.Arrived <= y.End {
				others[y.Pod.namespace] = true
			}
		}
	}
	return others[x.Pod.namespace] || len(others) > 1
}

// option is a way to make the files of one read: from an answer, or without one.
type option struct {
	answer *Request // nil: the secret does not exist
	from   source
	files  map[string]File
	absent []string // the objects that have no file, by their files; empty for a folder
}

// success judges the files of a mount that succeeded.
func (m *model) success(x *Mount, from func(ref) []source) {
	total, absent := 0, 0
	for _, r := range x.Class.refs() {
		var best []option // those that make the most files
		for _, o := range m.options(x, r, from(r)) {
			switch {
			case !x.has(o.files) || len(best) > 0 && len(o.files) < len(best[0].files):
			case len(best) > 0 && len(o.files) == len(best[0].files):
				best = append(best, o)
			default:
				best = []option{o}
			}
		}
		if len(best) == 0 {
			m.fail(x, "value", "what it has of %s %s", r, m.whyNot(x, r, from(r)))
			return
		}
		total += len(best[0].files)
		absent += len(best[0].absent)
		m.versions(x, best)
	}
	switch {
	case total != len(x.Files):
		m.fail(x, "all or nothing", "it has %d files, and must have %d", len(x.Files), total)
	case x.Entries != len(x.Versions) || x.Entries != total+absent:
		m.fail(x, "versions", "its list has %d entries, %d of them different, for %d files and %d absent objects",
			x.Entries, len(x.Versions), total, absent)
	}
}

// has reports whether a mount has these files.
func (x *Mount) has(files map[string]File) bool {
	for name, f := range files {
		if x.Files[name] != f {
			return false
		}
	}
	return true
}

// options returns all ways to make the files of a read that a mount may get.
func (m *model) options(x *Mount, r ref, from []source) (all []option) {
	for _, s := range from {
		for _, a := range m.answers[holder{x.Daemon.n, s.store, s.cred, r.path}] {
			if a.Ended > x.End || m.mayGive(x, r, s, a) != "" {
				if !a.isAbsent() || !a.during(x) || a.Ref != r {
					continue
				}
			}
			if one, err := x.Class.make(r, a); err == nil {
				one.from = s
				all = append(all, one)
			}
		}
	}
	return all
}

// make makes the files of all objects of a read from an answer.
func (c Class) make(r ref, a *Request) (one option, err error) {
	one = option{answer: a, files: map[string]File{}}
	var named []string
	for _, o := range c.Objects {
		if o.Key != "" && o.Key != "*" && o.reads()[0] == r {
			named = append(named, o.Key)
		}
	}
	for _, o := range c.Objects {
		if o.reads()[0] != r {
			continue
		}
		files, err := o.files(a.Data, named)
		if a.Data == nil {
			files, err = nil, errNoKey
		}
		switch {
		case err == errNoKey && o.Optional:
			if o.Key == "*" {
				o.File = ""
			}
			one.absent = append(one.absent, o.File)
		case err != nil:
			return one, err
		}
		for name, content := range files {
			one.files[name] = File{string(content), int32(o.mode())}
		}
	}
	if a.Data == nil {
		one.answer = nil
	}
	return one, nil
}

// during reports whether an answer came while a mount lasted.
func (q *Request) during(x *Mount) bool {
	return q.Answered && q.Daemon == x.Daemon.n && q.Ended >= x.Start && q.Ended <= x.End
}

// whyNot explains where the files of a read are from, which the mount may not have.
func (m *model) whyNot(x *Mount, r ref, from []source) string {
	why := "was sent by no store"
	for _, q := range m.Requests {
		if q.Data == nil {
			continue
		}
		one, err := x.Class.make(r, q)
		if err != nil || len(one.files) == 0 || !x.has(one.files) {
			continue
		}
		for _, s := range from {
			why = m.mayGive(x, r, s, q)
			if q.Daemon == x.Daemon.n && q.Cred == s.cred && q.Store == s.store {
				return why
			}
		}
	}
	return why
}

// failure judges a mount that failed: something must have happened that the code is about.
func (m *model) failure(x *Mount, from func(ref) []source) {
	if x.Code == codes.Internal {
		m.internal(x, from)
		return
	}
	for _, r := range x.Class.refs() {
		for _, s := range from(r) {
			for _, q := range m.refusals[s.cred] {
				about := q.Op == "token" || q.Store == s.store && q.Ref == r
				if about && q.during(x) && q.means() == x.Code {
					return
				}
			}
			for _, a := range m.answers[holder{x.Daemon.n, s.store, s.cred, r.path}] {
				if m.mayGive(x, r, s, a) != "" {
					continue
				}
				switch _, err := x.Class.make(r, a); {
				case err == errNoKey && x.Code == codes.NotFound, err == errUnusable && x.Code == codes.FailedPrecondition:
					return
				}
			}
		}
	}
	if x.Code == codes.Unauthenticated && (m.strangeCertificate(x, from) || m.untimelyCertificate(x, from)) {
		return
	}
	m.fail(x, "without a cause", "the code is %s, and nothing that it was told says that: %s", x.Code, x.Message)
}

// strangeCertificate reports whether a mount shows a client certificate to a host that does not know
// who issued it: TLS refuses it.
func (m *model) strangeCertificate(x *Mount, from func(ref) []source) bool {
	return slices.ContainsFunc(x.Class.refs(), func(r ref) bool {
		return slices.ContainsFunc(from(r), func(s source) bool {
			return strings.HasPrefix(s.cred, "crt-") && m.stores[s.store].host != m.stores["par"].host
		})
	})
}

// untimelyCertificate reports whether a mount has a client certificate, and the clock has jumped: it may be
// before the certificate's time, or after it.
func (m *model) untimelyCertificate(x *Mount, from func(ref) []source) bool {
	return len(m.Jumps) > 0 && slices.ContainsFunc(x.Class.refs(), func(r ref) bool {
		return slices.ContainsFunc(from(r), func(s source) bool { return strings.HasPrefix(s.cred, "crt-") })
	})
}

// internal judges a mount that failed since something could not be asked.
func (m *model) internal(x *Mount, from func(ref) []source) {
	if m.pressed(x) {
		return
	}
	cause, stale, fallback := m.crowded(x), len(m.Jumps) == 0 && m.Cache == 0 && len(m.Pressures) == 0, true
	for _, r := range x.Class.refs() {
		all := from(r)
		for _, s := range all {
			cause = cause || m.troubled(x, s, anyTrouble)
		}
		stale = stale && m.mustServe(x, r, all[0])
		fallback = fallback && len(all) == 2 && m.untouched(x, r, all[1]) && !m.unreadable(x, all[0])
	}
	switch {
	case !cause:
		m.fail(x, "without a cause", "the code is %s, and nothing was in trouble: %s", x.Code, x.Message)
	case stale:
		m.fail(x, "stale", "the store could not be asked, and values were young enough to serve: %s", x.Message)
	case fallback:
		m.fail(x, "fallback", "the connection could not be asked, and its fallback could: %s", x.Message)
	}
}

// mustServe reports whether a stale value of a source must have been there for a mount.
func (m *model) mustServe(x *Mount, r ref, s source) bool {
	if m.unreadable(x, s) {
		return false
	}
	for _, a := range m.answers[holder{x.Daemon.n, s.store, s.cred, r.path}] {
		kept := a.ok() && a.Ref == r && a.Ended < x.Start && a.Ended+s.stale > x.End+time.Second
		if !kept || slices.ContainsFunc(m.Reloads, func(at time.Duration) bool { return at >= a.Arrived-mountTime }) {
			continue
		}
		if !slices.ContainsFunc(m.refusals[s.cred], func(no *Request) bool { return no.Ended >= a.Arrived }) {
			return true
		}
	}
	return false
}

// unreadable reports whether a source sent something to a mount that is not OKMS's, and that is no
// outage.
func (m *model) unreadable(x *Mount, s source) bool {
	return slices.ContainsFunc(m.Requests, func(q *Request) bool {
		return q.Fault != "" && !q.passes() && q.Cred == s.cred && q.Ended >= x.Start-effect && q.Arrived <= x.End
	})
}

// untouched reports whether a source had no trouble, also not for others, whose reads may have had all its places,
// and refused nothing to a mount.
func (m *model) untouched(x *Mount, r ref, s source) bool {
	return !m.troubled(x, s, anyTrouble) &&
		!slices.ContainsFunc(m.Requests, func(q *Request) bool {
			return q.Daemon == x.Daemon.n && q.Store == s.store && q.Fault != "" && q.Arrived <= x.End &&
				(q.Ended == 0 || q.Ended >= x.Start)
		}) &&
		!slices.ContainsFunc(m.refusals[s.cred], func(no *Request) bool { return no.during(x) })
}

// versions judges the versions of the files of a read. Several answers may have given the same
// bytes: the versions must fit one of them.
func (m *model) versions(x *Mount, options []option) {
	first := ""
	for _, one := range options {
		why := m.wrongVersion(x, one)
		if why == "" {
			m.remember(x, one)
			return
		}
		if first == "" {
			first = why
		}
	}
	m.fail(x, "versions", "%s", first)
}

// wrongVersion returns what is wrong with the versions of files that are from an answer, "" if
// nothing is: the same source has the same version, other bytes have another one.
func (m *model) wrongVersion(x *Mount, one option) string {
	for _, name := range one.absent {
		if name != "" && x.Versions[name] != "absent" {
			return fmt.Sprintf("the absent object %s has the version %q", name, x.Versions[name])
		}
	}
	for name, f := range one.files {
		version, is := x.Versions[name]
		if !is {
			return fmt.Sprintf("the file %s has none", name)
		}
		if one.from.first == nil && strings.Contains(version, "@") {
			return fmt.Sprintf("the version %s of the file %s says that it is of the fallback", version, name)
		}
		if before, is := m.strings[name+" "+version]; is && before != f.Text {
			return fmt.Sprintf("the version %s of the file %s has other bytes than before", version, name)
		}
		source := m.sourceOfFile(x, one, name, version)
		if before, is := m.sources[source]; is && before != version {
			return fmt.Sprintf("the version of the file %s was %s and is %s, and its bytes could not change", name,
				before, version)
		}
	}
	return ""
}

// remember keeps the versions of files, and what a connection gave that has a fallback.
func (m *model) remember(x *Mount, one option) {
	for name, f := range one.files {
		m.strings[name+" "+x.Versions[name]] = f.Text
		if source := m.sourceOfFile(x, one, name, x.Versions[name]); source != "" {
			m.sources[source] = x.Versions[name]
		}
	}
	if one.answer == nil || !one.from.backed {
		return
	}
	m.known[holder{x.Daemon.n, one.from.store, one.from.cred, one.answer.Ref.path}] = one.answer
}

// sourceOfFile names where the bytes of a file are from, "" if the version may be that of another
// source that the model does not know.
func (m *model) sourceOfFile(x *Mount, one option, name, version string) string {
	a := one.answer
	if f := one.from.first; f != nil {
		first := m.known[holder{x.Daemon.n, f.store, f.cred, a.Ref.path}]
		switch {
		case first != nil && first.Ended >= x.Start && strings.Contains(version, "@"):
			name += "@" // the fallback may have been read before the connection itself gave this
		case first != nil && bytes.Equal(first.Data, a.Data) && m.isLast(x, first):
			a = first // the bytes are those of the connection itself
		case !strings.Contains(version, "@"):
			return "" // it may be that of the connection itself
		default:
			name += "@"
		}
	}
	return fmt.Sprint(x.Class.objectOf(strings.TrimSuffix(name, "@")), name, a.Store, a.Ref.path, a.Version, a.Created)
}

// objectOf returns how an object makes a file: its key and encoding.
func (c Class) objectOf(name string) string {
	for _, o := range c.Objects {
		if o.File == name {
			return o.Key + "!" + o.Encoding
		}
	}
	return "*"
}

// isLast reports whether an answer is the last value that a source gave to a daemon before a mount
// ended.
func (m *model) isLast(x *Mount, a *Request) bool {
	for _, other := range m.answers[holder{a.Daemon, a.Store, a.Cred, a.Ref.path}] {
		if other.ok() && other.Ended > a.Ended && other.Ended <= x.End {
			return false
		}
	}
	return true
}
