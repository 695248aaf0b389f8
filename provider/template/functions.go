// SPDX-License-Identifier: Apache-2.0

package template

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The functions have the names and arguments of sprig, which users of Helm and of External Secrets
// Operator know, and only those are here that give the same for the same, do no I/O, and have a result
// whose size is known before. Most are one call of the standard library: slim-sprig itself links
// html/template and makes the daemon half a megabyte larger.
var (
	ofOne = map[string]func(string) string{
		"trim": strings.TrimSpace, "upper": strings.ToUpper, "lower": strings.ToLower,
		"b64enc":    func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"sha256sum": func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) },
	}
	ofTwo = map[string]func(a, b string) string{
		"trimSuffix": func(suffix, s string) string { return strings.TrimSuffix(s, suffix) },
		"trimPrefix": func(prefix, s string) string { return strings.TrimPrefix(s, prefix) },
	}
	questions = map[string]func(a, b string) bool{
		"contains":  func(part, s string) bool { return strings.Contains(s, part) },
		"hasPrefix": func(prefix, s string) bool { return strings.HasPrefix(s, prefix) },
		"hasSuffix": func(suffix, s string) bool { return strings.HasSuffix(s, suffix) },
	}
)

// functions are those of templates besides builtins, by their names.
var functions = func() map[string]function {
	all := map[string]function{
		"b64dec": unary((*run).b64dec), "urlquery": variadic(1, (*run).urlquery), "indent": indent(""),
		"nindent": indent("\n"),
		"replace": {3, 3, func(r *run, args []any) (any, error) { return r.replace(args[0], args[1], args[2]) }},
		"quote":   variadic(1, quote(strconv.Quote)), "squote": variadic(1,
			quote(func(s string) string { return "'" + s + "'" })),
		"toString": unary((*run).text), "join": binary((*run).join), "split": binary((*run).split),
		"splitList": binary((*run).splitList),
		"print":     variadic(0, printed(false, "")), "println": variadic(0, printed(true, "\n")),
		"printf": {1, -1, func(r *run, args []any) (any, error) { return r.printf(args[0], args[1:]...) }},
		"index":  {1, -1, func(r *run, args []any) (any, error) { return r.index(args[0], args[1:]...) }},
		"get":    binary((*run).entry), "hasKey": binary((*run).hasKey), "keys": unary((*run).keys),
		"list": variadic(0, (*run).list),
		"dict": variadic(0, (*run).dict), "first": unary((*run).first), "last": unary((*run).last),
		"default":  {2, 2, func(_ *run, args []any) (any, error) { return orDefault(args[0], args[1]), nil }},
		"required": {2, 2, func(_ *run, args []any) (any, error) { return required(args[0], args[1]) }},
		"empty":    {1, 1, func(_ *run, args []any) (any, error) { return isEmpty(args[0]), nil }},
		"coalesce": {1, -1, func(_ *run, args []any) (any, error) { return coalesce(args...), nil }},
		"ternary":  {3, 3, func(_ *run, args []any) (any, error) { return ternary(args[0], args[1], args[2]) }},
		"toJson":   unary(toJSON("")), "toPrettyJson": unary(toJSON("  ")), "fromJson": unary((*run).fromJSON),
		"toYaml": unary((*run).toYAML), "fromYaml": unary((*run).fromYAML),
		"dockerconfigjson": {3, 3,
			func(r *run, args []any) (any, error) { return r.dockerconfigjson(args[0], args[1], args[2]) }},
	}
	for name, f := range ofOne {
		all[name] = unary(one(f))
	}
	for name, f := range ofTwo {
		all[name] = binary(two(f))
	}
	all["trimAll"] = binary((*run).trimAll)
	for name, f := range questions {
		all[name] = binary(two(f))
	}
	return all
}()

// unary, binary and variadic make functions of methods.
func unary[T any](f func(*run, any) (T, error)) function {
	return function{1, 1, func(r *run, args []any) (any, error) { return f(r, args[0]) }}
}

func binary[T any](f func(_ *run, a, b any) (T, error)) function {
	return function{2, 2, func(r *run, args []any) (any, error) { return f(r, args[0], args[1]) }}
}

func variadic[T any](least int, f func(*run, ...any) (T, error)) function {
	return function{least, -1, func(r *run, args []any) (any, error) { return f(r, args...) }}
}

// one returns a function of a text whose result is at most three times as long.
func one(f func(string) string) func(r *run, v any) (string, error) {
	return func(r *run, v any) (string, error) {
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
func two[T any](f func(a, b string) T) func(r *run, a, b any) (T, error) {
	return func(r *run, a, b any) (result T, err error) {
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

// trimAll removes characters of a set at both ends: the set is looked at for each of them.
func (r *run) trimAll(set, v any) (string, error) {
	all, size, err := r.texts(set, v)
	switch {
	case err != nil:
		return "", err
	case len(all[0]) > maxCutset:
		return "", problemf("the set of trimAll has more than %d bytes", maxCutset)
	}
	return strings.Trim(all[1], all[0]), r.makes(size)
}

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

// indent returns a function that puts spaces before each line, and before all of it.
func indent(before string) function {
	const most = 100
	return binary(func(r *run, n, v any) (string, error) {
		spaces, is := n.(int)
		if !is || spaces < 0 || spaces > most {
			return "", problemf("the number of spaces is not one from 0 to %d", most)
		}
		all, size, err := r.texts(v)
		if err == nil {
			err = r.makes(size + (spaces+1)*(2+strings.Count(all[0], "\n")))
		}
		if err != nil {
			return "", err
		}
		pad := strings.Repeat(" ", spaces)
		return before + pad + strings.ReplaceAll(all[0], "\n", "\n"+pad), nil
	})
}

func (r *run) replace(before, after, v any) (string, error) {
	all, size, err := r.texts(before, after, v)
	if err != nil {
		return "", err
	}
	if err := r.makes(size + len(all[1])*(1+strings.Count(all[2], all[0]))); err != nil {
		return "", err
	}
	return strings.ReplaceAll(all[2], all[0], all[1]), nil
}

// quote returns a function that puts texts in quotes, separated by spaces. squote escapes nothing.
func quote(f func(string) string) func(r *run, values ...any) (string, error) {
	return func(r *run, values ...any) (string, error) {
		all, size, err := r.texts(values...)
		if err == nil {
			err = r.makes(10*size + 3*len(values))
		}
		if err != nil {
			return "", err
		}
		for i, text := range all {
			all[i] = f(text)
		}
		return strings.Join(all, " "), nil
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
