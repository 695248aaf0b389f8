// SPDX-License-Identifier: Apache-2.0

package template

import "ovhcloud-csi-provider/provider/message"

// isEmpty reports whether a value is null, false, an empty text, list or map, or the number 0.
func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case number:
		if len(v) > maxNumber {
			return false
		}
		f, err := v.Float64()
		return err == nil && f == 0
	case int:
		return v == 0
	case []any:
		return len(v) == 0
	case []string:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	case map[string]string:
		return len(v) == 0
	}
	return false
}

// orDefault returns a value, or another one if it is empty.
func orDefault(other, v any) any {
	if isEmpty(v) {
		return other
	}
	return v
}

// required returns a value, or the error that the template gives if it is empty. check wants a constant
// text for it, which holds nothing of a secret.
func required(what, v any) (any, error) {
	if !isEmpty(v) {
		return v, nil
	}
	if text, is := what.(string); is {
		return nil, problem(message.Bound(text, 300))
	}
	return nil, problem("a value that is required is empty")
}

func coalesce(values ...any) any {
	for _, v := range values {
		if !isEmpty(v) {
			return v
		}
	}
	return nil
}

func ternary(yes, no, condition any) (any, error) {
	is, ok := condition.(bool)
	switch {
	case !ok:
		return nil, problem("the condition of ternary is neither true nor false")
	case is:
		return yes, nil
	}
	return no, nil
}
