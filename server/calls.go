package server

import (
	"time"

	"k8s.io/klog/v2"

	"ovhcloud-csi-provider/provider"
)

// callLevel is the -v from which on each request to OKMS has a line in the log.
const callLevel = 2

// LogCall logs an exchange with OKMS or with a token endpoint, from -v=2 on. No
// header and nothing of the answer but the request's id stands there.
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
