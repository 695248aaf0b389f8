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

// spec is a connection of the file, without its credential.
type spec struct {
	name  string
	place place.Domain
	// dir is the folder with the credential's files.
	dir string
	outage
	rules []rules.Rule
	// text is the text of the rules, to detect changes.
	text string
}

// outage has the settings of a connection for the time when its domain is unreachable or fails.
type outage struct {
	// maxStale is the greatest age of a stale secret; it counts only if hasMaxStale is set.
	maxStale    time.Duration
	hasMaxStale bool
	// fallback is the name of the connection that is read instead; "" for none.
	fallback string
}

// Limits of the file in bytes and in connections. Each connection is a label value of metrics.
const (
	maxConfig      = 1 << 20
	maxConnections = 200
)

// Problem is an error in the file of connections. Line counts from 1; 0 means the whole file.
type Problem struct {
	Line int
	Text string
	// missing is the name of the field if the problem is that it is missing; else empty.
	missing string
}

// Problems are all errors of the file, in the order of its lines.
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

// reader parses the file and collects its problems.
type reader struct {
	cacheTTL time.Duration
	problems Problems
	misspelt []string // the valid fields that unknown ones were probably meant to be
	// fallbacks are the nodes of the field fallback, by the name of the connection that has it.
	fallbacks map[string]*yamlnode.Node
}

// wrong adds a problem at the line of n. where is the path of the field, empty for the file.
func (r *reader) wrong(n *yamlnode.Node, where, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if where != "" {
		text = where + ": " + text
	}
	r.problems = append(r.problems, Problem{Line: n.Line, Text: text})
}

// field adds the problem of a field, and remembers whether the field is missing.
func (r *reader) field(n *yamlnode.Node, where string, err error) {
	r.wrong(n, where, "%s", err)
	if errors.Is(err, message.ErrMissing) {
		r.problems[len(r.problems)-1].missing = where
	}
}

// parseConfig returns the connections of the file by name. cacheTTL is the --cache-ttl of the
// daemon. The error is Problems.
func parseConfig(text string, cacheTTL time.Duration) (map[string]spec, error) {
	whole := func(format string, args ...any) error { return Problems{{Text: fmt.Sprintf(format, args...)}} }
	if len(text) > maxConfig {
		return nil, whole("is %d bytes long; at most %d are read", len(text), maxConfig)
	}
	root, err := yamlnode.Document(text)
	if errors.Is(err, yamlnode.ErrEmpty) {
		return nil, whole("is empty; write connections: {…}")
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
		r.problems = slices.DeleteFunc(r.problems, func(p Problem) bool { // a misspelt field is not missing
			return p.missing != "" && slices.Contains(r.misspelt, p.missing)
		})
		slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
		return nil, r.problems
	}
	return specs, nil
}

// cut returns the problem of a file whose last line has no line break; nil if it has one. A file
// that is cut within a line can be valid YAML and allow more: "- prod/**/public" becomes
// "- prod/**". A cut between two lines only removes whole rules.
func cut(text string) Problems {
	if strings.HasSuffix(text, "\n") {
		return nil
	}
	return Problems{{Text: "does not end in a line break, so it may have been cut; " +
		"write the whole file again, with a line break at its end"}}
}

var connectionName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// fields returns the values of a map by name. A name must be in valid; if valid is nil, it must
// be a valid name of a connection.
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
				return "is not a valid name of a connection; use at most 63 lower case letters, digits and -"
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

// unknown returns the problem of an unknown field, with a cure, and notes which one is meant.
func (r *reader) unknown(key *yamlnode.Node, where string, valid []string, taken map[string]bool) string {
	advice, meant := adviseOn(key.Value, valid, taken)
	if key.Value == fieldOfChart {
		meant, advice = fieldDir, "it belongs in the Helm chart's values; write "+fieldDir+
			" here. The chart's ConfigMap has the file to check (ovhcsi connections --help)"
	}
	r.misspelt = append(r.misspelt, strings.TrimPrefix(where+"."+meant, "."))
	if meant == place.FieldEndpoint { // it replaces region
		r.misspelt = append(r.misspelt, where+"."+place.FieldRegion)
	}
	return "unknown field; " + advice
}

const (
	fieldDir      = "credentialsDir"
	fieldAllow    = "allow"
	fieldMaxStale = "maxStale"
	fieldFallback = "fallback"
	// fieldOfChart replaces credentialsDir in the values of the chart, which people check by
	// mistake.
	fieldOfChart = "existingSecret"
)

// stated is the unparsed form of a connection in the file.
type stated struct {
	node  *yamlnode.Node
	where string // such as connections.default
	// fields are the nodes of its fields by name. texts are their values; the text is "" if the
	// value is not a single text.
	fields map[string]*yamlnode.Node
	texts  map[string]string
}

// at returns the node of a field, and that of the connection if the field is missing.
func (s stated) at(field string) *yamlnode.Node {
	if n := s.fields[field]; n != nil {
		return n
	}
	return s.node
}

// connection returns the connection of a node. It is incomplete if it has problems.
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
		r.field(n, from.where+"."+fieldAllow, message.Missing("add at least one rule: without rules no pod may use the connection"))
	}
	return s
}

// place returns the domain of a connection. It returns the zero value if one of the fields is not
// a text: that is a problem already, and would make false problems of the other fields.
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

// dir returns the folder of the credential.
func (r *reader) dir(s stated) string {
	dir := s.texts[fieldDir]
	switch {
	case s.fields[fieldDir] == nil:
		r.field(s.node, s.where+"."+fieldDir, message.Missing("it is the folder with the files of the credential"))
	case dir != "" && (!filepath.IsAbs(dir) || filepath.Clean(dir) != dir):
		r.wrong(s.fields[fieldDir], s.where+"."+fieldDir, "%s is not a clean absolute path; "+
			"begin it with /, and drop . and .. segments and extra slashes", message.Quote(dir))
	}
	return dir
}

// outage returns the settings for an outage of the domain.
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

// CheckCacheTTL returns an error for an invalid --cache-ttl of the daemon or of the check.
func CheckCacheTTL(ttl time.Duration) error {
	if ttl < 0 || ttl > time.Hour {
		return fmt.Errorf("%s is not from 0 to 1h", ttl)
	}
	return nil
}

// longestStale is the upper limit of every maxStale.
const longestStale = 7 * 24 * time.Hour

// CheckMaxStale returns an error for an invalid --max-stale or field maxStale.
func CheckMaxStale(stale, cacheTTL time.Duration) error {
	switch {
	case stale < 0 || stale > longestStale:
		return fmt.Errorf("%s is not from 0 to 168h", stale)
	case stale > 0 && stale <= cacheTTL:
		return fmt.Errorf("%s is not longer than --cache-ttl, which is %s", stale, cacheTTL)
	}
	return nil
}

// parseMaxStale returns the duration of a field maxStale.
func parseMaxStale(text string, cacheTTL time.Duration) (time.Duration, error) {
	stale, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%s is not a duration, such as 30m or 24h; 0 serves nothing stale", message.Quote(text))
	}
	return stale, CheckMaxStale(stale, cacheTTL)
}

// checkFallbacks adds a problem for each fallback that is not another connection of another
// domain. A fallback may have a fallback of its own, which is not followed: two regions may be
// each other's fallback.
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
			r.wrong(n, where, "connection %s reads the same domain (%s, okmsId %s), which fails when this one does; "+
				"name one of another domain", message.Quote(of.fallback), to.place.Endpoint, to.place.ID)
		}
	}
}

// sameDomain reports whether two connections read the same domain. It is false if the okmsId is
// unknown.
func sameDomain(a, b spec) bool {
	return a.place.Endpoint == b.place.Endpoint && a.place.ID == b.place.ID && a.place.ID != ""
}

// suggestFallback returns the cure for a fallback that does not exist. It suggests only
// connections of another domain.
func suggestFallback(of spec, specs map[string]spec) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		if name != of.name && !sameDomain(specs[name], of) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "this file has no connection of another domain; add one, or drop fallback"
	}
	return nearest.Suggestion(of.fallback, names)
}

// rules returns the rules of a list. A duplicate is a problem: it was probably copied and never
// changed.
func (r *reader) rules(n *yamlnode.Node, where string) []rules.Rule {
	var rules []rules.Rule
	if !yamlnode.IsList(n) {
		r.wrong(n, where, "is %s, not a list of rules", yamlnode.Describe(n))
		return nil
	}
	if len(n.Content) == 0 {
		r.wrong(n, where, "is an empty list; add at least one rule: without rules no pod may use the connection")
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
			r.wrong(item, at, "is the same rule as in line %d; drop one of them", line)
		}
		lines[text] = item.Line
		rules = append(rules, one)
	}
	return rules
}

// rule returns the rule of a node. It is incomplete if it has problems.
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

// patterns returns the patterns of a list. A missing or empty list is a problem: some people read
// it as "all", others as "none". every is the pattern that matches everything, for the cure.
func (r *reader) patterns(rule *yamlnode.Node, fields map[string]*yamlnode.Node, where, name, every string, check func(string) error) []string {
	n := fields[name]
	at := where + "." + name
	switch {
	case n == nil:
		r.field(rule, at, message.Missing(fmt.Sprintf("write [%q] to match all", every)))
		return nil
	case !yamlnode.IsList(n):
		r.wrong(n, at, "is %s, not a list", yamlnode.Describe(n))
		return nil
	case len(n.Content) == 0:
		r.wrong(n, at, "is an empty list, so the rule allows nothing; add an entry, or drop the rule")
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
			r.wrong(item, fmt.Sprintf("%s[%d]", at, i), "%s is given twice; drop one of them", message.Quote(text))
		default:
			all = append(all, text)
		}
	}
	return all
}
