// SPDX-License-Identifier: Apache-2.0

package convert_test

import (
	"os"
	"strings"
	"testing"

	"ovhcloud-csi-provider/cmd/ovhcsi/convert"
	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
)

// TestThePageHasWhatIsPrinted converts the example of docs/coming-from-eso.md.
func TestThePageHasWhatIsPrinted(t *testing.T) {
	text, err := os.ReadFile("../../../docs/coming-from-eso.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")
	if len(blocks) != 3 {
		t.Fatalf("the page has %d examples in YAML, want 2", len(blocks)-1)
	}
	example := func(n int) string {
		before, _, _ := strings.Cut(blocks[n], "```")
		return before
	}
	result := convert.Convert([]lint.Source{{Name: "eso.yaml", Text: example(1)}}, convert.Options{})
	if got := result.Classes(); got != example(2) || len(result.Notes) > 0 {
		t.Errorf("printed is\n%s\n%v", got, result.Notes)
	}
}
