// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/format"
	"ovhcloud-csi-provider/provider/rawjson"
)

func TestOneLineBreakAtTheEndIsNoPartOfAValue(t *testing.T) {
	dir := t.TempDir()
	write(t, dir,
		map[string]string{"A": "", "B": "x", "C": "x\n", "D": "x\r\n", "E": "x\n\n", "F": "\n", "G": "x\ny", "H": " x \n",
			"I": "x\r"})
	got, err := texts(t, false, Source{EnvDir, dir})
	if want := []string{"A=", "B=x", "C=x", "D=x", "E=x\n", "F=", "G=x\ny", "H= x ", "I=x\r"}; err != nil ||
		!slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestNamesOfFiles(t *testing.T) {
	for name, valid := range map[string]bool{
		"A": true, "_a1": true, "db-password": true, "db.json": true, ".dockerconfigjson": true,
		"1A": false, "a b": false, "a=b": false, "a\nb": false, "é": false, "db/password": false,
	} {
		dir := t.TempDir()
		write(t, dir, map[string]string{name: "s3cret", "OK": "1", "..hidden": "s3cret", "..2026/x": "s3cret"})
		got, err := texts(t, false, Source{EnvDir, dir})
		if (err == nil) != valid || valid && !slices.Contains(got, name+"=s3cret") {
			t.Errorf("%q: %q, %v", name, got, err)
		}
		if !valid &&
			(!strings.Contains(err.Error(), filepath.Join(dir, name)+": ") || !strings.Contains(err.Error(), "--skip-invalid") ||
				strings.Contains(err.Error(), "s3cret")) {
			t.Errorf("%q: %v", name, err)
		}
		if got, err := texts(t, true, Source{EnvDir, dir}); err != nil || !slices.Contains(got, "OK=1") ||
			slices.Contains(got, name+"=s3cret") != valid {
			t.Errorf("%q, with --skip-invalid: %q, %v", name, got, err)
		}
		if got, err := texts(t, false, Source{Volume, dir}); err != nil || len(got) > 0 {
			t.Errorf("%q, of a volume: %q, %v", name, got, err)
		}
	}
}

func TestAValueWithANULByteIsAnError(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"A": "s3cret\x00", "x.env": "B='s3cret\x00'"})
	for _, s := range []Source{{EnvDir, dir}, {EnvFile, filepath.Join(dir, "x.env")}} {
		if _, err := texts(t, false, s); err == nil || !strings.Contains(err.Error(), "NUL byte") ||
			strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v: %v", s, err)
		}
	}
}

func TestTheLastSourceOfAVariableIsUsed(t *testing.T) {
	all := []variable{{name: "A", value: bytesOf("1")}, {name: "B", value: bytesOf("2")}, {name: "A", value: bytesOf("3")}}
	got := environ([]string{"PATH=/bin", "B=old", "A=old", "C"}, all)
	if want := []string{"PATH=/bin", "C", "A=3", "B=2"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestEnvFiles(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                   nil,
		"A='1'\nB='2'\n":                     {"A=1", "B=2"},
		"A='two\nlines'\nB='x'":              {"A=two\nlines", "B=x"},
		"# c\n\n  A='1' # c\nB='#'\r\n":      {"A=1", "B=#"},
		`A="it's"` + "\n":                    {"A=it's"},
		"A=\nB=plain/x.y:1@z\nC= # c\n":      {"A=", "B=plain/x.y:1@z", "C="},
		"A='$x `y` \\n \"z\"'\n":             {"A=$x `y` \\n \"z\""},
		"a.b-c='1'\n":                        {"a.b-c=1"},
		"A='# no comment\n# nor this'#c\n":   {"A=# no comment\n# nor this"},
		"A='B=1\nC=2'\nD='3'":                {"A=B=1\nC=2", "D=3"},
		"A='\u00e9'\nB=\"\u00e9\u2028 x\"\n": {"A=\u00e9", "B=\u00e9\u2028 x"},
	} {
		all, err := parse(fileOf(text))
		if got := environ(nil, all); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func TestMistakesInEnvFiles(t *testing.T) {
	for text, say := range map[string]string{
		"A='1'\ns3cret\n":          "/mnt/db.env:2: has no =",
		"A = 's3cret'\n":           "/mnt/db.env:1: what is before the = is no name",
		"export A='s3cret'\n":      "/mnt/db.env:1: what is before the = is no name",
		"='s3cret'\n":              "/mnt/db.env:1: what is before the = is no name",
		"A='x\ny'\nB='s3cret":      "/mnt/db.env:3: the value of B has no quote at its end",
		"A=\"s3cret\n":             "/mnt/db.env:1: the value of A has no quote at its end",
		"A='s3'cret\n":             "/mnt/db.env:1: the value of A has text after its end",
		"A=s3 cret\n":              "/mnt/db.env:1: the value of A has text after its end",
		"A= 's3cret'\n":            "/mnt/db.env:1: the value of A has text after its end",
		"A=$s3cret\n":              "/mnt/db.env:1: the value of A has a sign",
		"A=s3cret#\n":              "/mnt/db.env:1: the value of A has a sign",
		"A=s3cret\\\n":             "/mnt/db.env:1: the value of A has a sign",
		"A=\u00e9s3cret\n":         "/mnt/db.env:1: the value of A has a sign",
		"A=\"s3cret$x\"\n":         "/mnt/db.env:1: the value of A has a $",
		"A=\"s3cret\\n\"\n":        "/mnt/db.env:1: the value of A has a $",
		"A='x'\n\nA='s3cret'\n":    "/mnt/db.env:3: A is given twice, first in line 1",
		"-----BEGIN s3cret-----\n": "/mnt/db.env:1: has no =",
	} {
		if _, err := parse(fileOf(text)); err == nil || !strings.Contains(err.Error(), say) ||
			strings.Contains(err.Error(), "s3") {
			t.Errorf("%q: %v; want %s", text, err, say)
		}
	}
}

// TestWhatTheFormatsWriteIsRead writes all that format: env and dotenv can carry, and reads it.
func TestWhatTheFormatsWriteIsRead(t *testing.T) {
	pieces := []string{"", "a", "'", `"`, "$", "${x}", "\\", `\\`, "`", "#", " ", "\n", "\r", "=", "\u00e9", "\t",
		"A='b'\nC='d'"}
	for _, form := range []format.Format{format.Env, format.Dotenv} {
		carried := 0
		for _, one := range pieces {
			for _, two := range pieces {
				for _, three := range pieces {
					value := one + two + three
					raw, err := json.Marshal(value)
					if err != nil {
						t.Fatal(err)
					}
					members := []format.Member{{Key: "A", Value: rawjson.Value(raw)}, {Key: "B", Value: rawjson.Value(`"end"`)}}
					text, err := form.Write(members, rawjson.NewSteps(t.Context(), 1<<20))
					if err != nil {
						continue // the mount fails with a message
					}
					carried++
					all, err := parse(fileOf(string(text)))
					if got := environ(nil, all); err != nil || !slices.Equal(got, []string{"A=" + value, "B=end"}) {
						t.Fatalf("%s: %q is read as %q, %v", form, text, got, err)
					}
				}
			}
		}
		if carried < 1000 {
			t.Errorf("%s carried %d values only", form, carried)
		}
	}
}
