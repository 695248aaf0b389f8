// SPDX-License-Identifier: Apache-2.0

package template

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"ovhcloud-csi-provider/provider/format"
	"ovhcloud-csi-provider/provider/rawjson"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// jsonOf returns a value as JSON: keys sorted, numbers as they are, no signs escaped for HTML.
func (r *run) jsonOf(v any, indent string) (string, error) {
	p, err := r.plain(v, 0) // has counted the memory of the text
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(p); err != nil {
		return "", problem("the value cannot be written as JSON")
	}
	return strings.TrimSuffix(out.String(), "\n"), r.take(out.Len())
}

func toJSON(indent string) func(r *run, v any) (string, error) {
	return func(r *run, v any) (string, error) { return r.jsonOf(v, indent) }
}

func (r *run) fromJSON(v any) (any, error) {
	all, size, err := r.texts(v)
	if err == nil {
		err = r.makes(perByte * size)
	}
	if err != nil {
		return nil, err
	}
	parsed, valid := rawjson.Parse([]byte(all[0]))
	if !valid {
		return nil, problem("the text is not JSON")
	}
	return r.decode(parsed, 1)
}

// toYAML writes a map as lines of keys, and anything else on one line.
func (r *run) toYAML(v any) (string, error) {
	text, err := r.jsonOf(v, "")
	if err != nil {
		return "", err
	}
	parsed, valid := rawjson.Parse([]byte(text))
	if !valid {
		return "", problem("the value cannot be written as YAML")
	}
	if err := r.makes(format.Growth * len(text)); err != nil {
		return "", err
	}
	if !parsed.IsObject() {
		out, err := format.YAML.Write([]format.Member{{Key: "v", Raw: rawjson.Value(`"v"`), Value: parsed}}, r.steps)
		return strings.TrimSuffix(strings.TrimPrefix(string(out), "v: "), "\n"), yamlProblem(err)
	}
	var members []format.Member
	for raw, value := range parsed.Members() {
		key, _ := raw.Unquote()
		members = append(members, format.Member{Key: string(key), Raw: raw, Value: value})
	}
	out, err := format.YAML.Write(members, r.steps)
	return strings.TrimSuffix(string(out), "\n"), yamlProblem(err)
}

func yamlProblem(err error) error {
	var of *format.Error
	if errors.As(err, &of) {
		return problem("a value of the map " + of.What)
	}
	return err
}

// fromYAML reads YAML without anchors. Its numbers stay as they are written.
func (r *run) fromYAML(v any) (any, error) {
	all, size, err := r.texts(v)
	if err == nil {
		err = r.makes(perYAML + perByteOfYAML*size + perNodeOfYAML*yamlNodes(all[0]))
	}
	if err != nil {
		return nil, err
	}
	node, err := yamlnode.Document(all[0])
	if err != nil {
		return nil, problem("the text is not YAML")
	}
	return r.fromNode(node, 0)
}

// yamlNodes returns a number that the nodes of a YAML text do not exceed.
func yamlNodes(text string) (n int) {
	for i := range len(text) {
		switch text[i] {
		case '\n', ',', ':', '-', '?', '[', '{', '#', '!', '&', '*':
			n++
		}
	}
	return n + 1
}

func (r *run) fromNode(n *yamlnode.Node, depth int) (any, error) {
	switch {
	case depth > maxNesting:
		return nil, problemf("the text holds more than %d lists or maps within one another", maxNesting)
	case yamlnode.IsTagged(n):
		return nil, problem("the text has a tag, such as !!str")
	case yamlnode.IsMap(n):
		all := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if _, twice := all[n.Content[i].Value]; twice || !yamlnode.IsName(n.Content[i]) || yamlnode.IsTagged(n.Content[i]) {
				return nil, problem("the text has a key twice, or one that is no text")
			}
			one, err := r.fromNode(n.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			all[n.Content[i].Value] = one
		}
		return all, nil
	case yamlnode.IsList(n):
		all := []any{}
		for _, element := range n.Content {
			one, err := r.fromNode(element, depth+1)
			if err != nil {
				return nil, err
			}
			all = append(all, one)
		}
		return all, nil
	case n.Kind != yamlnode.Single || n.Anchor != "":
		return nil, problem("the text has an anchor or an alias")
	case n.Tag == "!!null":
		return nil, nil
	case n.Tag == "!!bool":
		return strings.EqualFold(n.Value, "true"), nil
	case (n.Tag == "!!int" || n.Tag == "!!float") && json.Valid([]byte(n.Value)):
		return number(n.Value), nil
	}
	return n.Value, nil
}

// dockerconfigjson returns the text of a Secret of the type kubernetes.io/dockerconfigjson for one
// registry.
func (r *run) dockerconfigjson(registry, user, password any) (string, error) {
	all, size, err := r.texts(registry, user, password)
	if err == nil {
		err = r.makes(8*size + 200)
	}
	if err != nil {
		return "", err
	}
	if strings.Contains(all[1], ":") {
		return "", problem("the user name has a colon, which ends it in the field auth")
	}
	auth := base64.StdEncoding.EncodeToString([]byte(all[1] + ":" + all[2]))
	return r.jsonOf(map[string]any{"auths": map[string]any{all[0]: map[string]any{"auth": auth, "password": all[2],
		"username": all[1]}}}, "")
}
