// SPDX-License-Identifier: Apache-2.0

package class

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/template"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// Limits of the parameter objects: its text in bytes, and its entries.
const (
	maxObjectsText = 256 << 10
	// A list of MaxObjects entries with all fields has 18,000 of the signs that end a node.
	maxSigns   = 30_000
	MaxObjects = 1000
)

// parseObjects reads the YAML list. An object with an invalid field is left out of the
// result, after all mistakes in it were added to c.
func parseObjects(text string, defaultMode fs.FileMode, c *failure.List) []Object {
	if len(text) > maxObjectsText {
		c.Parameter(ParamObjects, "is %d bytes long; at most %d are read; split the list over several classes", len(text),
			maxObjectsText)
		return nil
	}
	if n := countSigns(text); n > maxSigns {
		c.Parameter(ParamObjects,
			"has %d commas, colons, brackets and line breaks; at most %d are read; split the list over several classes", n,
			maxSigns)
		return nil
	}
	list, err := parseList(text)
	if err != nil {
		c.Parameter(ParamObjects, "%s", err)
		return nil
	}
	if len(list) > MaxObjects {
		c.Parameter(ParamObjects, "has %d entries; at most %d are read; split the list over several classes", len(list),
			MaxObjects)
		return nil
	}
	objects := make([]Object, 0, len(list))
	words := 0 // of templates
	for number, node := range list {
		if c.Stop() {
			break
		}
		before := c.Len()
		o := parseObject(node, number, defaultMode, c)
		if o.Template != nil {
			if words += o.Template.Words(); words > template.MaxWords {
				c.At(o.LineOf("template"))
				c.Add(number, failure.Invalid, "template",
					"the templates up to this one have more than %d names and values in their actions; use several classes",
					template.MaxWords)
				break
			}
		}
		if c.Len() == before {
			objects = append(objects, o)
		}
	}
	c.At(0)
	return objects
}

// ParsingTakes returns about how many bytes of memory a list of objects takes while it is
// parsed.
func ParsingTakes(text string) int64 {
	const perNode = 400
	takes := 64<<10 + 4*int64(len(text)) + perNode*int64(min(countSigns(text), maxSigns))
	if strings.Contains(text, "{{") || strings.Contains(text, `\`) { // which may stand for braces
		takes += template.PerWord * int64(min(2*template.MaxWords, len(text)/2))
	}
	return takes
}

// LikelyObjects returns how many objects a list has, unless it is written in an unusual way: most have
// one secretPath, and those that have none are counted too low.
func LikelyObjects(text string) int { return max(1, strings.Count(text, "secretPath")) }

// countSigns counts the characters that begin or end a node of YAML. There are no more
// nodes than these.
func countSigns(text string) (n int) {
	for i := range len(text) {
		switch text[i] {
		case '\n', ',', ':', '[', '{':
			n++
		}
	}
	return n
}

// parseList reads one YAML document that is a list.
func parseList(text string) ([]*yamlnode.Node, error) {
	list, err := yamlnode.Document(text)
	switch {
	case errors.Is(err, yamlnode.ErrEmpty):
		return nil, errors.New("is empty; it lists the secrets to mount")
	case err != nil:
		return nil, err
	case !yamlnode.IsList(list) && yamlnode.Mistake(text) != nil:
		return nil, yamlnode.Mistake(text)
	case !yamlnode.IsList(list):
		return nil, fmt.Errorf("is %s, not a YAML list; %s", yamlnode.Describe(list), asList(list))
	case len(list.Content) == 0:
		return nil, errors.New("is an empty list; it lists the secrets to mount")
	}
	// Looked at once: the list may be long.
	if slices.ContainsFunc(list.Content, isPlain) {
		if err := yamlnode.Mistake(text); err != nil {
			return nil, err
		}
	}
	return list.Content, nil
}

// isPlain reports whether an entry is a single value without quotes: probably fields that
// YAML did not recognise.
func isPlain(entry *yamlnode.Node) bool {
	_, isText := yamlnode.IsText(entry)
	return !isText && entry.Kind == yamlnode.Single
}

// asList returns how to make a list of something else. The azure provider has its list in a
// map.
func asList(n *yamlnode.Node) string {
	if yamlnode.IsMap(n) && len(n.Content) == 2 && n.Content[1].Kind == yamlnode.List {
		return fmt.Sprintf("drop the line %s: above the entries, and a | behind their dashes",
			message.Name(n.Content[0].Value))
	}
	return "each entry begins with a dash: - secretPath: …"
}
