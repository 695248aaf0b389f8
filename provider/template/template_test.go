// SPDX-License-Identifier: Apache-2.0

package template

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"text/template"
	"time"

	"ovhcloud-csi-provider/provider/rawjson"
)

// secrets are the sources of the templates below.
var secrets = map[string]rawjson.Value{
	"db": rawjson.Value(`{"user":"shop","password":"pl@nted-value/1","host":"db.example","port":5432.0,"big":12345678901234567890,"none":null,` +
		`"on":true,"off":false,"hosts":["a","b"],"nested":{"k":"v","n":[1,{"x":"y"}]},"half":"\ud83d","tls.crt":"PEM","empty":"","zero":0}`),
	"reg": rawjson.Value(`{"user":"u","password":"p"}`),
}

func execute(t *testing.T, text string) (string, error) {
	t.Helper()
	if !strings.HasSuffix(text, ".db.user") && text != "nothing" {
		text += "{{if .db}}{{end}}" // each source must be used
	}
	parsed, err := Parse(text, []string{"db"})
	if err != nil {
		return "", err
	}
	out, err := parsed.Execute(map[string]rawjson.Value{"db": secrets["db"]}, 1<<10, rawjson.NewSteps(t.Context(), 4<<20))
	return string(out), err
}

func TestTemplates(t *testing.T) {
	for text, want := range map[string]string{
		`postgres://{{ .db.user }}:{{ .db.password | urlquery }}@{{ .db.host }}/shop`:                     "postgres://shop:pl%40nted-value%2F1@db.example/shop",
		`{{ .db.port }} {{ .db.big }} {{ .db.on }}`:                                                       "5432.0 12345678901234567890 true",
		`{{ index .db "tls.crt" }} {{ get .db "user" }} {{ index .db.hosts 1 }}`:                          "PEM shop b",
		`{{ range .db.hosts }}[{{ . }}]{{ end }}`:                                                         "[a][b]",
		`{{ range $i, $h := .db.hosts }}{{ $i }}={{ $h }};{{ end }}`:                                      "0=a;1=b;",
		`{{ range $k, $v := .db.nested }}{{ $k }} {{ end }}`:                                              "k n ",
		`{{ with .db.nested }}{{ .k }}{{ $.db.user }}{{ end }}`:                                           "vshop",
		`{{ if .db.on }}a{{ else }}b{{ end }}{{ if .db.off }}a{{ else if eq .db.user "shop" }}c{{ end }}`: "ac",
		`{{ .db.none | default "x" }}{{ .db.empty | default "y" }}{{ .db.user | default "z" }}`:           "xyshop",
		`{{ .db.nested | toJson }}`:                                                                       `{"k":"v","n":[1,{"x":"y"}]}`,
		`{{ .db.nested | toYaml }}`:                                                                       "k: v\n\"n\": [1, {x: \"y\"}]",
		`{{ (fromJson "{\"a\":[1.50]}").a | toJson }}`:                                                    "[1.50]",
		`{{ (fromYaml "a: [x, 1, true]").a | toJson }}`:                                                   `["x",1,true]`,
		`{{ .db.user | b64enc }} {{ "c2hvcA==" | b64dec }}`:                                               "c2hvcA== shop",
		`{{ .db.user | upper | quote }} {{ squote .db.host }} {{ trim " a " }}`:                           `"SHOP" 'db.example' a`,
		`{{ join "," .db.hosts }} {{ (split ":" "a:b")._1 }} {{ splitList ":" "a:b" | join "+" }}`:        "a,b b a+b",
		`{{ replace "a" "b" "banana" }} {{ contains "an" "banana" }} {{ hasPrefix "b" "banana" }}`:        "bbnbnb true true",
		`{{ printf "%05d %d" -3 7 }} {{ print 1 2 "a" }}{{ $all := . }}{{ $all.db.user }}` +
			`{{ len (toJson .db.nested) | lt 10 }}`: "-0003 7 1 2ashoptrue",
		`{{ printf "%s-%5s|%-3d|%%" .db.user "x" 7 }} {{ print "a" 1 }}`:                                    "shop-    x|7  |% a1",
		`{{ indent 2 "a\nb" }}{{ nindent 1 "c" }}`:                                                          "  a\n  b\n c",
		`{{ keys .db.nested | join "," }} {{ hasKey .db "user" }} {{ len .db.hosts }}`:                      "k,n true 2",
		`{{ dict "a" .db.port "b" (list 1 "x") | toJson }}`:                                                 `{"a":5432.0,"b":[1,"x"]}`,
		`{{ dockerconfigjson "r.example" .db.user "pw" }}`:                                                  `{"auths":{"r.example":{"auth":"c2hvcDpwdw==","password":"pw","username":"shop"}}}`,
		`{{ define "x" }}<{{ .user }}>{{ end }}{{ template "x" .db }}`:                                      "<shop>",
		`{{ ternary "a" "b" .db.on }}{{ coalesce .db.empty .db.zero "c" }}{{ required "needed" .db.user }}`: "acshop",
		`{{ first .db.hosts }}{{ last .db.hosts }}{{ sha256sum "" | trimSuffix "b855" | ` +
			`trimPrefix "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b785" }}`: "ab2",
		`{{ $ = .db }}{{ .db.user }}`: "shop",
		"a{{- /* comment */ -}} b":    "ab",
	} {
		if got, err := execute(t, text); got != want || err != nil {
			t.Errorf("%s\ngot  %q, %v\nwant %q", text, got, err, want)
		}
	}
}

func TestMistakesInTemplates(t *testing.T) {
	deep := strings.Repeat("(", 60) + ".db" + strings.Repeat(")", 60)
	for text, want := range map[string]string{
		"a\n{{ .db.usr }}": "line 2, column 4 of the template: \".db.usr\": there is no key \"usr\"; did " +
			"you mean \"user\"? The keys are",
		"{{ .dbb.user }}":                  `line 1, column 4 of the template: there is no secret "dbb"; did you mean "db"?`,
		"{{ $.dbb.user }}":                 `there is no secret "dbb"`,
		"{{ .db.user | uper }}":            `there is no function "uper"; did you mean "upper"?`,
		"{{ env \"HOME\" }}":               `there is no function "env"`,
		"{{ now }}":                        `there is no function "now"`,
		"{{ html .db.user }}":              `there is no function "html"`,
		"{{ _out 1 }}":                     `there is no function "_out"`,
		"{{ call .db.user }}":              `there is no function "call"`,
		"{{ .db.user":                      "line 1 of the template: unclosed action",
		"a\nb {{ if .db }}":                "line 2 of the template: unexpected EOF",
		"{{ .db.none }}":                   "the value is null; give another one with default",
		"{{ .db.hosts }}":                  "the value is a list; use join, index or toJson",
		"{{ .db }}":                        "the value is a map",
		"{{ .db.half }}":                   "half a UTF-16",
		"{{ index .db.hosts 9 }}":          "the list has 2 elements",
		"{{ index .db \"x\" }}":            "there is no such key",
		"{{ slice .db.user 2 1 }}":         "the bounds of slice are not within 0 and 4",
		"{{ slice .db.user 0 5 }}":         "the bounds of slice are not within 0 and 4",
		"{{ index .db .db.password }}":     "there is no such key",
		"{{ (dict .db.password 1).nope }}": `there is no key "nope"`,
		"{{ (fromJson (print \"{\\\"\" .db.password " +
			"\"\\\":1}\")).x }}": `there is no key "x"`,
		"{{ fromJson (print \"{\\\"\" .db.password \"\\\":1,\\\"\" .db.password " +
			"\"\\\":2}\") }}": "holds a key twice in one map",
		"{{ .db.user }}{{ print \"}}\" " + strings.Repeat("(", 9000) + "1" + strings.Repeat(")", 9000) +
			"}}": "more than 50 nested parentheses",
		"{{ .db.user }}" + strings.Repeat("{{if \"}}{{end\"}}", 100): "more than 50 nested blocks",
		"{{ toJson (b64dec \"//8=\") }}{{ .db.user }}":               "the text is not UTF-8",
		"{{ printf \"%d\" .db.user }}":                               "is no whole number",
		"{{ trimAll (printf \"%200s\" \"a\") .db.user }}":            "the set of trimAll has more than 100 bytes",
		"{{ .db.user.x }}":                                           `there is no key "x" in what is before it, which is no map`,
		"{{ range .db.password }}{{end}}": "the value is no list, no map and no number " +
			"of times",
		"{{ .db.password | b64dec }}":                                    "the text is not base64",
		"{{ .db.password | fromJson }}":                                  "the text is not JSON",
		"{{ required \"give a host\" .db.empty }}":                       "give a host",
		"{{ required .db.password .db.empty }}":                          "required wants its message as a text in quotes",
		"{{ .db.empty | required (print .db.password) }}":                "required wants its message as a text in quotes",
		"{{ .db.password | required }}":                                  "required wants its message as a text in quotes",
		"{{ fromYaml \"a: !!bool yes\" }}":                               "the text has a tag",
		"{{ fromYaml \"a: !x {b: c}\" }}":                                "the text has a tag",
		"{{ dockerconfigjson \"r\" \"a:b\" .db.password }}":              "the user name has a colon",
		"{{ printf \"%9999d\" 1 }}":                                      "a verb of printf is none of",
		"{{ printf \"%*d\" 1 1 }}":                                       "a verb of printf is none of",
		"{{ printf \"%s\" }}":                                            "printf has 1 verbs and 0 values",
		"{{ indent 1000000 \"a\" }}":                                     "not one from 0 to 100",
		"{{ " + deep + " }}":                                             "more than 50 nested parentheses",
		strings.Repeat("{{if .db}}", 60) + strings.Repeat("{{end}}", 60): "more than 50 nested blocks",
		strings.Repeat("{{"+strings.Repeat(" ", 30)+"if .db}}", 60) +
			strings.Repeat("{{end}}", 60): "more than 50 nested blocks",
		strings.Repeat("a", maxText): "at most 65536 are read",
		"{{ define \"x\" }}{{ template \"x\" }}{{ end }}{{ template \"x\" }}{{ .db.user }}": "calls itself",
		"{{ template \"y\" }}{{ .db.user }}":                                                "which it does not define",
		"nothing":                                                                           `does not use the secret "db"`,
		"{{ .db.user | len | lt .db.password }}": "the values have " +
			"different types",
		"{{ upper }}{{ .db.user }}": `"upper": takes 1 arguments, not 0`,
		"{{ .db.user \"x\" }}":      "is no function, and takes no arguments",
	} {
		got, err := execute(t, text)
		var of *Error
		if err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, &of) || got != "" {
			t.Errorf("%.80s\ngot  %q, %v\nwant %s", text, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "nted-value") {
			t.Errorf("%s shows a value: %v", text, err)
		}
	}
}

// TestTemplatesAreBounded: nothing that a template can write takes more than its steps and its
// memory.
func TestTemplatesAreBounded(t *testing.T) {
	for name, text := range map[string]string{
		"nested loops":      strings.Repeat("{{range 1000000}}", 20) + strings.Repeat("{{end}}", 20),
		"an endless range":  "{{range 1000000000000}}{{end}}",
		"loops with output": "{{range 1000000}}aaaaaaaaaaaaaaaaaaaa{{end}}",
		"doubling":          "{{$x := \"aaaaaaaaaaaaaaaa\"}}{{range 1000}}{{$x = print $x $x}}{{end}}",
		"doubled lists":     "{{$x := list 1}}{{range 60}}{{$x = list $x $x}}{{end}}{{toJson $x}}",
		"doubled maps":      "{{$x := dict}}{{range 60}}{{$x = dict \"a\" $x \"b\" $x}}{{end}}{{toYaml $x}}",
		"replace": "{{$x := \"a\"}}{{range 100}}{{$x = replace \"a\" \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" " +
			"$x}}{{end}}",
		"quotes":           "{{$x := \"\\\"\"}}{{range 100}}{{$x = quote $x}}{{end}}",
		"indents":          "{{$x := \"\\n\\n\\n\"}}{{range 1000}}{{$x = indent 100 $x}}{{end}}",
		"calls of calls":   doubledCalls(),
		"split":            "{{range 100000}}{{splitList \"\" $.db.password}}{{end}}",
		"a deep structure": "{{$x := list}}{{range 100000}}{{$x = list $x}}{{end}}{{toJson $x}}",
		"wide prints":      "{{range 100000}}{{$y := printf \"%1000s%1000s%1000s\" \"\" \"\" \"\"}}{{end}}",
		"comparisons":      "{{range 100000000}}{{if eq $.db.password $.db.password}}{{end}}{{end}}",
		"many variables": func() string {
			s := ""
			for i := range 1000 {
				s += fmt.Sprintf("{{$a%d := 1}}", i)
			}
			return s + "{{range 1000000}}" + strings.Repeat("{{$a0 = $a0}}", 1000) + "{{end}}"
		}(),
		"sorted maps":        "{{range 1000000}}{{range $.db}}{{break}}{{end}}{{end}}",
		"much text in loops": "{{range 100}}" + strings.Repeat("a", 10000) + "{{end}}",
	} {
		begin := time.Now()
		got, err := execute(t, text+"{{if .db}}{{end}}")
		if err == nil || got != "" {
			t.Errorf("%s: %d bytes were made", name, len(got))
		}
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("%s took %s", name, took)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	parsed, err := Parse("{{range 1000000}}{{end}}{{if .db}}{{end}}", []string{"db"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parsed.Execute(map[string]rawjson.Value{"db": secrets["db"]}, 1<<10,
		rawjson.NewSteps(ctx, 1<<30)); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

// doubledCalls returns templates that each call the next one twice.
func doubledCalls() string {
	var text strings.Builder
	for i := range 40 {
		at, next := string(rune('a'+i)), string(rune('a'+i+1))
		text.WriteString(`{{define "` + at + `"}}{{template "` + next + `"}}{{template "` + next + `"}}{{end}}`)
	}
	return text.String() + `{{define "` + string(rune('a'+40)) + `"}}{{end}}{{template "a"}}`
}

// TestTemplatesMeanWhatTheyMeanInGo compares with text/template, for what both know.
func TestTemplatesMeanWhatTheyMeanInGo(t *testing.T) {
	data := map[string]any{"db": map[string]any{"a": "x", "b": "", "l": []any{"p", "q", "r"},
		"m": map[string]any{"k2": "v2", "k1": "v1"}, "t": true, "f": false}}
	const text = `{"a":"x","b":"","l":["p","q","r"],"m":{"k2":"v2","k1":"v1"},"t":true,"f":false}`
	for _, one := range []string{
		"{{.db.a}} {{- /* c */ -}} z", "{{with .db.m}}{{.k1}}{{else}}n{{end}}",
		"{{with .db.b}}y{{else with .db.a}}{{.}}{{else}}n{{end}}",
		"{{range $k, $v := .db.m}}{{$k}}={{$v}},{{end}}", "{{range .db.l}}{{if eq . \"q\"}}{{continue}}{{end}}{{.}}{{end}}",
		"{{range .db.l}}{{if eq . \"q\"}}{{break}}{{end}}{{.}}{{else}}none{{end}}",
		"{{range $i, $e := .db.l}}{{$i}}{{$e}}{{end}}", "{{range 3}}{{.}}{{end}}", "{{range $i := 2}}{{$i}}{{end}}",
		"{{$x := .db.a}}{{if .db.t}}{{$x = \"in\"}}{{$y := 1}}{{$y}}{{end}}{{$x}}",
		"{{$x := 1}}{{range .db.l}}{{$x = .}}{{end}}{{$x}}", "{{define \"d\"}}<{{.}}{{$}}>{{end}}{{template \"d\" .db.a}}",
		"{{block \"e\" .db}}{{.a}}{{end}}",
		"{{if and .db.t .db.a}}1{{end}}{{if or .db.f .db.b}}2{{else}}3{{end}}{{if not .db.f}}4{{end}}",
		"{{and .db.t \"z\"}}{{or .db.b \"w\"}}", "{{len .db.l}}{{len .db.a}}{{len .db.m}}",
		"{{slice .db.a 0 1}}{{index .db.l 1}}{{index .db.m \"k1\"}}{{index (slice .db.l 1) 0}}",
		"{{eq .db.a \"y\" \"x\"}}{{ne .db.a \"y\"}}{{lt 1 2}}{{ge \"b\" \"a\"}}",
		"{{print 1 \"a\" true}}{{printf \"%q|%5s|%-3d|%%\" .db.a .db.a 7}}",
		"{{.db.a | printf \"%s-%s\" \"pre\"}}", "{{(index .db.m \"k1\") | len}}", "{{with $z := .db.a}}{{$z}}{{end}}",
		"{{if .db.b}}{{else if .db.a}}ok{{end}}", "{{range .db.l}}{{range $.db.l}}{{.}}{{end}}{{end}}",
		"{{urlquery \"a b&\"}}",
		"{{range $k, $v := .db.m}}{{range $i, $e := $.db.l}}{{$k}}{{$i}}{{end}}{{end}}",
		"{{true}}{{ 'a' }}{{ 0x10 }}{{ `raw` }}",
	} {
		var want strings.Builder
		if err := template.Must(template.New("x").Parse(one)).Execute(&want, data); err != nil {
			t.Fatalf("%s: %v", one, err)
		}
		parsed, err := Parse(one+"{{if .db}}{{end}}", []string{"db"})
		if err != nil {
			t.Errorf("%s: %v", one, err)
			continue
		}
		got, err := parsed.Execute(map[string]rawjson.Value{"db": rawjson.Value(text)}, 1<<12,
			rawjson.NewSteps(t.Context(), 4<<20))
		if err != nil || string(got) != want.String() {
			t.Errorf("%s: %q, %v; text/template writes %q", one, got, err, want.String())
		}
	}
}

// FuzzTemplate: no panic, the same output each time, no more than is allowed, and no value in an
// error.
func FuzzTemplate(f *testing.F) {
	for _, text := range []string{"{{ .db.user | upper }}", "{{range .db.hosts}}{{.}}{{end}}",
		"{{.db.nested|toYaml|fromYaml|toJson}}", "{{with $x := .db}}{{$x.user}}{{end}}",
		"{{printf \"%q\" .db.password}}", "{{define \"a\"}}{{.}}{{end}}{{template \"a\" .db.user}}",
		"{{range 9}}{{break}}{{end}}", "{{.db.password | fromJson}}", "{{slice .db.user 1 2}}", "{{ternary .db 1 true}}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := Parse(text, []string{"db"})
		if err != nil {
			return
		}
		values := map[string]rawjson.Value{"db": secrets["db"]}
		got, err := parsed.Execute(values, 1<<10, rawjson.NewSteps(t.Context(), 1<<20))
		again, other := parsed.Execute(values, 1<<10, rawjson.NewSteps(t.Context(), 1<<20))
		if string(got) != string(again) || (err == nil) != (other == nil) || len(got) > 1<<10 {
			t.Fatalf("%q, then %q; %v, then %v", got, again, err, other)
		}
		if err != nil && !strings.Contains(text, "nted") && strings.Contains(err.Error(), "nted-value") {
			t.Fatalf("the error shows a value: %v", err)
		}
	})
}
