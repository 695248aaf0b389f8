// SPDX-License-Identifier: Apache-2.0

package class_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/plan/plantest"
)

func TestParametersOfOtherProviders(t *testing.T) {
	const endpoint = `unknown parameter; did you mean "endpoint"?`
	cases := []struct {
		name   string
		change []func(*plan.Request)
		want   string
	}{
		{"vaultAddress", []func(*plan.Request){plantest.Without("region")}, endpoint},
		{"vault_addr", []func(*plan.Request){plantest.Without("region")}, endpoint},
		{"VaultAddress", []func(*plan.Request){plantest.Without("region")}, endpoint},
		{"vaultAddress", nil, "drop it: endpoint cannot be combined with region"},
		{"vaultAddress",
			[]func(*plan.Request){plantest.Without("region"), plantest.With("endpoint", "https://eu-west-par.okms.ovh.net")},
			"drop it: endpoint is given already"},
		{"regoin", []func(*plan.Request){plantest.Without("region"),
			plantest.With("endpoint", "https://eu-west-par.okms.ovh.net")}, "drop it: region cannot be combined with endpoint"},
		{"vaultAddress",
			[]func(*plan.Request){plantest.Without("region"), plantest.Without("okmsId"), plantest.With("connection", "c"),
				plantest.Credentials(nil)},
			"drop it: endpoint cannot be combined with connection"},
		{"conection", nil, "drop it: connection cannot be combined with region"},
		{"secretStoreRef", []func(*plan.Request){plantest.Without("region"), plantest.Without("okmsId")},
			"drop it: connection cannot be combined with nodePublishSecretRef"},
		{"secretStoreRef",
			[]func(*plan.Request){plantest.Without("region"), plantest.Without("okmsId"), plantest.Credentials(nil)},
			`did you mean "connection"?`},
		{"vaultCACertPEM", nil, `did you mean "caBundle"?`},
		{"caProvider", nil, `did you mean "caBundle"?`},
		{"domainId", []func(*plan.Request){plantest.Without("okmsId")}, `did you mean "okmsId"?`},
		{"secrets", []func(*plan.Request){plantest.Without("objects")}, `did you mean "objects"?`},
		{"roleName", nil, "drop it: OKMS has no Kubernetes logins and no roles"},
		{"vaultNamespace", nil, "drop it: region and okmsId"},
		{"usePodIdentity", nil, "drop it: OKMS has no workload identities"},
		{"tenantId", nil, "drop it: region and okmsId"},
		{"keyvaultName", nil, "drop it: region and okmsId"},
		{"vaultSkipTLSVerify", nil, "drop it: the server's certificate is always checked"},
		{"vaultCACertPath", nil, "in caBundle"},
		{"secretObjects", nil, "spec.secretObjects"},
		{"rotationPollInterval", nil, `did you mean "refreshInterval"?`},
		{"secretPath", []func(*plan.Request){plantest.Without("objects")},
			"move it into an entry of objects, as in - secretPath: …"},
		{"filePermission", nil, "move it into an entry of objects"},
		{"credentialsDir", nil, "drop it: it belongs in the provider's file of connections"},
	}
	for _, c := range cases {
		_, text := plantest.Refused(t, plantest.Request(append(c.change, plantest.With(c.name, "x"))...))
		line := lineAbout(text, "parameters."+c.name)
		if !strings.Contains(line, c.want) {
			t.Errorf("%s: got %s, want %s", c.name, text, c.want)
		}
		if (c.want == endpoint || strings.HasPrefix(c.want, "move it into")) && strings.Contains(text, "is missing") {
			t.Errorf("%s: what the suggestion gives is told as missing: %s", c.name, text)
		}
	}
	// Of two names for the same parameter only one can be followed.
	_, text := plantest.Refused(t,
		plantest.Request(plantest.Without("region"), plantest.With("regoin", "x"), plantest.With("vaultAddress", "x")))
	if !strings.Contains(text, `did you mean "region"?`) ||
		!strings.Contains(text, "endpoint cannot be combined with region") {
		t.Error(text)
	}
}

// lineAbout is the line of a message that is about a field.
func lineAbout(text, where string) string {
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(strings.TrimPrefix(line, "- "), where+": ") {
			return line
		}
	}
	return ""
}

func TestFieldsOfOtherProviders(t *testing.T) {
	cases := []struct{ object, field, want string }{
		{"secretPath: a, objectAlias: x", "objectAlias", `did you mean "objectName"?`},
		{"secretPath: a, fileName: x", "fileName", `did you mean "objectName"?`},
		{"secretPath: a, path: x", "path", `did you mean "objectName"?`},
		{"secretPath: a, name: x", "name", `did you mean "objectName"?`},
		{"key: a", "key", `did you mean "secretPath"?`},
		{"key: k, secretPath: a", "key", `did you mean "secretKey"?`},
		{"key: k, secretPath: a, allKeys: true", "key", "drop it: secretPath is given already"},
		{"key: k, secretPath: a, allKeys: false", "key", `did you mean "secretKey"?`},
		{"key: a, property: k", "property", `did you mean "secretKey"?`},
		{"secretPath: a, jmesPath: k", "jmesPath", `did you mean "secretKey"?`},
		{"secretPath: a, extractJSONKey: k", "extractJSONKey", `did you mean "secretKey"?`},
		{"secretPath: a, property: k, allKeys: true", "property", "drop it: secretKey cannot be combined with allKeys"},
		{"secretPath: a, secretKey: k, extract: true", "extract", "drop it: allKeys cannot be combined with secretKey"},
		{"secretPath: a, mode: 0400", "mode", `did you mean "filePermission"?`},
		{"secretPath: a, version: 3", "version", `did you mean "objectVersion"?`},
		{"secretPath: a, objectVersionLabel: x", "objectVersionLabel", `did you mean "objectVersion"?`},
		{"secretPath: a, objectType: secret", "objectType", "drop it: everything in Secret Manager is a secret"},
		{"secretPath: a, secretKey: k, objectEncoding: hex", "objectEncoding", `did you mean "encoding"?`},
		{"secretPath: a, objectEncoding: hex", "objectEncoding",
			`did you mean "encoding"? It applies to the value of a key: give secretKey or allKeys too (line 1)`},
		{"secretPath: a, secretArgs: x", "secretArgs", "drop it: OKMS takes no arguments"},
		{"secretName: a", "secretName", `did you mean "secretPath"?`},
		{"resourceName: a", "resourceName", `did you mean "secretPath"?`},
		{"secretPath: a, objectFormat: pem", "objectFormat", `did you mean "format"?`},
		{"secretPath: a, objectName: x, objectAlias: y", "objectAlias", "drop it: objectName is given already"},
		{"secretPath: a, secretPth: b", "secretPth", "drop it: secretPath is given already"},
		{"path: a, objectName: x", "path", `did you mean "secretPath"?`},
		{"path: a, name: x", "path", `did you mean "secretPath"?`},
		{"path: a, key: k", "path", `did you mean "secretPath"?`},
		{"path: a, key: k", "key", `did you mean "secretKey"?`},
		{"key: k, path: a", "path", `did you mean "secretPath"?`},
		{"key: k, path: a", "key", `did you mean "secretKey"?`},
		{"key: a, property: k, path: x", "key", `did you mean "secretPath"?`},
		{"key: a, property: k, path: x", "path", `did you mean "objectName"?`},
		{"name: x, path: a", "name", `did you mean "objectName"?`},
		{"secretKey: k, remoteRef: {key: a, property: k}", "remoteRef",
			"write its key as secretPath, and its property as secretKey"},
		{"secretPath: a, region: eu-west-par", "region", "move it up, next to objects"},
		{"secretPath: a, pollInterval: 1h", "pollInterval", `did you mean "refreshInterval"?`},
		{"secretPath: a, fsGroup: 1000", "fsGroup", `for a container that is not root, set filePermission: "0444"`},
		{"secretPath: a, required: true", "required", "drop it: without optional: true, every object is required"},
		{"secretPath: a, fileName: x, path: y", "path", "drop it: objectName is given already"},
	}
	for _, c := range cases {
		_, text := plantest.Refused(t, plantest.Request(plantest.Objects("- {"+c.object+"}")))
		if line := lineAbout(text, "objects[0]."+c.field); !strings.Contains(line, c.want) ||
			strings.Contains(text, "is missing") {
			t.Errorf("%s: got %s, want %s", c.object, text, c.want)
		}
	}
}

// What a suggestion names is written in the place of the unknown name: that makes no
// other error of names.
func TestSuggestionsCanBeFollowed(t *testing.T) {
	standing := []string{"secretPath: a", "objectName: b", "secretKey: k", "allKeys: true", "objectVersion: 3",
		"filePermission: 0400"}
	for name := range class.FieldSynonyms() {
		for set := range 1 << len(standing) {
			var fields []string
			for i, f := range standing {
				if set&(1<<i) != 0 {
					fields = append(fields, f)
				}
			}
			if slices.Contains(fields, "secretKey: k") && slices.Contains(fields, "allKeys: true") {
				continue
			}
			list := func(name string) plan.Request {
				return plantest.Request(plantest.Objects("- {" +
					strings.Join(append(slices.Clone(fields), name+": latest"), ", ") + "}"))
			}
			_, text := plantest.Refused(t, list(name))
			_, meant, suggested := strings.Cut(lineAbout(text, "objects[0]."+name), `did you mean "`)
			if !suggested {
				continue
			}
			meant, _, _ = strings.Cut(meant, `"?`)
			_, failures := plantest.Of(list(meant), nil, time.Now())
			if got := fmt.Sprint(failures); strings.Contains(got, "twice") || strings.Contains(got, "beside") ||
				strings.Contains(got, "combined") {
				t.Errorf("%s beside %s: %s, and then %s", name, fields, meant, got)
			}
		}
	}
}
