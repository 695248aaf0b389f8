// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
)

// page is where each rule has a section.
const page = "docs/lint.md#"

// Outputs returns the names of the forms of Write.
func Outputs() []string { return []string{"text", "json", "sarif", "github", "junit"} }

// Write writes findings in a form: text for people, json, sarif (2.1.0), github (commands of
// workflows) or junit. version is that of the program.
func Write(to io.Writer, output, version string, files int, findings []Finding) error {
	switch output {
	case "json":
		return encode(to, map[string]any{"version": version, "files": files, "findings": nonNil(findings)})
	case "sarif":
		return encode(to, sarif(version, findings))
	case "github":
		return github(to, findings)
	case "junit":
		return junit(to, files, findings)
	}
	for _, f := range findings {
		if _, err := fmt.Fprintf(to, "%s:%d:%d: %s %s: %s\n", f.File, f.Line, f.Column, f.Severity, f.ID,
			oneLine(f.Message)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(to, summary(files, findings))
	return err
}

// oneLine keeps a message on its line.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", " ") }

// summary is the last line of the text.
func summary(files int, findings []Finding) string {
	count := func(s Severity) (n int) {
		for _, f := range findings {
			if f.Severity == s {
				n++
			}
		}
		return n
	}
	return fmt.Sprintf("%s: %s, %s, %s", plural(files, "file"), plural(count(Error), "error"),
		plural(count(Warning), "warning"), plural(count(Note), "note"))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func nonNil(findings []Finding) []Finding {
	if findings == nil {
		return []Finding{}
	}
	return findings
}

func encode(to io.Writer, v any) error {
	enc := json.NewEncoder(to)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// sarif returns a log of the form 2.1.0.
func sarif(version string, findings []Finding) any {
	type object = map[string]any
	var rules, results []object
	for _, r := range Rules() {
		rules = append(rules,
			object{"id": r.ID, "shortDescription": object{"text": r.Title}, "helpUri": page + strings.ToLower(r.ID),
				"defaultConfiguration": object{"level": r.Severity}})
	}
	for _, f := range findings {
		results = append(results, object{"ruleId": f.ID, "level": f.Severity, "message": object{"text": f.Message},
			"locations": []object{{"physicalLocation": object{"artifactLocation": object{"uri": f.File},
				"region": object{"startLine": f.Line, "startColumn": f.Column}}}}})
	}
	if results == nil {
		results = []object{}
	}
	return object{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": []object{{
		"tool": object{"driver": object{"name": "ovhcsi", "version": version, "rules": rules}}, "results": results}}}
}

// github writes a command of GitHub's workflows for each finding.
func github(to io.Writer, findings []Finding) error {
	escape := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace
	message := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace
	for _, f := range findings {
		command := map[Severity]string{Error: "error", Warning: "warning", Note: "notice"}[f.Severity]
		if _, err := fmt.Fprintf(to, "::%s file=%s,line=%d,col=%d,title=%s::%s\n", command, escape(f.File), f.Line, f.Column,
			f.ID, message(f.Message)); err != nil {
			return err
		}
	}
	return nil
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Failure *junitFailure `xml:"failure"`
}

type junitFailure struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
}

// junit writes a test for each finding, all of which failed, or one that passed.
func junit(to io.Writer, files int, findings []Finding) error {
	suite := struct {
		XMLName  xml.Name    `xml:"testsuite"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}{Name: "ovhcsi lint", Tests: max(1, len(findings)), Failures: len(findings)}
	for _, f := range findings {
		suite.Cases = append(suite.Cases,
			junitCase{fmt.Sprintf("%s %s:%d:%d", f.ID, f.File, f.Line, f.Column), f.File, &junitFailure{f.ID, f.Message}})
	}
	if len(findings) == 0 {
		suite.Cases = []junitCase{{Name: plural(files, "file"), Class: "ovhcsi lint"}}
	}
	if _, err := io.WriteString(to, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(to)
	enc.Indent("", "  ")
	if err := enc.Encode(suite); err != nil {
		return err
	}
	_, err := fmt.Fprintln(to)
	return err
}

// Failed reports whether findings are more than notes.
func Failed(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity != Note })
}
