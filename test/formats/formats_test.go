// SPDX-License-Identifier: Apache-2.0

package formats

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"ovhcloud-csi-provider/provider/format"
	"ovhcloud-csi-provider/provider/rawjson"
)

// object is the keys and values of a file. Values are what encoding/json decodes.
type object = map[string]any

// write returns the file of a JSON object, and whether the format can carry it.
func write(t *testing.T, f format.Format, text string) (string, bool) {
	t.Helper()
	top, ok := rawjson.Parse([]byte(text))
	if !ok {
		t.Fatalf("%q is not JSON", text)
	}
	var members []format.Member
	for raw, value := range top.Members() {
		key, _ := raw.Unquote()
		members = append(members, format.Member{Key: string(key), Raw: raw, Value: value})
	}
	out, err := f.Write(members, rawjson.NewSteps(t.Context(), 1<<24))
	return string(out), err == nil
}

// between returns the JSON of an object that has a key and a value between two others. With nested,
// which is for YAML, they are in a map and a list of it too.
func between(t *testing.T, key, value string, nested bool) string {
	t.Helper()
	quote := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	text := `{"BEFORE":"before # x",` + quote(key) + ":" + quote(value)
	if nested {
		text += `,"NESTED":` + quote(object{key: []any{value, object{value: key}}, "n": value})
	}
	return text + `,"AFTER":"after"}`
}

func isTaken(key string) bool { return key == "BEFORE" || key == "AFTER" || key == "NESTED" }

// same checks what a reader made of a file.
func same(t *testing.T, by string, w written, got outcome) {
	t.Helper()
	var want object
	if err := json.Unmarshal([]byte(w.text), &want); err != nil {
		t.Fatal(err)
	}
	if got.Error != "" || !reflect.DeepEqual(got.Value, want) {
		t.Errorf("%s: %.300q, which has %.300q, is read as %.300q %.300s", by, w.file, want, got.Value, got.Error)
	}
}

// texts are keys and values that a reader may take for something else: all of at most two signs
// that mean something to one, words, and longer ones by chance, the same ones each time.
func texts() (all []string) {
	signs := []string{"a", "'", `"`, "`", `\`, "$", "{B}", "\n", "\r", "\t", " ", "#", "=", ":", "!", "u0041", "n", "\x00",
		"\u0085", "é😀"}
	all = []string{""}
	for from, length := 0, 0; length < 2; length++ {
		to := len(all)
		for _, text := range all[from:to] {
			for _, sign := range signs {
				all = append(all, text+sign)
			}
		}
		from = to
	}
	all = append(all,
		strings.Fields(`no Yes on OFF y N true False null NULL ~ nan .nan .inf -.INF inf 0o7 07 0x1f 1e3 e1 E-1 1_000 1:20 0.5
		2001-01-01 2001-12-14t21:59:43.10-05:00 << = - --- ... ? *a &a !a !!int @a %YAML [a] {a} [a {a a,b |a >a key export BEFORE='x'`)...)
	all = append(all, "a: b", "a #b", "- a", "? a", "--- a", "export A", "\ufeffa", "a\u2028b", "a\u00a0", "\u200b",
		"\ue000", "\ufffe", "\x7f",
		"-----BEGIN X-----\nYWJj+/==\n-----END X-----\n", `DOMAIN\user`, `C:\new\table`, `{"a":"it is \"x\""}`,
		"a\nB='x'\nC=\"y\"\n# z",
		strings.Repeat("x", 1023), strings.Repeat(" ", 1500), strings.Repeat("é", 3000), strings.Repeat("x", 1<<16-100),
		strings.Repeat("x", 1<<16))
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		text := ""
		for range 3 + random.IntN(8) {
			text += signs[random.IntN(len(signs))]
		}
		all = append(all, text)
	}
	return all
}

// objects are JSON objects that have texts as values and as keys.
func objects(t *testing.T, nested bool) (all []string) {
	for _, text := range texts() {
		if nested && len(text) > 4000 {
			continue // only lines of env files have a limit
		}
		all = append(all, between(t, "A", text, nested))
		if !isTaken(text) && text != "A" {
			all = append(all, between(t, text, "x", nested))
		}
	}
	if nested {
		all = append(all, `{}`, `{"a":null,"b":[true,false,null,[],{},[[{}]]],"c":{"d":{}}}`,
			`{"a":`+strings.Repeat("[", 49)+strings.Repeat("]", 49)+`}`,
			`{"a":`+strings.Repeat(`{"a":`, 49)+`1`+strings.Repeat("}", 49)+`}`, `{"a":[0,-0,1,-1.5,5432.0,123456789012345]}`)
	}
	return all
}

// TestReaders: what a format carries, each of its readers reads. Readers that are not installed are
// skipped.
func TestReaders(t *testing.T) {
	for _, r := range readers {
		t.Run(fmt.Sprintf("%s by %s", r.format, r.name), func(t *testing.T) {
			t.Parallel()
			if why := r.missing(); why != "" {
				t.Skip(why)
			}
			all := objects(t, r.format == format.YAML)
			var carried []written
			for i, text := range all {
				if i%max(r.every, 1) != 0 {
					continue
				}
				if file, ok := write(t, r.format, text); ok && (r.skip == nil || !r.skip(written{file, text})) {
					carried = append(carried, written{file, text})
				}
			}
			if len(carried) < len(all)/10 {
				t.Fatalf("%d of %d objects are carried", len(carried), len(all))
			}
			got, err := r.read(t, carried)
			if err != nil || len(got) != len(carried) {
				t.Fatalf("%d files of %d are read: %v", len(got), len(carried), err)
			}
			for i, w := range carried {
				same(t, r.name, w, got[i])
			}
			t.Logf("%d files of %d objects", len(carried), len(all))
		})
	}
}

// FuzzReaders: what a format carries, its readers within this process read.
func FuzzReaders(f *testing.F) {
	for _, seed := range []string{"", "x", " x ", "it's", `"x"`, `a\nb`, "a\nb\n", "#", "$A", "${A}", "a\r\nb", "a\r",
		"\x00", "é😀", "=", "a='b'", "\u0085\u2028",
		`\`, `a\\b`, "!", "e1", "nan", strings.Repeat("x", 1<<16-4), strings.Repeat("x", 1<<16-5)} {
		f.Add("A", seed)
	}
	for _, key := range []string{"a b", "a:b=c#", "..", "..a", "1A", "<<", "y", strings.Repeat("k", 1024)} {
		f.Add(key, "x")
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		if isTaken(key) || !utf8.ValidString(key) || !utf8.ValidString(value) || key == "n" || value == "n" {
			return
		}
		for _, r := range readers {
			if r.needs != nil {
				continue
			}
			text := between(t, key, value, r.format == format.YAML)
			file, ok := write(t, r.format, text)
			w := written{file, text}
			if !ok || r.skip != nil && r.skip(w) {
				continue
			}
			got, err := r.read(t, []written{w})
			if err != nil {
				t.Fatal(err)
			}
			same(t, r.name, w, got[0])
		}
	})
}
