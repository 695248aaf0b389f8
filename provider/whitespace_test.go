package provider

import (
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/failure"
)

// Such a key would be left out without a word if the object is optional.
func TestAKeyOfWhiteSpaceAlone(t *testing.T) {
	s := secrets{"s": `{"password":"x"}`, "t": `{" ":"y"}`}
	for _, key := range []string{`" "`, `"\u00a0"`, `"  \u200b"`} {
		for _, optional := range []string{"  optional: false", "  optional: true"} {
			kind, text := unrendered(t, s, "- secretPath: s", "  secretKey: "+key, "  objectName: f", optional)
			const want = "objects[0].secretKey: is nothing but white space, and version 7 of the secret has no such key; " +
				"name a key, or drop secretKey for the whole secret"
			if kind != failure.Invalid || text != want {
				t.Errorf("%s: %s: %s", key, kind, text)
			}
		}
	}
	if files := rendered(t, s, "- secretPath: t", `  secretKey: " "`, "  objectName: f"); files["f"] != "y" {
		t.Errorf("a key that is really there: %q", files)
	}
	_, text := refused(t, request(objects("- secretPath: s", `  secretKey: "\n"`)))
	if !strings.Contains(text, "objects[0].secretKey: is nothing but white space; name a key") {
		t.Error(text)
	}
}

func TestAnAddressAsAPath(t *testing.T) {
	for path, want := range map[string]string{
		"https://eu-west-par.okms.ovh.net/api/x/v1/secret/data/a":                  "; write the path of the secret alone, without the address (line 1)",
		"https://vault.example/ui/prod/db":                                         "; write the path of the secret alone, without the address (line 1)",
		"https://eu-west-par.okms.ovh.net/api/" + testDomain + "/v1/secret/data/a": ": the path is a (line 1)",
		"//prod//db/": "; write prod/db (line 1)",
	} {
		if _, text := refused(t, request(objects("- secretPath: "+path))); !strings.HasSuffix(text, want) {
			t.Errorf("%s: %s", path, text)
		}
	}
}
