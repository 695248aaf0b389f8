// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/rawjson"
)

// allocated returns how many bytes f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// TestSizeCountsAllWords: a parsed template takes no more than Size says, however its words are put.
func TestSizeCountsAllWords(t *testing.T) {
	for _, word := range []string{"{{.a}}", "{{1}}", "{{$x}}", "{{.a.b.c.d}}", "{{print 1 2 3 4 5 6 7}}",
		"{{.a|print|print}}", "{{(1)}}",
		"{{/* */}}{{.a}}", "{{if .a}}{{end}}", "{{$y:=1}}", "{{print \"\"\"\"}}", "a{{1}}"} {
		text := "{{$x := 1}}{{.a}}"
		for longer := text; len(longer) < 30_000; longer += strings.Repeat(word, 600) {
			if _, err := Parse(longer, []string{"a"}); err != nil {
				break // one of the limits
			}
			text = longer
		}
		var parsed *Template
		took := allocated(func() { parsed = must(Parse(text, []string{"a"})) })
		t.Logf("%s %d/word", word, took/int64(parsed.Words()))
		if size := int64(parsed.Size()); took > 2*size+64<<10 {
			t.Errorf("%s: %d bytes with %d words allocate %d bytes; Size is %d", word, len(text), parsed.Words(), took, size)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestMemoryIsCounted: executing allocates no more than Takes and its output with its buffers, however
// values are nested and repeated.
func TestMemoryIsCounted(t *testing.T) {
	secret := `{"a":"` + strings.Repeat("x", 20_000) + `","maps":[` + strings.Repeat(`{"":0},`, 2000) + `0],"ctl":"` +
		strings.Repeat(`\u0001`, 3000) + `","deep":` + strings.Repeat("[", 150) + strings.Repeat("]", 150) + `}`
	for name, text := range map[string]string{
		"nothing":       "{{if .db}}{{end}}",
		"doubled dicts": "{{$x := dict}}{{range 60}}{{$x = dict \"a\" $x \"b\" $x}}{{end}}{{toJson $x}}",
		"doubled texts": "{{$x := list .db.a}}{{range 60}}{{$x = list $x $x}}{{end}}{{toPrettyJson $x}}",
		"deep lists":    "{{range 1000}}{{toPrettyJson $.db.deep}}{{end}}",
		"escapes":       "{{$x := list .db.ctl .db.ctl .db.ctl .db.ctl}}{{toJson (list $x $x $x $x)}}",
		"maps":          "{{range 1000}}{{$y := toJson $.db.maps}}{{$z := fromJson $y}}{{end}}",
		"yaml":          "{{range 1000}}{{$y := fromYaml \"[a,b,c,d,e,f,g,h,{i: j}]\"}}{{end}}",
		"dense yaml": "{{$x := \"a,\"}}{{range 10}}{{$x = print $x $x}}{{end}}{{fromYaml (print \"[\" $x \"]\") | " +
			"toYaml}}",
		"pairs": "{{range 100}}{{range $k, $v := $.db}}{{end}}{{end}}",
	} {
		parsed := must(Parse(text+"{{if .db}}{{end}}", []string{"db"}))
		most := parsed.Output(len(secret))
		var err error
		took := allocated(func() {
			_, err = parsed.Execute(map[string]rawjson.Value{"db": rawjson.Value(secret)}, most,
				rawjson.NewSteps(t.Context(), 32<<20))
		})
		if allowed := int64(parsed.Takes(len(secret)) + 4*most); took > allowed {
			t.Errorf("%s: allocated %s of %s (%v)", name, fmt.Sprint(took), fmt.Sprint(allowed), err)
		}
		t.Logf("%-14s %9d %v", name, took, err)
	}
}

// TestNumbersAreComparedExactly: whole numbers of JSON have any size.
func TestNumbersAreComparedExactly(t *testing.T) {
	for text, want := range map[string]string{
		`{{ eq (fromJson "9007199254740993") (fromJson "9007199254740992") }}`: "false",
		`{{ lt (fromJson "9007199254740992") (fromJson "9007199254740993") }}`: "true",
		`{{ eq .db.big (fromJson "12345678901234567890") }}`:                   "true",
		`{{ eq (fromJson "1.0") 1 }}`:                                          "true",
		`{{ eq (fromJson "-0") 0 }}`:                                           "true",
	} {
		if got, err := execute(t, text); got != want {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
}
