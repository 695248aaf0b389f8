// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"testing"

	"ovhcloud-csi-provider/test/harness"
)

// TestMain runs many of the tests at once: they wait more than they compute.
func TestMain(m *testing.M) { harness.Main(m) }
