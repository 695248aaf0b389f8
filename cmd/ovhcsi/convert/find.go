// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// find adds the secrets of a folder. Their files have the paths of the secrets.
func (e *external) find(n, rewrite *yamlnode.Node, s *store, o *object) {
	e.only(&o.comments, n, "find", "path", "name", "tags", "conversionStrategy", "decodingStrategy")
	e.only(&o.comments, yamlnode.Field(n, "name"), "find.name", "regexp")
	if tags := yamlnode.Field(n, "tags"); tags != nil {
		e.lose(&o.comments, tags, "find.tags: secrets are found by their paths only")
		return
	}
	if strategy := yamlnode.TextAt(n, "decodingStrategy"); strategy != "" && strategy != "None" {
		e.lose(&o.comments, yamlnode.Field(n, "decodingStrategy"),
			"find.decodingStrategy: a file is the whole secret as JSON")
	}
	folder, pattern := strings.Trim(yamlnode.TextAt(n, "path"), "/"), yamlnode.TextAt(n, "name", "regexp")
	if folder != "" {
		folder = s.path(folder)
	}
	below, exact := belowFolder(pattern, folder)
	if !exact {
		e.lose(&o.comments, yamlnode.At(n, "name", "regexp"),
			"find.name.regexp %s is compared with the path below %s/; External Secrets Operator compares the whole path",
			message.Quote(pattern), folder)
	}
	found := "{path: " + scalar(folder+"/")
	if below != "" {
		found += fmt.Sprintf(", regexp: %q", below)
	}
	o.members = []member{{"find", found + "}"}}
	into := folder
	if operations := yamlnode.Elements(rewrite); len(operations) > 0 {
		if removesFolder(operations, folder) {
			into = ""
		} else {
			e.lose(&o.comments, rewrite, "rewrite: files have the paths of their secrets")
		}
	}
	if into != "" {
		o.members = append(o.members, member{"objectName", scalar(into)})
	}
	o.reads = []string{scalar(strings.TrimPrefix(folder+"/**", "/"))}
	e.bulk = append(e.bulk, bulk{remote{of: n, path: folder + "/"}, "name each secret in data"})
}

// removesFolder reports whether operations of rewrite remove a folder from the names of keys.
func removesFolder(operations []*yamlnode.Node, folder string) bool {
	if len(operations) != 1 || folder == "" {
		return false
	}
	at := yamlnode.Field(operations[0], "regexp")
	source := strings.TrimPrefix(yamlnode.TextAt(at, "source"), "^")
	rest, is := strings.CutPrefix(source, regexp.QuoteMeta(folder+"/"))
	switch target := yamlnode.TextAt(at, "target"); {
	case !is:
		return false
	case rest == "":
		return target == ""
	case rest == "(.*)" || rest == "(.*)$" || rest == "(.+)" || rest == "(.+)$":
		return target == "$1" || target == "${1}"
	}
	return false
}

// belowFolder returns a pattern that selects by their paths below a folder the secrets that pattern
// selects by their whole paths; "" for all. exact is false if the two may differ.
func belowFolder(pattern, folder string) (below string, exact bool) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	compiled, err2 := regexp.Compile(pattern)
	if err != nil || err2 != nil {
		return pattern, true // the provider refuses it
	}
	if folder == "" {
		return pattern, true
	}
	rest, anchored := strings.CutPrefix(pattern, "^"+regexp.QuoteMeta(folder+"/"))
	if anchored && parsed.Op != syntax.OpAlternate {
		return "^" + rest, true
	}
	var ends, begins, slash bool
	inspect(parsed, func(r *syntax.Regexp) {
		switch r.Op {
		case syntax.OpEndText, syntax.OpEndLine:
			ends = true
		case syntax.OpBeginText, syntax.OpBeginLine, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
			begins = true
		case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
			slash = true
		case syntax.OpLiteral:
			slash = slash || slices.Contains(r.Rune, '/')
		case syntax.OpCharClass:
			for i := 0; i+1 < len(r.Rune); i += 2 {
				slash = slash || r.Rune[i] <= '/' && '/' <= r.Rune[i+1]
			}
		}
	})
	inside := compiled.MatchString(folder + "/")
	if inside && !ends && !begins {
		return "", true
	}
	return pattern, !inside && !begins && !slash
}

// inspect calls see for an expression and all within it.
func inspect(r *syntax.Regexp, see func(*syntax.Regexp)) {
	see(r)
	for _, sub := range r.Sub {
		inspect(sub, see)
	}
}
