// SPDX-License-Identifier: Apache-2.0

package format

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"ovhcloud-csi-provider/provider/rawjson"
)

// members returns the keys of a JSON object.
func members(object string) (all []Member) {
	top, _ := rawjson.Parse([]byte(object))
	for raw, value := range top.Members() {
		key, _ := raw.Unquote()
		all = append(all, Member{string(key), raw, value})
	}
	return all
}

func write(t *testing.T, f Format, object string) (string, error) {
	t.Helper()
	out, err := f.Write(members(object), rawjson.NewSteps(t.Context(), 1<<20))
	return string(out), err
}

func TestFormats(t *testing.T) {
	long := strings.Repeat("k", longKey)
	const all = `{"user":"shop", "pass\u0077ord":"it's \"x\"", "port": 5432.0, "tls":true,"hosts":["a","b"]}`
	for _, c := range []struct {
		format     Format
		object     string
		want, fail string
	}{
		{JSON, all, `{"user":"shop","pass\u0077ord":"it's \"x\"","port":5432.0,"tls":true,"hosts":["a","b"]}`, ""},
		{JSON, `{}`, `{}`, ""},
		{YAML, all, "user: shop\npassword: \"it's \\\"x\\\"\"\nport: 5432.0\ntls: true\nhosts: [a, b]\n", ""},
		{YAML, `{}`, "{}\n", ""},
		{YAML, `{"yes":"NO","a b":"","n":null,"x":{"y":[]}}`,
			"\"yes\": \"NO\"\n\"a b\": \"\"\n\"n\": null\nx: {\"y\": []}\n", ""},
		{YAML, `{"a":"\ud83d\ude00\u0085\u2028\ufeff\/\u0007\u007f"}`, "a: \"😀\\x85\\u2028\\ufeff/\\x07\\x7f\"\n", ""},
		{YAML, `{"a":"\ud83d"}`, "", "a: holds half a UTF-16"},
		{YAML, `{"a":` + strings.Repeat("[", 49) + strings.Repeat("]", 49) + `}`,
			"a: " + strings.Repeat("[", 49) + strings.Repeat("]", 49) + "\n", ""},
		{YAML, `{"a":` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + `}`, "", "a: holds more than 49"},
		{YAML, `{"a":` + strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 50) + `}`, "", "a: holds more than 49"},
		{YAML, `{"e1":"E-7","e":"e1x","nan":"Inf"}`, "\"e1\": \"E-7\"\ne: e1x\n\"nan\": \"Inf\"\n", ""},
		{YAML, `{"a":[{"b":1,"c":2},{"b":1}, {"b":{"b":[]},"d":{}}]}`,
			"a: [{b: 1, c: 2}, {b: 1}, {b: {b: []}, d: {}}]\n", ""},
		{YAML, `{"a":[{"b":1,"\u0062":2}]}`, "", "a: holds a map that has a key twice"},
		{YAML, `{"a":{"\ud83d":1}}`, "", "a: holds half a UTF-16"},
		{YAML, `{"` + long[1:] + `":{"` + long[1:] + `":1}}`, long[1:] + ": {" + long[1:] + ": 1}\n", ""},
		{YAML, `{"` + long + `":{"` + long + `":1,"b":2}}`, "? " + long + "\n: {? " + long + " : 1, b: 2}\n", ""},
		{YAML, `{"a":{"b":1,"a":2,"b":3}}`, "", "a: holds a map that has a key twice"},
		{YAML, `{"a":["x","x",{"x":"x","y":"x"}]}`, "a: [x, x, {x: x, \"y\": x}]\n", ""},
		{YAML, `{"a":[` + strings.Repeat("[],", 60) + `{}]}`, "a: [" + strings.Repeat("[], ", 60) + "{}]\n", ""},
		{YAML, `{"a":"\t\r\udb40\udc01","b":"Infinity","c":"` + "\xff" + `"}`, "", "c: holds bytes that are not UTF-8"},
		{YAML, `{"a":"\t\r\udb40\udc01","b":"Infinity"}`, "a: \"\\t\\r\\U000e0001\"\nb: \"Infinity\"\n", ""},
		{YAML, "{\"\xff\":1}", "", "\xff: is a key that is not UTF-8"},
		{JSON, "{\"\xff\":\"\xfe\"}", "{\"\xff\":\"\xfe\"}", ""},
		{Env, `{"USER":"shop","PORT":5432,"L":["a"],"A.b-c":"x\ny"}`,
			"USER='shop'\nPORT='5432'\nL='[\"a\"]'\nA.b-c='x\ny'\n", ""},
		{Env, `{"A":"it's"}`, "", "A: holds a single quote"},
		{Env, `{"A":"a\u0000"}`, "", "A: holds a NUL"},
		{Env, `{"A":"a\r\nb"}`, "", "A: holds a line break of Windows"},
		{Env, `{"A":"a\r"}`, "A='a\r'\n", ""},
		{Env, `{"A":"a\rb$\\"}`, "A='a\rb$\\'\n", ""},
		{Env, `{"A":null}`, "", "A: is null"},
		{Env, `{"1A":"x"}`, "", "1A: is no name of a variable"},
		{Env, `{"A B":"x"}`, "", "A B: is no name of a variable"},
		{Env, `{"":"x"}`, "", ": is no name of a variable"},
		{Env, `{".":"x"}`, "", ".: is no name of a variable"},
		{Env, `{"..a":"x"}`, "", "..a: is no name of a variable"},
		{Env, `{".a":"x"}`, ".a='x'\n", ""},
		{Env, `{"A":"` + strings.Repeat("x", 1<<16-5) + `"}`, "A='" + strings.Repeat("x", 1<<16-5) + "'\n", ""},
		{Env, `{"A":"` + strings.Repeat("x", 1<<16-4) + `"}`, "", "A: makes a line of more"},
		{Env, `{"A":"` + strings.Repeat(`x\n`, 1<<16-2) + `x"}`, "A='" + strings.Repeat("x\n", 1<<16-2) + "x'\n", ""},
		{Env, `{"A":"` + strings.Repeat(`x\n`, 1<<16-1) + `"}`, "", "A: is, with its name, longer than the 131070 bytes"},
		{Dotenv, `{"A":"a b # $c","B":"it's","C":7}`, "A='a b # $c'\nB=\"it's\"\nC='7'\n", ""},
		{Dotenv, `{"A":"a\\b"}`, "A='a\\b'\n", ""},
		{Dotenv, `{"A":"a\\\\b"}`, "", "A: holds two backslashes"},
		{Dotenv, `{"A":"a\\"}`, "", "A: holds a backslash at its end"},
		{Dotenv, `{"A":"'\\b"}`, "", "A: holds a single quote and a backslash"},
		{Dotenv, `{"A":"'\""}`, "", "A: holds a single quote and double quotes"},
		{Dotenv, "{\"A\":\"'`id`\"}", "", "A: holds a single quote and a backquote"},
		{Dotenv, "{\"A\":\"`id` $A $(id)\"}", "A='`id` $A $(id)'\n", ""},
		{Dotenv, `{"A":"\u0000"}`, "", "A: holds a NUL"},
		{Dotenv, `{"A":null}`, "", "A: is null"},
		{Dotenv, `{"A":{"b":["it is"]}}`, "A='{\"b\":[\"it is\"]}'\n", ""},
		{Dotenv, `{"A":"'$"}`, "", "A: holds a single quote and a dollar"},
		{Dotenv, `{"A":"it's\n"}`, "A=\"it's\n\"\n", ""},
		{Dotenv, `{"A":"${B}"}`, "", "A: holds ${"},
		{Dotenv, `{"A":"\r"}`, "", "A: holds a carriage return"},
		{Dotenv, `{"a.b":"x"}`, "", "a.b: is no name of a variable"},
		{Properties, `{"a b":" x=y ","é":"ü\n😀","#":"!","n":1.50}`,
			"a\\ b=\\ x\\=y \n\\u00e9=\\u00fc\\n\\ud83d\\ude00\n\\#=\\!\nn=1.50\n", ""},
		{Properties, `{"a:b":":~\r\t\\𐀀"}`, "a\\:b=\\:~\\r\\t\\\\\\ud800\\udc00\n", ""},
		{Properties, `{"a":null}`, "", "a: is null"},
	} {
		got, err := write(t, c.format, c.object)
		fail := ""
		if err != nil {
			var of *Error
			if !errors.As(err, &of) {
				t.Fatal(err)
			}
			fail = of.Key + ": " + of.What
		}
		if got != c.want || !strings.HasPrefix(fail, c.fail) || (fail == "") != (c.fail == "") {
			t.Errorf("%s of %.60s:\ngot  %q, %s\nwant %q, %s", c.format, c.object, got, fail, c.want, c.fail)
		}
	}
}

func TestNamesOfFormats(t *testing.T) {
	for f := range writers {
		if got, err := Parse(string(f)); got != f || err != nil {
			t.Errorf("%s: %s, %v", f, got, err)
		}
	}
	for name, want := range map[string]string{"yml": `did you mean "yaml"?`,
		"xml-ish": "valid are json, yaml, env, dotenv, properties", "": "is not a format"} {
		if _, err := Parse(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnUnknownFormatIsAnError(t *testing.T) {
	for _, f := range []Format{"", "yml"} {
		if _, err := write(t, f, `{"a":1}`); err == nil || !strings.Contains(err.Error(), "is not a format") {
			t.Errorf("%q: %v", f, err)
		}
	}
}

func TestStepsAreTaken(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, steps := range map[string]*rawjson.Steps{"few": rawjson.NewSteps(t.Context(), 5),
		"late": rawjson.NewSteps(ctx, 1<<20)} {
		if _, err := Env.Write(members(`{"A":"`+strings.Repeat("x", 1<<16/2)+`"}`), steps); err == nil {
			t.Errorf("%s: a file was made", name)
		}
	}
}

func TestKeysOfMapsTakeSteps(t *testing.T) {
	const object = `{"a":{"b":1,"c":2}}`
	all := members(object)
	for f, want := range map[Format]int{JSON: len(object) - 3, YAML: len(object) - 3 + 2*perKey} {
		if _, err := f.Write(all, rawjson.NewSteps(t.Context(), want)); err != nil {
			t.Errorf("%s: %v with %d steps", f, err, want)
		}
		if _, err := f.Write(all, rawjson.NewSteps(t.Context(), want-1)); !errors.Is(err, rawjson.ErrSteps) {
			t.Errorf("%s: %v with a step less", f, err)
		}
	}
}

// FuzzFormat: a file has the values that it was made of, is the same each time, is at most Growth
// times as large, and an error does not show a value.
func FuzzFormat(f *testing.F) {
	for _, object := range []string{
		`{"a":"x"}`, `{"no":"yes","1e3":"0x7","~":"null"}`, `{"a":{"b":[1,null,"\u0000"]}}`, `{"A":"a\r\n'b"}`,
		`{"é":"\ud83d\ude00"}`,
		`{"a":"\u00a0 x "}`, `{"a":{"b":1,"b":2}}`, `{"a":{"` + strings.Repeat("k", 1100) + `":"e1"}}`,
		`{"a":"planted \ud83d planted"}`, `{"a":["` + "\x7f" + `"]}`,
	} {
		f.Add(object)
	}
	f.Fuzz(func(t *testing.T, object string) {
		top, valid := rawjson.Parse([]byte(object))
		var want map[string]any
		if !valid || !top.IsObject() || json.Unmarshal([]byte(object), &want) != nil || len(want) != len(members(object)) {
			return
		}
		for f := range writers {
			got, err := write(t, f, object)
			again, _ := write(t, f, object)
			if got != again || len(got) > Growth*len(object)+16 {
				t.Fatalf("%s of %q: %q, then %q", f, object, got, again)
			}
			if err != nil {
				noValue(t, object, err)
				continue
			}
			var read map[string]any
			want = nil
			_ = json.Unmarshal([]byte(object), &want)
			switch f {
			case JSON:
				err = json.Unmarshal([]byte(got), &read)
			case YAML:
				err = yaml.Unmarshal([]byte(got), &read)
				want = texts(want).(map[string]any)
				read, _ = texts(read).(map[string]any)
			case Env, Dotenv, Properties: // read by others' parsers in test/formats
				continue
			}
			if err != nil || !reflect.DeepEqual(read, want) && len(want) > 0 {
				t.Fatalf("%s of %q: %q is read as %v, %v", f, object, got, read, err)
			}
		}
	})
}

// noValue checks that an error does not show a value of 12 bytes or more.
func noValue(t *testing.T, object string, err error) {
	t.Helper()
	for _, m := range members(object) {
		text := string(m.Value)
		if m.Value.IsString() {
			text = text[1 : len(text)-1]
		}
		for shown := range slices.Values([]string{err.Error(), fmt.Sprintf("%+v", err)}) {
			if len(text) >= 12 && strings.Contains(shown, text) {
				t.Fatalf("the error of %q shows a value: %s", object, shown)
			}
		}
	}
}

// texts replaces numbers by a mark: YAML has more types of them than JSON.
func texts(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			v[key] = texts(v[key])
		}
	case []any:
		for i := range v {
			v[i] = texts(v[i])
		}
	case float64, int, uint64, int64:
		return "a number"
	}
	return v
}
