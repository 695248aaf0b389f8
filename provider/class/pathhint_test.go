// SPDX-License-Identifier: Apache-2.0

package class_test

import (
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/plan/plantest"
)

func TestPathsOfVault(t *testing.T) {
	for path, want := range map[string]string{
		"secret/data/prod/db":        "drop secret/data/: the path is prod/db",
		"secret/metadata/prod/db":    "drop secret/metadata/: the path is prod/db",
		"data/prod/db":               "drop data/: the path is prod/db",
		"metadata/prod/db":           "drop metadata/: the path is prod/db",
		"secret/prod/db":             "drop secret/: the path is prod/db",
		"v1/secret/data/prod/db":     "drop v1/secret/data/: the path is prod/db",
		"v1/secret/metadata/prod/db": "drop v1/secret/metadata/: the path is prod/db",
		"v2/secret/prod/db":          "drop v2/secret/: the path is prod/db",
		"v1/secret/data/db":          "drop v1/secret/data/: the path is db",
		"v1/db":                      "drop v1/: the path is db",
		"api/" + plantest.TestDomain + "/v1/secret/data/prod/db": "drop api/" +
			plantest.TestDomain + "/v1/secret/data/: the path is prod/db",
		"/v1/secret/data/prod/db": `drop "/v1/secret/data/": the path is prod/db`,
		"https://eu-west-par.okms.ovh.net/api/" + plantest.TestDomain +
			"/v1/secret/data/prod/db": `drop "https://eu-west-par.okms.ovh.net/api/734b9b45-8b1a-469c-b140-b10bd6540017/v1/sec…": the path is prod/db`,
		"prod/db": "", "prod/data/db": "", "secrets/db": "", "data": "", "secret/data/": "", "v1": "", "database/x": "",
		"secret": "",
	} {
		if got := class.VaultHint(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	// The class is wrong at once where OKMS has no such paths.
	for path, want := range map[string]string{
		"/v1/secret/data/prod/db": `must not begin or end with a slash, nor hold two in a row; drop "/v1/secret/data/": the path is prod/db`,
		"/prod/db":                `must not begin or end with a slash, nor hold two in a row; write prod/db`,
		"prod//db/":               `must not begin or end with a slash, nor hold two in a row; write prod/db`,
	} {
		if _, text := plantest.Refused(t,
			plantest.Request(plantest.Objects("- secretPath: "+path))); !strings.Contains(text, want) {
			t.Errorf("%s: %s", path, text)
		}
	}
}
