// SPDX-License-Identifier: Apache-2.0

package formats

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	compose "github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/goccy/go-yaml"
	"github.com/joho/godotenv"
	"github.com/magiconair/properties"
	"github.com/sirupsen/logrus"
	yamlv2 "go.yaml.in/yaml/v2"
	yamlv3 "go.yaml.in/yaml/v3"
	"k8s.io/kubernetes/pkg/kubelet/util/env"

	"ovhcloud-csi-provider/provider/format"
)

// reader is a program or a library that reads files of a format.
type reader struct {
	format format.Format
	name   string
	read   func(t *testing.T, written []written) ([]outcome, error)
	every  int                  // reads one object of so many, or all if it is 0: for slow readers
	needs  []string             // a command that succeeds where the reader is installed; nil if it is a part of this test
	skip   func(w written) bool // what this reader is known not to read as its format says
}

// written is a file, and the JSON object that it was made of.
type written struct{ file, text string }

// outcome is what a reader made of a file.
type outcome struct {
	Value object
	Error string
}

// missing returns why a reader cannot be used.
func (r reader) missing() string {
	if r.needs == nil {
		return ""
	}
	if out, err := exec.Command(r.needs[0], r.needs[1:]...).CombinedOutput(); err != nil {
		return fmt.Sprintf("%s is not installed: %v: %.200s", r.name, err, out)
	}
	return ""
}

// each reads one file after the other.
func each(parse func(t *testing.T, w written) (object, error)) func(*testing.T, []written) ([]outcome, error) {
	return func(t *testing.T, all []written) (got []outcome, _ error) {
		for _, w := range all {
			value, err := parse(t, w)
			o := outcome{Value: value}
			if err != nil {
				o.Error = err.Error()
			}
			got = append(got, o)
		}
		return got, nil
	}
}

// program reads all files with a program, which gets a JSON array of them on standard input and
// prints an array of outcomes.
func program(command ...string) func(*testing.T, []written) ([]outcome, error) {
	return func(_ *testing.T, all []written) (got []outcome, err error) {
		files := []string{}
		for _, w := range all {
			files = append(files, w.file)
		}
		input, err := json.Marshal(files)
		if err != nil {
			return nil, err
		}
		cmd := exec.Command(command[0], command[1:]...)
		var stderr bytes.Buffer
		cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("%w: %.500s", err, stderr.String())
		}
		if err := json.Unmarshal(out, &got); err != nil {
			return nil, fmt.Errorf("%s prints %.100q to %.100q: %w", command[0], out, out[max(0, len(out)-100):], err)
		}
		return got, nil
	}
}

const (
	nodeReads = `const files = JSON.parse(require('fs').readFileSync(0, 'utf8'));
		const read = f => { try { return {Value: parse(f)} } catch (e) { return {Error: String(e)} } };
		process.stdout.write(JSON.stringify(files.map(read)));`
	pythonReads = `
import sys, io, json
def read(f):
    try:
        return {"Value": parse(f)}
    except Exception as e:
        return {"Error": repr(e)}
json.dump([read(f) for f in json.load(sys.stdin)], sys.stdout)`
	// pythonYAML also makes keys that are not strings an error.
	pythonYAML = `import yaml
def keys(v):
    if isinstance(v, dict):
        assert all(isinstance(k, str) for k in v), "a key that is not a string"
    for e in v.values() if isinstance(v, dict) else v if isinstance(v, list) else ():
        keys(e)
    return v
parse = lambda f: keys(yaml.load(f, Loader=yaml.%s))`
	// nodeYAML does the same: a map shows the types of its keys.
	nodeYAML = `const yaml = require('yaml');
		const plain = v => v instanceof Map ? Object.fromEntries([...v].map(([k, e]) => { if (typeof k !== 'string') throw 'a key that is not a string'; return [k, plain(e)] }))
			: Array.isArray(v) ? v.map(plain) : v;
		const parse = f => plain(yaml.parse(f, {version: '%s', mapAsMap: true, logLevel: 'error'}));`
)

func node(parse string) func(*testing.T, []written) ([]outcome, error) {
	return program("node", "-e", parse+nodeReads)
}

func python(parse string) func(*testing.T, []written) ([]outcome, error) {
	return program("python3", "-c", parse+pythonReads)
}

var readers = []reader{
	{format: format.Env, name: "kubelet", read: each(kubelet)},
	{format: format.Env, name: "sh", read: shell, needs: []string{"sh", "-c", ""}, skip: notForShell},

	{format: format.Dotenv, name: "godotenv",
		read: each(func(_ *testing.T, w written) (object, error) { return ofTexts(godotenv.Unmarshal(w.file)) })},
	{format: format.Dotenv, name: "Docker Compose", read: each(func(_ *testing.T, w written) (object, error) {
		return ofTexts(compose.Parse(strings.NewReader(w.file)))
	})},
	{format: format.Dotenv, name: "sh", read: shell, needs: []string{"sh", "-c", ""}, skip: notForShell},
	{format: format.Dotenv, name: "python-dotenv",
		read:  python("import io, dotenv\nparse = lambda f: dotenv.dotenv_values(stream=io.StringIO(f))"),
		needs: []string{"python3", "-c", "import dotenv"}},
	{format: format.Dotenv, name: "dotenv of npm", read: node("const parse = require('dotenv').parse;"),
		needs: []string{"node", "-e", "require('dotenv')"}},
	{format: format.Dotenv, name: "Node.js", read: node("const parse = require('util').parseEnv;"),
		needs: []string{"node", "-e", "require('util').parseEnv('')"}},

	{format: format.Properties, name: "magiconair/properties", read: each(magiconair), skip: hasAstral},
	{format: format.Properties, name: "java.util.Properties", read: java, needs: []string{"javac", "-version"}},

	{format: format.YAML, name: "go.yaml.in/yaml/v2", read: each(yamlBy(yamlv2.Unmarshal))},
	{format: format.YAML, name: "go.yaml.in/yaml/v3", read: each(yamlBy(yamlv3.Unmarshal))},
	{format: format.YAML, name: "goccy/go-yaml",
		read: each(yamlBy(func(file []byte, v any) error { return yaml.Unmarshal(file, v) }))},
	{format: format.YAML, name: "PyYAML", every: 4, read: python(fmt.Sprintf(pythonYAML, "SafeLoader")),
		needs: []string{"python3", "-c", "import yaml"}},
	{format: format.YAML, name: "libyaml", read: python(fmt.Sprintf(pythonYAML, "CSafeLoader")),
		needs: []string{"python3", "-c", "import yaml; yaml.CSafeLoader"}},
	{format: format.YAML, name: "yaml of npm with 1.1", read: node(fmt.Sprintf(nodeYAML, "1.1")),
		needs: []string{"node", "-e", "require('yaml')"}},
	{format: format.YAML, name: "yaml of npm with 1.2", read: node(fmt.Sprintf(nodeYAML, "1.2")),
		needs: []string{"node", "-e", "require('yaml')"}},
}

func init() { logrus.SetLevel(logrus.PanicLevel) } // compose-go warns about variables that are not set

// kubelet reads each variable of a file as kubelet does for fileKeyRef: it asks for one by its name.
func kubelet(t *testing.T, w written) (object, error) {
	at := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(at, []byte(w.file), 0o600); err != nil {
		return nil, err
	}
	all := object{}
	for _, name := range namesOf(t, w.text) {
		value, err := env.ParseEnv(at, name)
		if err != nil {
			return nil, err
		}
		all[name] = value
	}
	return all, nil
}

func namesOf(t *testing.T, text string) []string {
	var o object
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return slices.Collect(maps.Keys(o))
}

// shell reads files with the dot command of a POSIX shell, all in one process.
func shell(t *testing.T, all []written) (got []outcome, err error) {
	dir := t.TempDir()
	for i, w := range all {
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), []byte(w.file), 0o600); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command("sh", "-c",
		`i=0; while [ $i -lt $1 ]; do . "./$i"; printf '%s\0' "$BEFORE" "$A" "$AFTER"; unset BEFORE A AFTER; i=$((i+1)); done`,
		"sh", strconv.Itoa(len(all)))
	cmd.Dir, cmd.Env = dir, []string{"PATH="}
	out, err := cmd.Output()
	values := strings.Split(string(out), "\x00")
	for i := 0; i+2 < len(values); i += 3 {
		got = append(got, outcome{Value: object{"BEFORE": values[i], "A": values[i+1], "AFTER": values[i+2]}})
	}
	return got, err
}

// notForShell reports whether a file has other names than those that shell prints.
func notForShell(w written) bool { return !strings.Contains(w.text, `,"A":`) }

// java reads files with java.util.Properties. Lengths are numbers of four bytes, since Java has no
// JSON; what it prints is one array of outcomes, of which each text is hexadecimal UTF-16.
func java(t *testing.T, all []written) ([]outcome, error) {
	var input []byte
	for _, w := range all {
		input = append(binary.BigEndian.AppendUint32(input, uint32(len(w.file))), w.file...)
	}
	cmd := exec.Command("java", "testdata/ReadProperties.java")
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %.500s", err, stderr.String())
	}
	var hexadecimal []outcome
	if err := json.Unmarshal(out, &hexadecimal); err != nil {
		return nil, err
	}
	for i, o := range hexadecimal {
		clear := object{}
		for key, value := range o.Value {
			clear[fromUTF16(t, key)] = fromUTF16(t, value.(string))
		}
		hexadecimal[i].Value = clear
	}
	return hexadecimal, nil
}

func fromUTF16(t *testing.T, digits string) string {
	raw, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	var units []uint16
	for ; len(raw) > 0; raw = raw[2:] {
		units = append(units, binary.BigEndian.Uint16(raw))
	}
	return string(utf16.Decode(units))
}

func magiconair(_ *testing.T, w written) (object, error) {
	loader := properties.Loader{Encoding: properties.ISO_8859_1, DisableExpansion: true}
	all, err := loader.LoadBytes([]byte(w.file))
	if err != nil {
		return nil, err
	}
	return ofTexts(all.Map(), nil)
}

// hasAstral reports whether a file has a character that Java has two of: magiconair/properties
// does not join them.
func hasAstral(w written) bool { return regexp.MustCompile(`\\ud[89ab]`).MatchString(w.file) }

func ofTexts(all map[string]string, err error) (object, error) {
	o := object{}
	for key, value := range all {
		o[key] = value
	}
	return o, err
}

// yamlBy reads YAML with a library of Go.
func yamlBy(unmarshal func(file []byte, v any) error) func(*testing.T, written) (object, error) {
	return func(_ *testing.T, w written) (object, error) {
		var v any
		if err := unmarshal([]byte(w.file), &v); err != nil {
			return nil, err
		}
		o, _ := asJSON(v).(object)
		return o, nil
	}
}

// asJSON returns a value with the types that encoding/json has. What is of another one is its type.
func asJSON(v any) any {
	switch v := v.(type) {
	case map[any]any:
		o := object{}
		for key, e := range v {
			if name, ok := key.(string); ok {
				o[name] = asJSON(e)
			} else {
				o[fmt.Sprintf("a key of the type %T", key)] = nil
			}
		}
		return o
	case object:
		for key := range v {
			v[key] = asJSON(v[key])
		}
		return v
	case []any:
		for i := range v {
			v[i] = asJSON(v[i])
		}
		return v
	case nil, string, bool, float64:
		return v
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case uint64:
		return float64(v)
	}
	return fmt.Sprintf("a value of the type %T", v)
}
