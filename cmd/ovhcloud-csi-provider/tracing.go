// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"ovhcloud-csi-provider/cmd/commandline"
	"ovhcloud-csi-provider/server"
	"ovhcloud-csi-provider/server/tracing"
)

// openTracer returns what makes spans and sends them to a collector, nil if endpoint is empty.
func openTracer(endpoint string) (*tracing.Tracer, error) {
	if endpoint == "" {
		return nil, nil
	}
	t, err := tracing.New(endpoint, server.RuntimeName, commandline.Version())
	if err != nil {
		return nil, fmt.Errorf("--otlp-endpoint: %w", err)
	}
	return t, nil
}
