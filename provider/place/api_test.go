// SPDX-License-Identifier: Apache-2.0

package place

import "testing"

func TestAPIs(t *testing.T) {
	for text, want := range map[string]API{"kv2": KV2, "rest": REST, " rest\n": REST} {
		p, wrong := placeOf(map[string]string{FieldRegion: "eu-west-par", FieldOKMSID: testID, FieldAPI: text})
		if p.API != want || wrong != "" || p.Endpoint == "" {
			t.Errorf("%q: got %+v, %s", text, p, wrong)
		}
	}
	for text, want := range map[string]string{
		"":     `api: "" is not an API of OKMS; valid are kv2 (default) and rest`,
		"REST": `api: "REST" is not an API of OKMS; valid are kv2 (default) and rest`,
		"v2":   `api: "v2" is not an API of OKMS; valid are kv2 (default) and rest`,
	} {
		if p, wrong := placeOf(map[string]string{FieldRegion: "eu-west-par", FieldOKMSID: testID, FieldAPI: text}); wrong !=
			want || p.API != KV2 {
			t.Errorf("%q: got %q, %s", text, p.API, wrong)
		}
	}
	if p, wrong := placeOf(map[string]string{FieldRegion: "eu-west-par", FieldOKMSID: testID}); p.API != KV2 ||
		wrong != "" {
		t.Errorf("the default is %q, %s", p.API, wrong)
	}
	if KV2.NeedsGet() || !REST.NeedsGet() {
		t.Error("the native API needs secret/get, the Vault-compatible one does not")
	}
}
