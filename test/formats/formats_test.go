package formats

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/joho/godotenv"
	"github.com/magiconair/properties"
	"k8s.io/kubernetes/pkg/kubelet/util/env"

	"ovhcloud-csi-provider/provider/format"
	"ovhcloud-csi-provider/provider/rawjson"
)

// file returns the file of a key and a value, and whether the format can carry them.
func file(t *testing.T, f format.Format, key, value string) (string, bool) {
	t.Helper()
	marshal := func(text string) rawjson.Value {
		raw, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	out, err := f.Write([]format.Member{
		{Key: "BEFORE", Raw: marshal("BEFORE"), Value: marshal("before # x")},
		{Key: key, Raw: marshal(key), Value: marshal(value)},
		{Key: "AFTER", Raw: marshal("AFTER"), Value: marshal("after")},
	}, rawjson.NewSteps(t.Context(), 1<<20))
	if err != nil && strings.Contains(err.Error(), value) && len(value) > 12 {
		t.Fatalf("the error shows the value: %v", err)
	}
	return string(out), err == nil
}

// readers return the value of a key in a file.
var readers = map[format.Format]func(t *testing.T, text, key string) (string, error){
	format.Env: func(t *testing.T, text, key string) (string, error) {
		at := filepath.Join(t.TempDir(), "env")
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return env.ParseEnv(at, key)
	},
	format.Dotenv: func(_ *testing.T, text, key string) (string, error) {
		all, err := godotenv.Unmarshal(text)
		return all[key], err
	},
	format.Properties: func(_ *testing.T, text, key string) (string, error) {
		loader := properties.Loader{Encoding: properties.ISO_8859_1, DisableExpansion: true}
		all, err := loader.LoadBytes([]byte(text))
		if err != nil {
			return "", err
		}
		return all.GetString(key, "is not there"), nil
	},
}

var seeds = []string{"", "x", " x ", "it's", `"x"`, `a\nb`, "a\nb\n", "#", "$A", "${A}", "a\r\nb", "\x00", "é😀", "=", "a='b'", "\u0085\u2028", `\`, "!", strings.Repeat("x", 1<<16)}

// FuzzReaders: what a format carries, its readers read.
func FuzzReaders(f *testing.F) {
	for _, seed := range seeds {
		f.Add("A", seed)
	}
	f.Add("a b", "x")
	f.Add("a:b=c#", "x")
	f.Fuzz(func(t *testing.T, key, value string) {
		if key == "BEFORE" || key == "AFTER" || !utf8.ValidString(key) || !utf8.ValidString(value) {
			return
		}
		for f, read := range readers {
			text, ok := file(t, f, key, value)
			if !ok || f == format.Properties && strings.ContainsFunc(key+value, func(r rune) bool { return r > 0xffff }) {
				continue // this reader does not join the halves of a character that Java has two of
			}
			for k, want := range map[string]string{key: value, "BEFORE": "before # x", "AFTER": "after"} {
				if got, err := read(t, text, k); got != want || err != nil {
					t.Fatalf("%s: %q is read from %q as %q, %v", f, want, text, got, err)
				}
			}
		}
	})
}

// TestOtherLibrariesOfDotenv reads with those of Python and Node.js, where they are installed.
func TestOtherLibrariesOfDotenv(t *testing.T) {
	for name, command := range map[string][]string{
		"python": {"python3", "-c", "import sys,io,json,dotenv; print(json.dumps(dotenv.dotenv_values(stream=io.StringIO(sys.stdin.read()))['A']))"},
		"node":   {"node", "-e", "console.log(JSON.stringify(require('dotenv').parse(require('fs').readFileSync(0))['A']))"},
	} {
		t.Run(name, func(t *testing.T) {
			if exec.Command(command[0], append(command[1:2:2], strings.Replace(command[2], "['A']", "", 1))...).Run() != nil {
				t.Skipf("%s or its library of dotenv is not installed", command[0])
			}
			for _, value := range seeds {
				text, ok := file(t, format.Dotenv, "A", value)
				if !ok {
					continue
				}
				cmd := exec.Command(command[0], command[1:]...)
				cmd.Stdin = strings.NewReader(text)
				out, err := cmd.Output()
				var got string
				if err != nil || json.Unmarshal(out, &got) != nil || got != value {
					t.Errorf("%q is read as %q, %v", value, got, err)
				}
			}
		})
	}
}
