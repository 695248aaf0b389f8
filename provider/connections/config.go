package connections

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/rules"
	"ovhcloud-csi-provider/provider/strictmap"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// spec is a connection as it is in the file, without its credential.
type spec struct {
	name  string
	place place.Domain
	// dir is the folder with the credential's files.
	dir string
	outage
	rules []rules.Rule
	// text is the rules as they stand there, to see whether they changed.
	text string
}

// outage is what a connection does if its domain is unreachable or fails.
type outage struct {
	// maxStale is the connection's own, if hasMaxStale.
	maxStale    time.Duration
	hasMaxStale bool
	// fallback is the name of the connection that is asked then; "" for none.
	fallback string
}

// Limits of the file. Each connection is also a label of metrics.
const (
	maxConfig      = 1 << 20
	maxConnections = 200
)

// Problem is one mistake in the file of connections. Line counts from 1; 0 means the file
// as a whole.
type Problem struct {
	Line int
	Text string
	// missing is the field that is not there at all, if that is the problem.
	missing string
}

// Problems is every mistake in the file, in the order of its lines.
type Problems []Problem

// Error returns all problems on one line.
func (p Problems) Error() string {
	texts := make([]string, len(p))
	for i, one := range p {
		texts[i] = one.Text
		if one.Line > 0 {
			texts[i] = fmt.Sprintf("line %d: %s", one.Line, one.Text)
		}
	}
	return strings.Join(texts, "; ")
}

// reader reads the file and collects its mistakes.
type reader struct {
	cacheTTL time.Duration
	problems Problems
	misspelt []string // what unknown fields may have been meant to be
	// fallbacks are the nodes that name one, by the connection that does.
	fallbacks map[string]*yamlnode.Node
}

func (r *reader) wrong(n *yamlnode.Node, where, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if where != "" {
		text = where + ": " + text
	}
	r.problems = append(r.problems, Problem{Line: n.Line, Text: text})
}

// field adds a mistake in a field.
func (r *reader) field(n *yamlnode.Node, where string, err error) {
	r.wrong(n, where, "%s", err)
	if errors.Is(err, message.ErrMissing) {
		r.problems[len(r.problems)-1].missing = where
	}
}

// parseConfig reads the file of connections for a provider with a --cache-ttl. The error is
// Problems.
func parseConfig(text string, cacheTTL time.Duration) (map[string]spec, error) {
	whole := func(format string, args ...any) error { return Problems{{Text: fmt.Sprintf(format, args...)}} }
	if len(text) > maxConfig {
		return nil, whole("is %d bytes long; at most %d are read", len(text), maxConfig)
	}
	root, err := yamlnode.Document(text)
	if errors.Is(err, yamlnode.ErrEmpty) {
		return nil, whole("is empty; want connections: {…}")
	} else if err != nil {
		return nil, append(Problems{{Text: err.Error()}}, cut(text)...)
	}
	r := reader{cacheTTL: cacheTTL, fallbacks: map[string]*yamlnode.Node{}}
	specs := map[string]spec{}
	fields := r.fields(root, "", []string{"connections"})
	if connections := fields["connections"]; connections != nil {
		for name, n := range r.fields(connections, "connections", nil) {
			specs[name] = r.connection(name, n)
		}
		r.checkFallbacks(specs)
		if len(specs) > maxConnections {
			r.wrong(connections, "connections", "there are %d; at most %d are read", len(specs), maxConnections)
		}
	} else if len(r.problems) == 0 {
		r.field(root, "connections", message.ErrMissing)
	}
	if r.problems = append(cut(text), r.problems...); len(r.problems) > 0 {
		r.problems = slices.DeleteFunc(r.problems, func(p Problem) bool { // what was only misspelt is not missing
			return p.missing != "" && slices.Contains(r.misspelt, p.missing)
		})
		slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
		return nil, r.problems
	}
	return specs, nil
}

// cut returns the problem of a file whose last line has no end. A file that is cut within a
// line can be valid YAML and allow more: of the last line "- prod/**/public" remains "-
// prod/**". A cut between two lines only removes whole rules.
func cut(text string) Problems {
	if strings.HasSuffix(text, "\n") {
		return nil
	}
	return Problems{{Text: "does not end in a line break, so it may have been cut; " +
		"write the whole file again, with a line break at its end"}}
}

var connectionName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// fields returns the values of a map by name. Names must be among valid; without valid
// names they are those of connections.
func (r *reader) fields(n *yamlnode.Node, where string, valid []string) map[string]*yamlnode.Node {
	all := map[string]*yamlnode.Node{}
	if !yamlnode.IsMap(n) {
		r.wrong(n, where, "is %s, not a map", yamlnode.Describe(n))
		return all
	}
	taken := strictmap.Names(n)
	strictmap.Map{
		Unknown: func(key *yamlnode.Node) string {
			switch {
			case valid == nil && !connectionName.MatchString(key.Value):
				return "is no name for a connection; want lower case letters, digits and -, at most 63"
			case valid != nil && !slices.Contains(valid, key.Value):
				return r.unknown(key, where, valid, taken)
			}
			return ""
		},
		Wrong: func(key *yamlnode.Node, name, what string) {
			r.wrong(key, strings.Trim(where+"."+name, "."), "%s", what)
		},
	}.Each(n, func(key, value *yamlnode.Node) { all[key.Value] = value })
	return all
}

// unknown returns what to do about an unknown field, and notes which one is meant.
func (r *reader) unknown(key *yamlnode.Node, where string, valid []string, taken map[string]bool) string {
	advice, meant := adviseOn(key.Value, valid, taken)
	if key.Value == fieldOfChart {
		meant, advice = fieldDir, "it belongs in the Helm chart's values; this file has "+fieldDir+
			" in its place. The file that the chart makes of them is in its ConfigMap (ovhcsi connections --help)"
	}
	r.misspelt = append(r.misspelt, strings.TrimPrefix(where+"."+meant, "."))
	if meant == place.FieldEndpoint { // which is given in place of a region
		r.misspelt = append(r.misspelt, where+"."+place.FieldRegion)
	}
	return "unknown field; " + advice
}

const (
	fieldDir      = "credentialsDir"
	fieldAllow    = "allow"
	fieldMaxStale = "maxStale"
	fieldFallback = "fallback"
	// What stands for credentialsDir in the values of the chart: people check those.
	fieldOfChart = "existingSecret"
)

// stated is a connection as it is in the file.
type stated struct {
	node  *yamlnode.Node
	where string // such as connections.default
	// fields are the nodes of its fields by name, and texts what they say. A field
	// whose value is no text says "".
	fields map[string]*yamlnode.Node
	texts  map[string]string
}

// at returns the node of a field, or that of the connection if the field is not given.
func (s stated) at(field string) *yamlnode.Node {
	if n := s.fields[field]; n != nil {
		return n
	}
	return s.node
}

func (r *reader) connection(name string, n *yamlnode.Node) spec {
	from := stated{node: n, where: "connections." + name, texts: map[string]string{}}
	from.fields = r.fields(n, from.where, append(place.Fields(), fieldDir, fieldMaxStale, fieldFallback, fieldAllow))
	s := spec{name: name}
	if !yamlnode.IsMap(n) {
		return s
	}
	for _, field := range slices.Sorted(maps.Keys(from.fields)) {
		if field == fieldAllow {
			continue
		}
		text, err := yamlnode.Scalar(from.fields[field])
		if err != nil {
			r.field(from.fields[field], from.where+"."+field, err)
		}
		from.texts[field] = text
	}
	s.place = r.place(from)
	s.dir = r.dir(from)
	s.outage = r.outage(name, from)
	if allow := from.fields[fieldAllow]; allow != nil {
		s.rules = r.rules(allow, from.where+"."+fieldAllow)
		s.text = fmt.Sprint(s.rules)
	} else {
		r.field(n, from.where+"."+fieldAllow, message.Missing("nothing is allowed but what stands there, so nobody could use the connection"))
	}
	return s
}

// place reads where the domain is. If one of its fields is not a text, which is a mistake
// already, the others cannot be judged.
func (r *reader) place(s stated) place.Domain {
	for _, field := range place.Fields() {
		if s.fields[field] != nil && s.texts[field] == "" {
			return place.Domain{}
		}
	}
	p := place.Parse(s.texts, place.MaxBundleOfConnection, func(field string, err error) { r.field(s.at(field), s.where+"."+field, err) })
	if err := p.CheckScheme(); err != nil {
		r.field(s.at(place.FieldEndpoint), s.where+"."+place.FieldEndpoint, err)
	}
	return p
}

// dir reads where the credential is.
func (r *reader) dir(s stated) string {
	dir := s.texts[fieldDir]
	switch {
	case s.fields[fieldDir] == nil:
		r.field(s.node, s.where+"."+fieldDir, message.Missing("it is the folder with the files of the credential"))
	case dir != "" && (!filepath.IsAbs(dir) || filepath.Clean(dir) != dir):
		r.wrong(s.fields[fieldDir], s.where+"."+fieldDir, "%s is not an absolute path without detours", message.Quote(dir))
	}
	return dir
}

// outage reads what is done if the domain is unreachable.
func (r *reader) outage(name string, s stated) (o outage) {
	if text := s.texts[fieldMaxStale]; text != "" {
		var err error
		if o.maxStale, err = parseMaxStale(text, r.cacheTTL); err != nil {
			r.field(s.fields[fieldMaxStale], s.where+"."+fieldMaxStale, err)
		}
		o.hasMaxStale = true
	}
	if o.fallback = s.texts[fieldFallback]; o.fallback != "" {
		r.fallbacks[name] = s.fields[fieldFallback]
	}
	return o
}

// CheckCacheTTL returns an error for an invalid --cache-ttl, of the daemon and of ovhcsi.
func CheckCacheTTL(ttl time.Duration) error {
	if ttl < 0 || ttl > time.Hour {
		return fmt.Errorf("%s is not from 0 to 1h", ttl)
	}
	return nil
}

// longestStale is the greatest age of a stale secret.
const longestStale = 7 * 24 * time.Hour

// CheckMaxStale returns an error for an invalid --max-stale or maxStale.
func CheckMaxStale(stale, cacheTTL time.Duration) error {
	switch {
	case stale < 0 || stale > longestStale:
		return fmt.Errorf("%s is not from 0 to 168h", stale)
	case stale > 0 && stale <= cacheTTL:
		return fmt.Errorf("%s is not longer than --cache-ttl, which is %s", stale, cacheTTL)
	}
	return nil
}

func parseMaxStale(text string, cacheTTL time.Duration) (time.Duration, error) {
	stale, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%s is no duration, such as 30m or 24h; 0 serves nothing stale", message.Quote(text))
	}
	return stale, CheckMaxStale(stale, cacheTTL)
}

// checkFallbacks checks that each fallback is another connection and another domain. A
// fallback may have a fallback itself, which is not used then: two regions may be each
// other's fallback.
func (r *reader) checkFallbacks(specs map[string]spec) {
	for name, n := range r.fallbacks {
		where := "connections." + name + "." + fieldFallback
		of := specs[name]
		to, known := specs[of.fallback]
		switch {
		case of.fallback == name:
			r.wrong(n, where, "is the connection itself; name one of another domain")
		case !known:
			r.wrong(n, where, "there is no connection %s; %s", message.Quote(of.fallback), suggestFallback(of, specs))
		case sameDomain(to, of):
			r.wrong(n, where, "connection %s is of the same domain (%s, okmsId %s), which fails when this one does", message.Quote(of.fallback), to.place.Endpoint, to.place.ID)
		}
	}
}

// sameDomain reports whether two connections certainly have the same domain.
func sameDomain(a, b spec) bool {
	return a.place.Endpoint == b.place.Endpoint && a.place.ID == b.place.ID && a.place.ID != ""
}

// suggestFallback suggests a fallback for a connection that names one which does not exist:
// only a connection of another domain can be one.
func suggestFallback(of spec, specs map[string]spec) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		if name != of.name && !sameDomain(specs[name], of) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "no connection of this file is of another domain; add one, or drop fallback"
	}
	return nearest.Suggestion(of.fallback, names)
}

// rules reads the list of rules. A rule that is given twice is probably a copy that was not
// changed.
func (r *reader) rules(n *yamlnode.Node, where string) []rules.Rule {
	var rules []rules.Rule
	if !yamlnode.IsList(n) {
		r.wrong(n, where, "is %s, not a list of rules", yamlnode.Describe(n))
		return nil
	}
	if len(n.Content) == 0 {
		r.wrong(n, where, "is an empty list, so nobody could use the connection")
	}
	lines := map[string]int{}
	for i, item := range n.Content {
		at := fmt.Sprintf("%s[%d]", where, i)
		before := len(r.problems)
		one := r.rule(item, at)
		if len(r.problems) > before {
			continue
		}
		text := fmt.Sprint(one)
		if line := lines[text]; line != 0 {
			r.wrong(item, at, "is the same rule as the one in line %d", line)
		}
		lines[text] = item.Line
		rules = append(rules, one)
	}
	return rules
}

func (r *reader) rule(n *yamlnode.Node, where string) rules.Rule {
	var one rules.Rule
	fields := r.fields(n, where, []string{"namespaces", "serviceAccounts", "paths"})
	if !yamlnode.IsMap(n) {
		return one
	}
	one.Namespaces = r.patterns(n, fields, where, "namespaces", "*", rules.CheckNamespace)
	one.Accounts = r.patterns(n, fields, where, "serviceAccounts", "*", rules.CheckAccount)
	r.patterns(n, fields, where, "paths", rules.AnySegments, func(text string) error {
		p, err := rules.ParsePattern(text)
		one.Paths = append(one.Paths, p)
		return err
	})
	return one
}

// patterns reads a list of patterns, which is required: some people would read a missing or
// empty list as "all", others as "none". every is the pattern that matches everything.
func (r *reader) patterns(rule *yamlnode.Node, fields map[string]*yamlnode.Node, where, name, every string, check func(string) error) []string {
	n := fields[name]
	at := where + "." + name
	switch {
	case n == nil:
		r.field(rule, at, message.Missing(fmt.Sprintf("[%q] stands for every one", every)))
		return nil
	case !yamlnode.IsList(n):
		r.wrong(n, at, "is %s, not a list", yamlnode.Describe(n))
		return nil
	case len(n.Content) == 0:
		r.wrong(n, at, "is an empty list, so the rule would allow nothing")
		return nil
	}
	var all []string
	for i, item := range n.Content {
		text, err := yamlnode.Scalar(item)
		if err == nil {
			err = check(text)
		}
		switch {
		case err != nil:
			r.wrong(item, fmt.Sprintf("%s[%d]", at, i), "%s", err)
		case slices.Contains(all, text):
			r.wrong(item, fmt.Sprintf("%s[%d]", at, i), "%s is given twice", message.Quote(text))
		default:
			all = append(all, text)
		}
	}
	return all
}
