// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"regexp"
	"strings"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// checkClass reads a class as the daemon does, and checks what it mirrors.
func (l *linter) checkClass(c *spc, pods bool) {
	l.checkTexts(c)
	var wrong *failure.List
	c.said, wrong = class.Parse(c.parameters, class.Given{Credentials: c.credentials(), Mode: defaultMode})
	for _, f := range wrong.All() {
		if !c.notText[strings.TrimPrefix(f.Where, "parameters.")] {
			l.mistake(c.object, c.at("spec", "parameters"), f)
		}
	}
	if c.valid = wrong.Len() == 0; c.valid {
		l.checkEndpoint(c)
		l.checkPaths(c)
		l.checkMirror(c)
		l.checkRules(c)
		l.checkApplied(c)
		for _, v := range c.volumes {
			l.modes(v)
		}
	}
	// Tens of thousands of them would take a gigabyte.
	c.said = class.Class{}
	if pods && len(c.volumes) == 0 {
		l.find(unused, c.object, c.at("metadata", "name"), "no pod of these files names this class")
	}
}

// checkTexts checks that parameters are texts, and that none is given twice.
func (l *linter) checkTexts(c *spc) {
	seen := map[string]int{}
	parameters := yamlnode.Resolve(c.at("spec", "parameters"))
	for i := 0; parameters != nil && parameters.Kind == yamlnode.Map && i+1 < len(parameters.Content); i += 2 {
		key, value := parameters.Content[i], yamlnode.Resolve(parameters.Content[i+1])
		if yamlnode.IsMerge(key) {
			continue
		}
		switch first := seen[key.Value]; {
		case first > 0:
			l.find(wrongParameter, c.object, key, "parameters.%s: is given twice, first in line %d; drop one of them",
				key.Value, first)
		case value.Kind != yamlnode.Single:
			l.find(notText, c.object, key,
				"parameters.%s: is %s, and Kubernetes takes texts only; write %s: | and the lines below it", key.Value,
				yamlnode.Describe(value), key.Value)
		case !yamlnode.IsString(value) && value.Value != "":
			l.find(notText, c.object, key, "parameters.%s: is no text to Kubernetes; quote it: %s: %q", key.Value, key.Value,
				value.Value)
		case !yamlnode.IsString(value):
			l.find(notText, c.object, key, "parameters.%s: is empty; give a value, or drop it", key.Value)
		}
		seen[key.Value] = key.Line
	}
}

// mistake adds a failure of the daemon at its place in parameters, a map of the object.
func (l *linter) mistake(o *object, parameters *yamlnode.Node, f failure.Failure) {
	value, line := yamlnode.Field(parameters, class.ParamObjects), f.Line
	f.Line = 0 // the finding has that of the file
	text := f.Where + ": " + f.Text()
	if f.Object != failure.WholeClass && line > 0 && value != nil {
		l.within(wrongObject, o, value, line, word(f.Where), o.source.relocate(value, text))
		return
	}
	if f.Where == class.CredentialSource {
		return // of the pods
	}
	if line, _ := placeIn(f.What); f.Where == "parameters."+class.ParamObjects && value != nil && line > 0 { // its YAML
		text = o.source.relocate(value, text)
		if sourceLine, column := placeIn(text); column > 0 {
			l.findAt(wrongObject, o, sourceLine, column, "%s", text)
			return
		}
		l.within(wrongObject, o, value, line, "", text)
		return
	}
	key, _ := yamlnode.Entry(parameters, strings.TrimPrefix(f.Where, "parameters."))
	if key == nil {
		key = parameters
	}
	l.find(wrongParameter, o, key, "%s", text)
}

// lastName matches the last field of a place such as objects[0].keys[1].
var lastName = regexp.MustCompile(`\.([A-Za-z_][A-Za-z0-9_.-]*?)(\[[0-9]+\])?$`)

// word returns the field that a place is about, "" if it is about an object.
func word(where string) string {
	if m := lastName.FindStringSubmatch(where); m != nil {
		return m[1][strings.LastIndexByte(m[1], '.')+1:]
	}
	return ""
}

// checkEndpoint checks that credentials may be sent to the endpoint of a class.
func (l *linter) checkEndpoint(c *spc) {
	if !c.said.OwnPlace || c.said.Domain.Endpoint == "" {
		return
	}
	if err := l.options.Endpoints.Check(c.said.Domain.Endpoint); err != nil {
		key, _ := yamlnode.Entry(c.at("spec", "parameters"), class.ParamEndpoint)
		l.find(foreignHost, c.object, key, "parameters.endpoint: no credential is sent there: %s", err)
	}
}

// checkPaths looks for paths as Vault's provider takes them. The prefix is of the API, which the daemon adds by itself.
func (l *linter) checkPaths(c *spc) {
	objects := yamlnode.Field(c.at("spec", "parameters"), class.ParamObjects)
	for _, o := range c.said.Objects {
		for _, path := range pathsOf(o) {
			field := "secretPath"
			switch {
			case o.Find != nil:
				field = "find"
			case o.SecretPath == "":
				field = "secrets"
			}
			if rest, found := strings.CutPrefix(path, "secret/data/"); found {
				l.within(vaultPath, c.object, objects, o.LineOf(field), field,
					fmt.Sprintf("objects[%d].%s: %s begins like a path of Vault's API; write %s", o.Number, field,
						message.Quote(path), message.Quote(rest)))
			}
		}
	}
}

// pathsOf returns the paths that an object names.
func pathsOf(o class.Object) (all []string) {
	if o.Find != nil {
		return []string{o.Find.Path}
	}
	for n := range o.Count() {
		all = append(all, o.Source(n).Path)
	}
	return all
}
