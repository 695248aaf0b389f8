// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"

	"ovhcloud-csi-provider/server/events"
	"ovhcloud-csi-provider/server/kube"
)

// openEvents returns what writes events of pods. It returns nil without --events.
func openEvents(f flags) (*events.Recorder, error) {
	if !f.events {
		return nil, nil
	}
	api, err := kube.InCluster(os.Getenv, f.accountDir)
	if err != nil {
		return nil, fmt.Errorf("--events: %w", err)
	}
	return events.New(api, f.nodeName), nil
}
