// SPDX-License-Identifier: Apache-2.0

package format

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// variable matches the names that Kubernetes takes for variables, unless they begin with two dots
// or are one (its IsEnvVarName). The API server takes more names for fileKeyRef
// (IsRelaxedEnvVarName), of which kubelet reads one with a # as a comment.
// shellVariable matches the names that shells and the libraries of dotenv take.
var (
	variable      = regexp.MustCompile(`^[-._a-zA-Z][-._a-zA-Z0-9]*$`)
	shellVariable = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
)

const (
	// maxLine bounds a line in bytes: with its line break it must fit into the buffer of kubelet's
	// scanner (bufio.MaxScanTokenSize).
	maxLine = 64<<10 - 1
	// maxVariable bounds a variable in bytes, NAME=value with the NUL byte after it: Linux starts no
	// program with a longer one (MAX_ARG_STRLEN).
	maxVariable = 128 << 10
)

var (
	errNUL      = errors.New("holds a NUL byte, which a variable cannot hold")
	errTooLarge = fmt.Errorf("is, with its name, longer than the %d bytes that Linux allows a variable", maxVariable-2)
)

// IsVariable reports whether Kubernetes takes a name for that of a variable, and kubelet reads it in an
// env file.
func IsVariable(name string) bool {
	return variable.MatchString(name) && name != "." && !strings.HasPrefix(name, "..")
}

// env writes a variable as kubelet's parser of env files reads it from Kubernetes 1.35 on (ParseEnv
// in pkg/kubelet/util/env): in single quotes, in which every character stands for itself. Numbers
// and booleans are their text, lists and maps their JSON, and null is an error. Kubernetes 1.34, where
// fileKeyRef is alpha and off, takes the quotes for a part of the value.
func (w *writer) env(m Member) error {
	if !IsVariable(m.Key) {
		return fmt.Errorf("is no name of a variable: letters, digits, _ - and . only, and no digit or .. first; %s",
			adviceName)
	}
	value, err := text(m.Value)
	switch {
	case err != nil:
		return err
	case strings.Contains(value, "'"):
		return errors.New("holds a single quote, which an env file of Kubernetes cannot hold; use format: json or properties")
	case strings.Contains(value, "\x00"):
		return errNUL
	case strings.Contains(value, "\r\n"):
		return errors.New("holds a line break of Windows (CR LF), of which kubelet drops the CR; store it with LF only")
	case len(m.Key)+len(value) > maxVariable-2:
		return errTooLarge
	}
	for line := range strings.SplitSeq(m.Key+"='"+value+"'", "\n") {
		if len(line) > maxLine {
			return fmt.Errorf("makes a line of more than %d bytes, which kubelet does not read", maxLine)
		}
	}
	w.add(m.Key, "='", value, "'\n")
	return nil
}

// dotenv writes a variable so that Docker Compose, the libraries of Go, Node.js and Python, Node.js
// itself and shells read the same value. They differ in what a dollar sign and some backslashes
// mean. Values that are not strings are written as in env.
func (w *writer) dotenv(m Member) error {
	if !shellVariable.MatchString(m.Key) {
		return fmt.Errorf("is no name of a variable: letters, digits and _ only, and no digit first; %s", adviceName)
	}
	value, err := text(m.Value)
	if err != nil {
		return err
	}
	quote, differs := `'`, differsInSingleQuotes(value)
	if strings.Contains(value, `'`) {
		quote, differs = `"`, differsInDoubleQuotes(value)
	}
	switch {
	case strings.Contains(value, "\x00"):
		return errNUL
	case strings.Contains(value, "\r"):
		differs = "a carriage return"
	}
	if differs != "" {
		return fmt.Errorf("holds %s, which readers of dotenv take for different values; use format: json or "+
			"properties", differs)
	}
	w.add(m.Key, "=", quote, value, quote, "\n")
	return nil
}

// differsInSingleQuotes returns what in a value without single quotes is not read alike in them.
// python-dotenv expands ${ and takes two backslashes for one; a last backslash hides the quote.
func differsInSingleQuotes(value string) string {
	switch {
	case strings.Contains(value, "${"):
		return "${"
	case strings.Contains(value, `\\`):
		return "two backslashes in a row"
	case strings.HasSuffix(value, `\`):
		return "a backslash at its end"
	}
	return ""
}

// differsInDoubleQuotes returns what in a value with single quotes is not read alike in double
// quotes. Shells execute what is between backquotes.
func differsInDoubleQuotes(value string) string {
	for _, sign := range []struct{ text, name string }{{`"`, "double quotes"}, {`$`, "a dollar sign"},
		{`\`, "a backslash"}, {"`", "a backquote"}} {
		if strings.Contains(value, sign.text) {
			return "a single quote and " + sign.name
		}
	}
	return ""
}
