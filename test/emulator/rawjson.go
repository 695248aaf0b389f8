// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// member is one member of a JSON object. value has the bytes as written.
type member struct {
	name  string
	value json.RawMessage
}

// members returns the members of a JSON object in their order, including duplicates.
func members(raw []byte) ([]member, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil {
		return nil, err
	} else if t != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	var all []member
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		all = append(all, member{name: name.(string), value: value}) // a key of a JSON object is always a string
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return all, nil
}

// object returns the JSON object with these members.
func object(all []member) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range all {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(marshal(m.name))
		b.WriteByte(':')
		b.Write(m.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// mergePatch returns target after a JSON merge patch (RFC 7396); a nil target is no value. Values
// that the patch does not name keep their bytes.
func mergePatch(target, patch []byte) ([]byte, error) {
	if !isObject(patch) {
		return bytes.TrimSpace(patch), nil
	}
	changes, err := members(patch)
	if err != nil {
		return nil, fmt.Errorf("reading the patch: %w", err)
	}
	var have []member
	if isObject(target) {
		if have, err = members(target); err != nil {
			return nil, fmt.Errorf("reading the current data: %w", err)
		}
	}
	for _, change := range changes {
		at := slices.IndexFunc(have, func(m member) bool { return m.name == change.name })
		if string(change.value) == "null" {
			have = slices.DeleteFunc(have, func(m member) bool { return m.name == change.name })
			continue
		}
		var old []byte
		if at >= 0 {
			old = have[at].value
		}
		merged, err := mergePatch(old, change.value)
		if err != nil {
			return nil, err
		}
		if at >= 0 {
			have[at].value = merged
		} else {
			have = append(have, member{name: change.name, value: merged})
		}
	}
	return object(have), nil
}

// subkeys returns data with null for every value that is not an object, and for objects below depth
// levels; depth 0 means no limit.
func subkeys(data []byte, depth int) ([]byte, error) {
	if !isObject(data) {
		return []byte("null"), nil
	}
	all, err := members(data)
	if err != nil {
		return nil, err
	}
	for i, m := range all {
		if depth == 1 {
			all[i].value = json.RawMessage("null")
			continue
		}
		if all[i].value, err = subkeys(m.value, max(depth-1, 0)); err != nil {
			return nil, err
		}
	}
	return object(all), nil
}

// decodeStrict decodes exactly one JSON value into v. Unless lenient, an unknown field is an error
// that names it.
func decodeStrict(raw []byte, v any, lenient bool) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if !lenient {
		dec.DisallowUnknownFields()
	}
	if err := dec.Decode(v); err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("is empty")
		}
		return fmt.Errorf("%s", bytes.TrimPrefix([]byte(err.Error()), []byte("json: ")))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("has more than one JSON value")
	}
	return nil
}
