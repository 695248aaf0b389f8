// SPDX-License-Identifier: Apache-2.0

package messages

import (
	"testing"

	"ovhcloud-csi-provider/test/harness"
)

// TestMain runs many of the tests at once: they wait more than they compute.
func TestMain(m *testing.M) { harness.Main(m) }

// token returns a Secret with a token.
func token(text string) map[string]string { return map[string]string{"token": text} }
