// SPDX-License-Identifier: Apache-2.0

package read

import (
	"testing"

	"ovhcloud-csi-provider/provider/budget"
)

// TestMountsThatHoldMuchAreACrowd: clients, which are kept after the mounts that used them, are none.
func TestMountsThatHoldMuchAreACrowd(t *testing.T) {
	memory := budget.New(0)
	for _, c := range []struct {
		namespace string
		stage     int
		takes     int64
		want      bool
	}{
		{"shop", budget.Clients, 2 << 20, false}, {"shop", budget.Holding, 5 << 20, false},
		{"pay", budget.Holding, 4 << 20, false}, {"pay", budget.Arrived, 2 << 20, true},
	} {
		if !memory.Open(c.namespace).Take(c.stage, c.takes) {
			t.Fatalf("no %d bytes", c.takes)
		}
		if got := crowded(memory)(); got != c.want {
			t.Errorf("with %d bytes, of them %d for clients: crowded is %t", memory.Used(),
				memory.UsedBy(budget.Clients), got)
		}
	}
}
