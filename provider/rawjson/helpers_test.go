// SPDX-License-Identifier: Apache-2.0

package rawjson

import (
	"context"
	"testing"
)

// found returns the value at a path, "absent", or the error.
func found(t *testing.T, text, path string) string {
	t.Helper()
	v, ok := Parse([]byte(text))
	if !ok {
		t.Fatal("the text is not JSON")
	}
	p, err := ParsePath(path)
	if err != nil {
		return err.Error()
	}
	got, err := v.Find(p, NewSteps(context.Background(), 1<<20))
	switch {
	case err != nil:
		return err.Error()
	case !got.Exists():
		return "absent"
	}
	return string(got)
}
