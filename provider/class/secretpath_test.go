// SPDX-License-Identifier: Apache-2.0

package class_test

import (
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/plan/plantest"
)

func TestAnAddressAsAPath(t *testing.T) {
	for path, want := range map[string]string{
		"https://eu-west-par.okms.ovh.net/api/x/v1/secret/data/a": "; write the path of the " +
			"secret alone, without the address (line 1)",
		"https://vault.example/ui/prod/db": "; write the path of the " +
			"secret alone, without the address (line 1)",
		"https://eu-west-par.okms.ovh.net/api/" + plantest.TestDomain + "/v1/secret/data/a": ": the path is a (line 1)",
		"//prod//db/": "; write prod/db (line 1)",
	} {
		if _, text := plantest.Refused(t,
			plantest.Request(plantest.Objects("- secretPath: "+path))); !strings.HasSuffix(text, want) {
			t.Errorf("%s: %s", path, text)
		}
	}
}
