// SPDX-License-Identifier: Apache-2.0

package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheSuiteIsAddedToTheDriver runs test/e2e/listing twice on a folder that is laid out like the driver's
// repository.
func TestTheSuiteIsAddedToTheDriver(t *testing.T) {
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
	}
	driver := t.TempDir()
	for name, content := range map[string]string{
		"test/bats/helpers.bash": "", "Makefile": "e2e-vault:\n",
		"docs/book/src/providers.md": "# Providers\n\n| Features \\ Providers | Vault |\n| --- | --- |\n" +
			"| Rotation | Yes |\n| Windows | No |\n\nEnd\n",
	} {
		file := filepath.Join(driver, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if out, err := exec.Command(shell, "e2e/listing", driver).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for name, want := range map[string]string{
		"Makefile": "e2e-vault:\n\n.PHONY: e2e-ovhcloud\ne2e-ovhcloud:\n\tbats -t test/bats/ovhcloud.bats\n",
		"docs/book/src/providers.md": "| --- | --- | -------- |\n" +
			"| Rotation | Yes | Yes      |\n| Windows | No | No       |\n\nEnd\n",
		"test/bats/ovhcloud.bats": "BATS_TESTS_DIR=test/bats/tests/ovhcloud\n",
		"test/bats/tests/ovhcloud/ovhcloud_v1_secretproviderclass.yaml": "kind: SecretProviderClass",
	} {
		got, err := os.ReadFile(filepath.Join(driver, name))
		if err != nil || !strings.Contains(string(got), want) || strings.Count(string(got), "ovhcloud:") > 1 {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
}
