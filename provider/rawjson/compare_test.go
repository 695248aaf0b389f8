// SPDX-License-Identifier: Apache-2.0

package rawjson

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

func TestComparisonsWithEqualValues(t *testing.T) {
	const list = `{"a":[1,2,3],"t":["x\"y","b\\c","d"]}`
	for path, want := range map[string]string{
		"a.#(<2)#": "[1]", "a.#(<=2)#": "[1,2]", "a.#(>2)#": "[3]", "a.#(>=2)#": "[2,3]", "a.#(==2)#": "[2]",
		"a.#(!=2)#":     "[1,3]",
		`t.#(=="x\"y")`: `"x\"y"`, `t.#(=="b\\c")`: `"b\\c"`, `t.#(=="\d")`: `"d"`,
	} {
		if got := found(t, list, path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// TestEscapes checks each one of RFC 8259, section 7.
func TestEscapes(t *testing.T) {
	v, ok := Parse([]byte(`"\b\f\n\r\t\"\\\/\u0041\u00e9\ud83d\ude00"`))
	if !ok {
		t.Fatal("the text is not JSON")
	}
	if got, ok := v.Unquote(); !ok || string(got) != "\b\f\n\r\t\"\\/Aé😀" {
		t.Errorf("got %q", got)
	}
}

// TestStepsEndWithTheirContext checks that the context is checked often enough, for few and for
// many steps at a time.
func TestStepsEndWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := NewSteps(ctx, 1<<20)
	if err := s.Take(checkEvery); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := s.Take(2 * checkEvery); !errors.Is(err, context.Canceled) {
		t.Errorf("many steps after the context is done: got %v", err)
	}
	for taken := 0; taken <= checkEvery; taken += 1000 {
		if err := s.Take(1000); errors.Is(err, context.Canceled) {
			return
		}
	}
	t.Errorf("took %d steps after the context was done", checkEvery)
}

// TestStepsLetOthersRun: on one processor, another goroutine gets its turn long before Go would end
// that of the search.
func TestStepsLetOthersRun(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	s := NewSteps(t.Context(), 100*checkEvery)
	var ran atomic.Bool
	go ran.Store(true)
	for range 20 {
		if err := s.Take(checkEvery); err != nil {
			t.Fatal(err)
		}
	}
	if !ran.Load() {
		t.Error("the other goroutine did not run")
	}
}

func TestTokens(t *testing.T) {
	const text = `{ "a\"]" :[1, -2.5e+3 ,{}, [ ]],"":null , "b":true}`
	v, ok := Parse([]byte(text))
	if !ok {
		t.Fatal("the text is not JSON")
	}
	var got []string
	for token := range v.Tokens() {
		got = append(got, string(token))
	}
	want := "{ \"a\\\"]\" : [ 1 , -2.5e+3 , { } , [ ] ] , \"\" : null , \"b\" : true }"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
	for token := range v.Tokens() {
		if string(token) != "{" {
			t.Errorf("the iteration goes on after its end, with %s", string(token))
		}
		break
	}
	for scalar, want := range map[string]int{"7": 1, `"x"`: 1, "null": 1, "[]": 2, `{"a":1}`: 5} {
		n := 0
		for range Value(scalar).Tokens() {
			n++
		}
		if n != want {
			t.Errorf("%s has %d tokens, want %d", scalar, n, want)
		}
	}
}
