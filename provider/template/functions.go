package template

import (
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/template"

	sprig "github.com/go-task/slim-sprig/v3"
)

// The functions that instrument adds. No template can call them by itself.
const (
	functionStep = "_step"
	functionOut  = "_out"
)

// library are the functions of slim-sprig that are used, by their types. It is what users of Helm
// and of External Secrets Operator know; of its functions, only those are here that give the same
// for the same, do no I/O, and have a result whose size is known before.
var library = sprig.TxtFuncMap()

// functions returns every function of a template.
func (r *run) functions() template.FuncMap {
	all := template.FuncMap{
		functionStep: r.step, functionOut: r.out,
		"b64dec": r.b64dec, "urlquery": r.urlquery, "indent": r.indent("indent"), "nindent": r.indent("nindent"), "replace": r.replace,
		"quote": r.quote("quote"), "squote": r.quote("squote"), "toString": r.toString, "join": r.join, "split": r.split, "splitList": r.splitList,
		"print": r.print(""), "println": r.print("\n"), "printf": r.printf,
		"index": r.index, "get": r.entry, "hasKey": r.hasKey, "keys": r.keys, "list": r.list, "dict": r.dict, "first": r.first, "last": r.last,
		"default": r.orDefault, "required": r.required, "empty": isEmpty, "coalesce": coalesce, "ternary": ternary,
		"toJson": r.toJSON(""), "toPrettyJson": r.toJSON("  "), "fromJson": r.fromJSON, "toYaml": r.toYAML, "fromYaml": r.fromYAML,
		"dockerconfigjson": r.dockerconfigjson,
	}
	for _, name := range []string{"trim", "upper", "lower", "b64enc", "sha256sum"} {
		all[name] = r.one(library[name].(func(string) string))
	}
	for _, name := range []string{"trimAll", "trimSuffix", "trimPrefix"} {
		all[name] = two(r, library[name].(func(string, string) string))
	}
	for _, name := range []string{"contains", "hasPrefix", "hasSuffix"} {
		all[name] = two(r, library[name].(func(string, string) bool))
	}
	return all
}

// step is called when a block is entered: it has so many bytes of text.
func (r *run) step(texts int) (string, error) {
	if r.left -= texts; r.left < 0 {
		return "", errTooLong
	}
	return "", r.take(stepCost + texts)
}

// out is what everything that is written passes through.
func (r *run) out(v any) (string, error) {
	text, err := r.text(v)
	if r.left -= len(text); r.left < 0 && err == nil {
		return "", errTooLong
	}
	return text, err
}

// one returns a function of a text whose result is at most three times as long.
func (r *run) one(f func(string) string) func(v any) (string, error) {
	return func(v any) (string, error) {
		all, size, err := r.texts(v)
		if err == nil {
			err = r.makes(3*size + 64)
		}
		if err != nil {
			return "", err
		}
		return f(all[0]), nil
	}
}

// two returns a function of two texts whose result is not longer than they are.
func two[T any](r *run, f func(a, b string) T) func(a, b any) (T, error) {
	return func(a, b any) (result T, err error) {
		all, size, err := r.texts(a, b)
		if err == nil {
			err = r.makes(size)
		}
		if err != nil {
			return result, err
		}
		return f(all[0], all[1]), nil
	}
}

func (r *run) toString(v any) (string, error) { return r.text(v) }

func (r *run) b64dec(v any) (string, error) {
	all, size, err := r.texts(v)
	if err == nil {
		err = r.makes(size)
	}
	if err != nil {
		return "", err
	}
	signs := strings.NewReplacer("\n", "", "\r", "", " ", "").Replace(all[0])
	decoded, err := base64.StdEncoding.DecodeString(signs)
	if err != nil {
		return "", problem("the text is not base64")
	}
	return string(decoded), nil
}

func (r *run) urlquery(values ...any) (string, error) {
	all, size, err := r.texts(values...)
	if err == nil {
		err = r.makes(3 * size)
	}
	return url.QueryEscape(strings.Join(all, "")), err
}

// indent returns indent or nindent of the library.
func (r *run) indent(name string) func(spaces int, v any) (string, error) {
	const most = 100
	f := library[name].(func(int, string) string)
	return func(spaces int, v any) (string, error) {
		if spaces < 0 || spaces > most {
			return "", problemf("the number of spaces is not one from 0 to %d", most)
		}
		all, size, err := r.texts(v)
		if err == nil {
			err = r.makes(size + (spaces+1)*(2+strings.Count(all[0], "\n")))
		}
		if err != nil {
			return "", err
		}
		return f(spaces, all[0]), nil
	}
}

func (r *run) replace(before, after, v any) (string, error) {
	all, size, err := r.texts(before, after, v)
	if err != nil {
		return "", err
	}
	if err := r.makes(size + len(all[1])*(1+strings.Count(all[2], all[0]))); err != nil {
		return "", err
	}
	return library["replace"].(func(_, _, _ string) string)(all[0], all[1], all[2]), nil
}

// quote returns quote or squote of the library: quote escapes, squote does not.
func (r *run) quote(name string) func(values ...any) (string, error) {
	f := library[name].(func(...any) string)
	return func(values ...any) (string, error) {
		all, size, err := r.texts(values...)
		if err == nil {
			err = r.makes(10*size + 3*len(values))
		}
		if err != nil {
			return "", err
		}
		texts := make([]any, len(all))
		for i, text := range all {
			texts[i] = text
		}
		return f(texts...), nil
	}
}

// elements returns the elements of a list as texts.
func (r *run) elements(v any) ([]string, int, error) {
	switch v := v.(type) {
	case []any:
		return r.texts(v...)
	case []string:
		size := 0
		for _, one := range v {
			size += len(one)
		}
		return v, size, r.take(size)
	}
	return nil, 0, problem("the value is not a list")
}

func (r *run) join(separator, v any) (string, error) {
	between, _, err := r.texts(separator)
	if err != nil {
		return "", err
	}
	all, size, err := r.elements(v)
	if err == nil {
		err = r.makes(size + len(all)*len(between[0]))
	}
	if err != nil {
		return "", err
	}
	return strings.Join(all, between[0]), nil
}

func (r *run) splitList(separator, v any) ([]string, error) {
	all, size, err := r.texts(separator, v)
	if err == nil {
		err = r.makes(size + perElement*(1+strings.Count(all[1], all[0])))
	}
	if err != nil {
		return nil, err
	}
	return strings.Split(all[1], all[0]), nil
}

// split returns the parts as _0, _1 and so on, as sprig does.
func (r *run) split(separator, v any) (map[string]string, error) {
	parts, err := r.splitList(separator, v)
	if err == nil {
		err = r.makes(perElement * len(parts))
	}
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for i, part := range parts {
		all["_"+strconv.Itoa(i)] = part
	}
	return all, nil
}

func (r *run) index(v any, keys ...any) (any, error) {
	for _, key := range keys {
		var err error
		if v, err = r.entry(v, key); err != nil {
			return nil, err
		}
	}
	return v, r.take(0)
}

func (r *run) hasKey(v, key any) (bool, error) {
	name, err := r.text(key)
	if err != nil {
		return false, err
	}
	in, ok := v.(map[string]any)
	if !ok {
		return false, problem("the value is not a map")
	}
	_, has := in[name]
	return has, nil
}

// keys returns the keys of a map, sorted, since the order of a map is none.
func (r *run) keys(v any) ([]string, error) {
	in, ok := v.(map[string]any)
	if !ok {
		return nil, problem("the value is not a map")
	}
	if err := r.makes(perElement * len(in)); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(in)), nil
}

func (r *run) list(values ...any) ([]any, error) { return values, r.makes(perElement * len(values)) }

func (r *run) dict(values ...any) (map[string]any, error) {
	if len(values)%2 != 0 {
		return nil, problem("dict takes a value for each key")
	}
	all := map[string]any{}
	for i := 0; i < len(values); i += 2 {
		key, err := r.text(values[i])
		if err != nil {
			return nil, err
		}
		all[key] = values[i+1]
	}
	return all, r.makes(perElement * len(values))
}

func (r *run) first(v any) (any, error) { return r.entry(v, 0) }

func (r *run) last(v any) (any, error) {
	switch list := v.(type) {
	case []any:
		return r.entry(v, len(list)-1)
	case []string:
		return r.entry(v, len(list)-1)
	}
	return nil, problem("the value is not a list")
}
