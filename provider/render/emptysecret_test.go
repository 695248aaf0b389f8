// SPDX-License-Identifier: Apache-2.0

package render

import (
	"context"
	"maps"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/plan/plantest"
)

func TestAllKeysOfASecretWithoutKeys(t *testing.T) {
	s := secrets{"s": " { } ", "t": `{"a":"1"}`}
	all := []string{"- secretPath: s", "  allKeys: true", "  objectName: d"}
	if kind, text := unrendered(t, s, all...); kind != failure.Unusable ||
		!strings.Contains(text, "version 7 of the secret has no keys") {
		t.Error(kind, text)
	}
	optional := append(all, "  optional: true")
	if files := rendered(t, s, append(optional, "- secretPath: t")...); !maps.Equal(files,
		map[string]string{"t": `{"a":"1"}`}) {
		t.Errorf("files %q", files)
	}
	p := plantest.Planned(t, plantest.Request(plantest.Objects(optional...)))
	resp, _, failures := Make(context.Background(), p, s.fetch(p))
	if len(failures) > 0 || len(resp.Files) != 0 || len(resp.Versions) != 1 ||
		resp.Versions[0] != (Version{ID: "objects[0]/", Version: "absent"}) {
		t.Errorf("%+v, %v", resp, failures)
	}
	for data, want := range map[string]string{"[]": "is an array, not a JSON object",
		"null": "is null, not a JSON object"} {
		if _, text := unrendered(t, secrets{"s": data}, optional...); !strings.Contains(text, want) {
			t.Errorf("%s: %s", data, text)
		}
	}
}

// It is the JSON that OKMS holds; External Secrets Operator gives an empty value.
func TestNullStaysNull(t *testing.T) {
	s := secrets{"s": `{"a":null,"b":{"c":null}}`}
	for key, lines := range map[string][]string{
		"a": {"- secretPath: s", "  secretKey: a", "  optional: true"},
		"c": {"- secretPath: s", "  secretKey: b.c", "  objectName: c"},
	} {
		if files := rendered(t, s, lines...); files[key] != "null" {
			t.Errorf("%s: %q", key, files)
		}
	}
	if files := rendered(t, s, "- secretPath: s", "  allKeys: true"); files["a"] != "null" || files["b"] != `{"c":null}` {
		t.Errorf("%q", files)
	}
}
