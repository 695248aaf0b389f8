// SPDX-License-Identifier: Apache-2.0

package rawjson

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

const sample = ` {"user":"root", "port" : 443,"tls.crt":"PEM",
"nested":{"a":{"b":[1, 2,{"c":null}]},"":"empty","tab\tkey":"t"},
"hosts":[ {"name":"a","port":80,"up":true},
{"name":"b","port":9007199254740993,"up":false,"tags":["x","y"]},{"port":1.5,"tags":["y"]} ],
"names":["one","two","three"],"none":[],
"#":"hash","big":12345678901234567890123,"escaped":{"a\"b":"q","\u00e9":"e"},"null":null}`

func TestWhatPathsFind(t *testing.T) {
	for path, want := range map[string]string{
		"user": `"root"`, "port": "443", `tls\.crt`: `"PEM"`, "nested.a.b.2.c": "null", "nested.a.b": `[1, 2,{"c":null}]`,
		"big":     "12345678901234567890123",
		"nested.": `"empty"`, "nested.tab\tkey": `"t"`, `escaped.a"b`: `"q"`, "escaped.é": `"e"`, `\#`: `"hash"`,
		"none": "[]", "null": "null",
		"hosts.0.name": `"a"`, "hosts.00.name": `"a"`, "hosts.3": "absent", "hosts.-1": "absent", "hosts.name": "absent",
		"hosts.0.name.x": "absent",
		"hosts.#.name":   `["a","b"]`, "hosts.#.nme": "absent", "none.#.name": "absent", "hosts.#.tags": `[["x","y"],["y"]]`,
		"hosts.#.tags.#.z": "absent",
		"hosts.#.tags.0":   `["x","y"]`, "hosts.#.name|1": `"b"`, "hosts.#.name|9": "absent", "user.#.x": "absent",
		"port.0":                  "absent",
		`hosts.#(name=="b").port`: "9007199254740993", `hosts.#(name="b").up`: "false", `hosts.#(name=="z").port`: "absent",
		`hosts.#(name=="z")#.port`: "absent",
		`hosts.#(port>1000).name`:  `"b"`, `hosts.#(port>=80)#.name`: `["a","b"]`, `hosts.#(port<2).tags.0`: `"y"`,
		`hosts.#(port!=80)#.port`:              "[9007199254740993,1.5]",
		`hosts.#(port==9007199254740992).name`: "absent", `hosts.#(up==true).name`: `"a"`, `hosts.#(up==false).name`: `"b"`,
		`hosts.#(up!=true).name`: `"b"`,
		`hosts.#(tags).port`:     "9007199254740993", `hosts.#(tags.#(=="y"))#.port`: "[9007199254740993,1.5]",
		`hosts.#(tags.1=="y").name`: `"b"`,
		`names.#(=="two")`:          `"two"`, `names.#(>"one")#`: `["two","three"]`, `names.#(!="two")#|0`: `"one"`,
		`names.#(=="two")#`: `["two"]`, `names.#(=="four")#`: "absent",
		`hosts.#(name=="b")#|0.up`: "false", `user.#(x==1)`: "absent", "absent": "absent", "": "absent",
	} {
		if got := found(t, sample, path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestPathsThatAreNotSupported(t *testing.T) {
	for path, words := range map[string]string{
		"@this": "modifiers", "hosts|@reverse": "modifiers", "hosts.@this": "modifiers", "{user,port}": "multipaths",
		"hosts.#.{name,port}": "multipaths",
		"[user]":              "multipaths", `!"x"`: "literals", "us*": "wildcards", "hosts.?": "wildcards",
		`hosts.#(n*=="x").port`: "wildcards",
		"hosts.#":               "a count", "#": "a count", "hosts.#|0": "a count", "hosts.#(tags.#>1).name": "a count",
		"..0.name": "JSON lines", "..#": "JSON lines",
		`hosts.#(name%"*").port`: "patterns (%)", `hosts.#(name!%"*")#.port`: "patterns (%)",
		`hosts.#(%"*a*a*b")`: "patterns (%)", `hosts.#(up==~true).name`: "~",
		`hosts.#(name=="b".port`: "brackets", `hosts.#(name=="b")).port`: "brackets", "hosts.#(": "brackets",
		"a(b": "brackets", "a)": "brackets",
		`hosts.#(name=="b`: "closing quote", `hosts.#(name!b)`: "compares with ==",
		`hosts.#(name=="b")port`:                               "must be followed by a dot",
		strings.Repeat("#(", 9) + "a" + strings.Repeat(")", 9): "more than 8 nested queries",
	} {
		if got := found(t, sample, path); !strings.Contains(got, words) {
			t.Errorf("%s: %s, want %s", path, got, words)
		}
	}
}

func TestADuplicateKeyIsRefused(t *testing.T) {
	for text, path := range map[string]string{`{"a":{"b":1,"b":2}}`: "a.b", `{"a":[{"b":1,"\u0062":2}]}`: "a.0.b",
		`{"a":[{"b":1,"b":1}]}`: "a.#.b"} {
		if got := found(t, text, path); got != ErrTwice.Error() {
			t.Errorf("%s: %s", path, got)
		}
	}
}

// TestWorkIsLimited checks that no path in any secret reads more bytes than its steps allow.
func TestWorkIsLimited(t *testing.T) {
	element := `{"a":1,"b":[{"a":1},{"a":2}]},`
	large := `{"k":[` + strings.Repeat(element, 2000) + `{"a":1}]}`
	for _, path := range []string{
		"k." + strings.Repeat("#(a==1)#|", 100) + "#(a==1)#", "k." + strings.Repeat("#(b.#(a==1))#|", 60) + "#(a==1)#",
		"k" + strings.Repeat("|#(a!=7)#", 100),
		"k." + strings.Repeat("#(", 8) + "a" + strings.Repeat(")", 8), `k.#(b.#(b.#(b.#(a==1))))`,
	} {
		v, _ := Parse([]byte(large))
		p, err := ParsePath(path)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		steps := NewSteps(t.Context(), 1<<20)
		_, err = v.Find(p, steps)
		if taken := 1<<20 - steps.left; err == nil && taken > 10*len(large) || err != nil && !errors.Is(err, ErrSteps) {
			t.Errorf("%.40s: %v after %d steps", path, err, taken)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	v, _ := Parse([]byte(large))
	p, _ := ParsePath("k|#(a!=7)#|#(a!=7)#")
	if _, err := v.Find(p, NewSteps(ended, 1<<30)); !errors.Is(err, context.Canceled) {
		t.Errorf("the search continues after its context is done: got %v", err)
	}
}

// TestALongNumberIsNoNumber checks the limit: strconv takes 0.1 ms for a thousand digits, and a
// query compares with each element.
func TestALongNumberIsNoNumber(t *testing.T) {
	long := "0." + strings.Repeat("0", 320) + strings.Repeat("1", 670)
	for text, want := range map[string]string{
		`[1,2]` + "\x00" + `#(>` + long + `)`: "absent", `[` + long + `,5]` + "\x00" + `#(>1)`: "5",
		`[1.5,12]` + "\x00" + `#(>2)`:               "12",
		`[18446744073709551616]` + "\x00" + `#(>1)`: "18446744073709551616", `[1]` + "\x00" + `#(==1.0)`: "1",
		`["a"]` + "\x00" + `#(<b)`: `"a"`,
	} {
		data, path, _ := strings.Cut(text, "\x00")
		if got := found(t, data, path); got != want {
			t.Errorf("%.30s of %.30s: %s, want %s", path, data, got, want)
		}
	}
	v, _ := Parse([]byte("[" + strings.Repeat("1,", 10_000) + "1]"))
	p, _ := ParsePath("#(==2)")
	steps := NewSteps(t.Context(), 1<<20)
	if _, err := v.Find(p, steps); err != nil || 1<<20-steps.left < 10_000*perElement {
		t.Errorf("%v: 10,000 comparisons count %d steps", err, 1<<20-steps.left)
	}
}

// agrees reports whether gjson finds the same value, for paths and values that both support.
func agrees(text, path string, got Value, err error) bool {
	if err != nil {
		return true // a duplicate key, of which gjson takes the first
	}
	theirs := gjson.Get(text, path)
	if !got.Exists() {
		return !theirs.Exists() || theirs.Raw == "[]"
	}
	return theirs.Raw == string(got)
}

// FuzzFind compares results with gjson, whose language this is, and checks the limit of work.
func FuzzFind(f *testing.F) {
	for _, path := range []string{"user", "nested.a.b.2.c", "hosts.#.name", `hosts.#(name=="b").port`,
		`hosts.#(port>=80)#.name`, `hosts.#(tags.#(=="y"))#.port`,
		`names.#(!="two")#|0`, `tls\.crt`, "k.#(a=1)#|#(a=1)#|#(a=1)#", `k.#(%"*a*a*a*b")`} {
		f.Add(sample, path)
		f.Add(`{"k":[{"a":1},{"a":1},"aaaaaaaaaaaaaaaaaaaaaaaaaa"]}`, path)
	}
	f.Fuzz(func(t *testing.T, text, path string) {
		v, ok := Parse([]byte(text))
		p, err := ParsePath(path)
		if !ok || err != nil || len(text) > 1<<16 || len(path) > 1024 {
			return
		}
		begin := time.Now()
		got, err := v.Find(p, NewSteps(t.Context(), 4<<20))
		if took := time.Since(begin); took > 2*time.Second {
			t.Fatalf("%q in %d bytes took %s", path, len(text), took)
		}
		if got.Exists() {
			if _, valid := Parse(got); !valid {
				t.Fatalf("%q made %q", path, string(got))
			}
			if len(got) > len(text) {
				t.Fatalf("%q made %d bytes of %d", path, len(got), len(text))
			}
		}
		if plain(path) && !agrees(text, path, got, err) {
			t.Fatalf("%q in %q: %q, gjson finds %q", path, text, string(got), gjson.Get(text, path).Raw)
		}
	})
}

// plain reports whether a path has one meaning only: gjson reads a query or a # on an object as
// the name of a key, and compares all numbers as floating-point numbers.
func plain(path string) bool {
	for _, c := range path {
		if c != '.' && c != '_' && (c < 'a' || c > 'z') {
			return false
		}
	}
	return !strings.Contains(path, "..") && !strings.HasPrefix(path, ".") && !strings.HasSuffix(path, ".")
}

func TestTheSampleIsReadAsGJSONReadsIt(t *testing.T) {
	for _, path := range []string{"user", "port", `tls\.crt`, "nested.a.b.2.c", "hosts.0.name", "hosts.#.name",
		"hosts.#.tags", "hosts.#.tags.0", "hosts.#.nme",
		`hosts.#(name=="b").port`, `hosts.#(port>1000).name`, `hosts.#(port>=80)#.name`, `hosts.#(up==true).name`,
		`hosts.#(up!=true).name`, `hosts.#(tags).port`,
		`hosts.#(tags.#(=="y"))#.port`, `names.#(=="two")`, `names.#(>"one")#`, `names.#(!="two")#|0`,
		`hosts.#(name=="b")#|0.up`, "hosts.#.name|1"} {
		v, _ := Parse([]byte(sample))
		p, err := ParsePath(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.Find(p, NewSteps(t.Context(), 1<<20))
		if !agrees(sample, path, got, err) {
			t.Errorf("%s: %s, gjson finds %s", path, string(got), gjson.Get(sample, path).Raw)
		}
	}
}

// TestAValueIsNotPrinted: it is a part of a secret.
func TestAValueIsNotPrinted(t *testing.T) {
	v, _ := Parse([]byte(`{"k":"planted"}`))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, v); got != "[redacted]" {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}

func TestMembersAndElements(t *testing.T) {
	v, _ := Parse([]byte(" {\t\"a\" :\n[ 1 ,\"]}\\\"\", { } , [ ] ] , \"b\\\\\" : -1.5e3 } "))
	var got []string
	for key, value := range v.Members() {
		got = append(got, string(key)+"="+string(value))
		for e := range value.Elements() {
			got = append(got, e.Kind()+" "+string(e))
		}
	}
	want := `["a"=[ 1 ,"]}\"", { } , [ ] ] a number 1 a string "]}\"" an object { } an array [ ] "b\\"=-1.5e3]`
	if fmt.Sprint(got) != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, wrong := range []string{"", " ", "{", `{"a":1}{}`, "nul", `"\x"`,
		strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)} {
		if _, ok := Parse([]byte(wrong)); ok {
			t.Errorf("%.20q was accepted, want an error", wrong)
		}
	}
}
