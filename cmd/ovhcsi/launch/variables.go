// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/format"
	"ovhcloud-csi-provider/provider/sensitive"
)

// variable is a variable of the environment.
type variable struct {
	name  string
	value sensitive.Bytes
	where string // its file, for messages
}

// variables returns the variables of the files, in the order of the command line. If a name is given
// by several sources, the last one is used. skip leaves out what can be no variable of an EnvDir.
func variables(files []file, skip bool) ([]variable, error) {
	var all []variable
	for _, f := range files {
		var some []variable
		var err error
		switch f.source.Kind {
		case EnvDir:
			some, err = ofFile(f, skip)
		case EnvFile:
			some, err = parse(f)
		case Volume:
		}
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// ofFile returns the variable that a file of an EnvDir is; none if it is left out.
func ofFile(f file, skip bool) ([]variable, error) {
	cure := "rename it with objectName in the class, or leave such files out with --skip-invalid"
	switch {
	case format.IsVariable(f.name):
	case skip:
		return nil, nil
	case strings.Contains(f.name, "/"):
		return nil, fmt.Errorf("%s: a file in a subdirectory is no variable; %s", f.where(), cure)
	default:
		return nil, fmt.Errorf("%s: is no name of a variable: letters, digits, _ - and . only, and no digit or .. first; %s",
			f.where(), cure)
	}
	value := withoutLineBreak(f.content.Reveal()) // it goes into the environment of the program
	if err := valid(value); err != nil {
		return nil, fmt.Errorf("%s: %w", f.where(), err)
	}
	return []variable{{f.name, sensitive.New(value), f.where()}}, nil
}

// withoutLineBreak returns text without one line break at its end, LF or CR LF, which editors add.
func withoutLineBreak(text []byte) []byte {
	if cut, ok := bytes.CutSuffix(text, []byte("\r\n")); ok {
		return cut
	}
	return bytes.TrimSuffix(text, []byte("\n"))
}

// valid returns what keeps a text from being the value of a variable.
func valid(value []byte) error {
	if bytes.IndexByte(value, 0) >= 0 {
		return errors.New("holds a NUL byte, which a variable cannot hold; let the program read the file, or give the " +
			"object an encoding")
	}
	return nil
}

// environ returns an environment, NAME=value, with the variables in the place of those of the same
// names.
func environ(inherited []string, set []variable) []string {
	last := map[string]variable{}
	var order []string
	for _, v := range set {
		if _, given := last[v.name]; !given {
			order = append(order, v.name)
		}
		last[v.name] = v
	}
	all := slices.DeleteFunc(slices.Clone(inherited), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		_, given := last[name]
		return given
	})
	for _, name := range order {
		all = append(all, name+"="+string(last[name].value.Reveal())) // the purpose of exec
	}
	return all
}
