// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/test/pki"
)

// refusal is a text of the provider's code for what a class cannot say.
type refusal struct {
	at   string // file:line
	text string // the format
	is   *regexp.Regexp
}

// makers are the functions of the provider that make a refusal, with the place of its text.
var makers = map[string]int{
	"errors.New": 0, "fmt.Errorf": 0, "message.Missing": 0, "wrong": 1, "c.Add": 3, "c.Parameter": 1, "e.Add": 3,
	"field":   1,
	"c.wrong": 1,
}

// refusals returns the texts in the packages that read a class.
func refusals(t *testing.T) (all []refusal) {
	t.Helper()
	for _, dir := range []string{"class", "place", "volume", "encoding", "format", "certificate", "template", "yamlnode",
		"strictmap"} {
		files, err := filepath.Glob("../../../provider/" + dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatal(dir, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			set := token.NewFileSet()
			parsed, err := parser.ParseFile(set, file, source, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if field, is := n.(*ast.KeyValueExpr); is && dir == "template" {
					if name, is := field.Key.(*ast.Ident); is && name.Name == "What" {
						all = add(all, dir, file, set, field.Pos(), literal(field.Value))
					}
				}
				call, is := n.(*ast.CallExpr)
				if !is {
					return true
				}
				at, maker := makers[string(source[set.Position(call.Fun.Pos()).Offset:set.Position(call.Fun.End()).Offset])]
				if !maker || at >= len(call.Args) {
					return true
				}
				all = add(all, dir, file, set, call.Pos(), literal(call.Args[at]))
				return true
			})
		}
	}
	return all
}

// add adds a text that the code has at a place.
func add(all []refusal, dir, file string, set *token.FileSet, at token.Pos, text string) []refusal {
	if strings.Trim(verb.ReplaceAllString(text, ""), " :;,") == "" {
		return all // it only joins others
	}
	return append(all,
		refusal{dir + "/" + filepath.Base(file) + ":" + strconv.Itoa(set.Position(at).Line), text, pattern(text)})
}

// literal returns a text that is written in the code, with %s for what is added to it.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.CallExpr: // of fmt.Sprintf
		if len(e.Args) > 0 {
			return literal(e.Args[0])
		}
	case *ast.BinaryExpr:
		left, right := literal(e.X), literal(e.Y)
		if left == "" && right == "" {
			return ""
		}
		if left == "" {
			left = "%s"
		}
		if right == "" {
			right = "%s"
		}
		return left + right
	}
	return ""
}

var verb = regexp.MustCompile(`%[0-9.]*[a-zA-Z]`)

// pattern matches the texts of a format.
func pattern(format string) *regexp.Regexp {
	var parts []string
	for _, part := range verb.Split(strings.ReplaceAll(format, "%%", "%"), -1) {
		parts = append(parts, regexp.QuoteMeta(part))
	}
	return regexp.MustCompile("(?s)" + strings.Join(parts, "[^\x00]*"))
}

// unreachable are the texts of those packages that no class gets, by their files and beginnings, and who gets
// them.
var unreachable = map[string]string{
	"encoding/encoding.go is not %s: %s":               "a value of the store that is not encoded as the class says",
	"format/format.go %s is not a format":              "nobody: Parse has refused it",
	"format/member.go":                                 "a value of the store",
	"format/properties.go":                             "a key of the store",
	"format/variables.go":                              "a key or a value of the store",
	"format/yaml.go":                                   "a value of the store",
	"certificate/certificate.go":                       "a key of the store",
	"template/template.go the secret":                  "a value of the store",
	"template/check.go cannot be read":                 "an error of Go's parser without a line, of which none is known",
	"place/endpoint.go %s is not a host, host:port":    "the daemon's --allow-endpoint",
	"place/endpoint.go has a query or fragment":        "the daemon's --allow-endpoint",
	"place/endpoint.go plain http is for loopback":     "the daemon's --allow-endpoint",
	"place/tokenurl.go":                                "the author of credentials",
	"yamlnode/yamlnode.go is empty":                    "nobody: its callers say what is empty",
	"class/find.go is not a regular expression (RE2):": "nobody: RE2 gives its errors a code",
}

// further are mistakes for which a small change of a class is not enough.
func further(t *testing.T) (texts []string) {
	class := func(objects string) string { return seeded[:strings.Index(seeded, "      - secretPath")] + objects }
	many := func(n int, object string) string { return strings.Repeat("      "+object+"\n", n) }
	names, uses := "", ""
	for i := range 100 {
		names += fmt.Sprintf("s%d: a, ", i)
		uses += fmt.Sprintf("{{ .s%d.a }}", i)
	}
	var wide, templates strings.Builder
	for i := range 30 {
		fmt.Fprintf(&wide, "      - {objectName: f%d, secrets: {%s}, template: '%s'}\n", i, names, uses)
		fmt.Fprintf(&templates, "      - {objectName: f%d, secrets: {a: b}, template: '{{ .a.b }}{{ print %s }}'}\n", i,
			strings.Repeat("1 ", 2000))
	}
	certificate, _ := pki.Pair(t, time.Now(), time.Now())
	namesakes := certificate
	for range 8 {
		another, _ := pki.Pair(t, time.Now(), time.Now())
		namesakes += another
	}
	trusting := func(bundle string) string {
		bundle = strings.ReplaceAll(bundle, "\n", "\n      ")
		return strings.Replace(seeded, idLine, idLine+"    caBundle: |\n      "+bundle+"\n", 1)
	}
	return []string{
		trusting(certificate + "-----BEGIN CERTIFICATE-----"), trusting(namesakes), trusting(pki.RSA(t, "c", 8200)),
		class(""), class("      []\n"), class("      {a: b}\n"), class("      # nothing\n"),
		class("      - a: b\n      ---\n      - a: b\n"),
		class(many(1001, "- a: b")), class(many(11000, "- {a: b}")),
		class("      - a: " + strings.Repeat("x", 300_000) + "\n"),
		class(wide.String()), class(templates.String()),
		strings.Replace(seeded[:strings.Index(seeded, "  secretObjects")], "objects: |", "objekte: |", 1),
		strings.Replace(seeded, "    region: eu-west-par\n", "    region: eu-west-par\n    connection: team\n", 1),
	}
}

// TestEachRefusalOfTheProviderIsFound: what the provider's code says to the author of a class is said by
// lint for some mistake.
func TestEachRefusalOfTheProviderIsFound(t *testing.T) {
	var messages strings.Builder
	texts := further(t)
	for _, s := range seeds {
		text, _, _ := plant(t, s)
		texts = append(texts, text)
	}
	for _, text := range texts {
		for _, f := range Run([]Source{{"x.yaml", text}}) {
			messages.WriteString(f.Message + "\x00")
		}
	}
	all, reached := refusals(t), 0
	for _, r := range all {
		excused := false
		for at := range unreachable {
			excused = excused || strings.HasPrefix(r.at[:strings.IndexByte(r.at, ':')]+" "+r.text, at)
		}
		switch found := r.is.MatchString(messages.String()); {
		case found:
			reached++
		case !excused:
			t.Errorf("no mistake gives: %s %q", r.at, r.text)
		}
	}
	t.Logf("%d of %d texts", reached, len(all))
}
