// SPDX-License-Identifier: Apache-2.0

package render

import (
	"testing"

	"ovhcloud-csi-provider/provider/class"
)

// TestEveryOutputMakesFiles: AllKeys is the last output.
func TestEveryOutputMakesFiles(t *testing.T) {
	for output := range class.AllKeys + 1 {
		if outputs[output] == nil {
			t.Errorf("output %d makes no files", output)
		}
	}
}
