// SPDX-License-Identifier: Apache-2.0

package server

import (
	"time"

	"k8s.io/klog/v2"

	"ovhcloud-csi-provider/provider"
)

// callLevel is the -v from which each request to OKMS is logged.
const callLevel = 2

// LogCall logs an exchange with OKMS or with a token endpoint, from -v=2 on. The line
// has no header, and of the answer only the status and the request's ID.
func LogCall(c provider.Call) {
	log := klog.V(callLevel)
	if !log.Enabled() {
		return
	}
	line := []any{"host", c.Host, "api", c.API, "operation", c.Operation, "path", c.Path, "status", c.Status,
		"took", c.Took.Round(10 * time.Microsecond).String(), "newConnection", c.Dialled}
	if c.Kind != "" {
		line = append(line, "failure", c.Kind)
	}
	if c.RequestID != "" {
		line = append(line, "request", c.RequestID)
	}
	log.InfoS("request", line...)
}
