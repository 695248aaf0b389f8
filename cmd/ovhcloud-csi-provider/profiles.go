// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"ovhcloud-csi-provider/server/profiles"
	"ovhcloud-csi-provider/server/tasks"
)

// openProfiles returns the task that serves profiles, none if address is empty.
func openProfiles(address string) ([]tasks.Task, error) {
	if address == "" {
		return nil, nil
	}
	task, err := profiles.Listen(address)
	if err != nil {
		return nil, fmt.Errorf("--pprof-address: %w", err)
	}
	return []tasks.Task{task}, nil
}
