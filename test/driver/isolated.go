package driver

import (
	"errors"
	"os"
)

// Environment variables by which a program that starts itself again instructs its second self. A second self
// that runs the body hands neither on to the programs it starts.
const (
	stageVariable   = "OVHCLOUD_CSI_TEST_STAGE"   // "probe": try to mount and exit; "body": run the body
	refusalVariable = "OVHCLOUD_CSI_TEST_REFUSAL" // why there are no mounts; empty: there are
)

// MountRefusal returns nil inside a body run by Isolated that can mount a tmpfs, and else why it can't.
func MountRefusal() error {
	if why := os.Getenv(refusalVariable); why != "" {
		return errors.New(why)
	}
	return nil
}
