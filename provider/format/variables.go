package format

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// variable matches the names that Kubernetes takes for variables (its IsEnvVarName); shellVariable
// matches those that shells and the libraries of dotenv take.
var (
	variable      = regexp.MustCompile(`^[-._a-zA-Z][-._a-zA-Z0-9]*$`)
	shellVariable = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
)

// maxLine bounds a line in bytes: kubelet's scanner takes no longer ones (bufio.MaxScanTokenSize).
const maxLine = 64<<10 - 2

// env writes a variable as kubelet's parser of env files reads it (source: ParseEnv of Kubernetes
// 1.35, pkg/kubelet/util/env): in single quotes, in which every character stands for itself.
func (w *writer) env(m Member) error {
	if !variable.MatchString(m.Key) {
		return fmt.Errorf("is no name of a variable: letters, digits, _ - and . only, and no digit first; %s", adviceName)
	}
	value, err := text(m.Value)
	switch {
	case err != nil:
		return err
	case strings.Contains(value, "'"):
		return errors.New("holds a single quote, which an env file of Kubernetes cannot hold; use format: dotenv or json")
	case strings.Contains(value, "\x00"):
		return errors.New("holds a NUL byte, which a variable cannot hold")
	case strings.Contains(value, "\r\n") || strings.HasSuffix(value, "\r"):
		return errors.New("holds a line break of Windows (CR LF), of which kubelet drops the CR; store it with LF only")
	}
	for line := range strings.SplitSeq(m.Key+"='"+value+"'", "\n") {
		if len(line) > maxLine {
			return fmt.Errorf("has a line of more than %d bytes, which kubelet does not read", maxLine)
		}
	}
	w.add(m.Key, "='", value, "'\n")
	return nil
}

// dotenv writes a variable so that Docker Compose and the libraries of Go, Node.js and Python read
// the same value. They differ in what a backslash or a dollar sign means.
func (w *writer) dotenv(m Member) error {
	if !shellVariable.MatchString(m.Key) {
		return fmt.Errorf("is no name of a variable: letters, digits and _ only, and no digit first; %s", adviceName)
	}
	value, err := text(m.Value)
	if err != nil {
		return err
	}
	cannot := func(what string) error {
		return fmt.Errorf("holds %s, which libraries of dotenv read in different ways; use format: json or properties", what)
	}
	quote := "'"
	if strings.Contains(value, "'") {
		quote = `"`
	}
	switch {
	case strings.Contains(value, "\x00"):
		return errors.New("holds a NUL byte, which a variable cannot hold")
	case strings.Contains(value, `\`):
		return cannot("a backslash")
	case strings.Contains(value, "\r"):
		return cannot("a carriage return")
	case strings.Contains(value, "${"):
		return cannot("${")
	case quote == "'":
	case strings.Contains(value, `"`):
		return cannot("both single and double quotes")
	case strings.Contains(value, "$"):
		return cannot("a single quote and a dollar sign")
	case strings.Contains(value, "\n"):
		return cannot("a single quote and a line break")
	}
	w.add(m.Key, "=", quote, value, quote, "\n")
	return nil
}
