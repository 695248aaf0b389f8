// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"errors"
	"os"
)

// Environment variables for the child process that Isolated starts.
const (
	stageVariable   = "OVHCLOUD_CSI_TEST_STAGE"   // "probe": try to mount and exit; "body": run the body
	refusalVariable = "OVHCLOUD_CSI_TEST_REFUSAL" // why a tmpfs cannot be mounted; empty if it can
)

// MountRefusal returns nil if the body run by Isolated can mount a tmpfs, and otherwise the reason.
func MountRefusal() error {
	if why := os.Getenv(refusalVariable); why != "" {
		return errors.New(why)
	}
	return nil
}
