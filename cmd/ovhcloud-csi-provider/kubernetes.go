// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/server"
	"ovhcloud-csi-provider/server/events"
	"ovhcloud-csi-provider/server/kube"
	"ovhcloud-csi-provider/server/taint"
	"ovhcloud-csi-provider/server/tasks"
)

// openAPIServer returns the API server of the cluster. It returns nil if no flag needs it.
func openAPIServer(f flags) (*kube.API, error) {
	if !f.events && f.startupTaint == "" {
		return nil, nil
	}
	api, err := kube.InCluster(os.Getenv, f.accountDir)
	if err != nil {
		return nil, fmt.Errorf("--events and --startup-taint: %w", err)
	}
	return api, nil
}

// eventsOf returns what writes events of pods. It returns nil without --events.
func eventsOf(f flags, api *kube.API) *events.Recorder {
	if !f.events {
		return nil
	}
	return events.New(api, f.nodeName)
}

// calls returns the tasks that call the API server. recorder may be nil.
func calls(f flags, api *kube.API, recorder *events.Recorder, s *server.Server,
	connections func() provider.ConnectionsStatus) (list []tasks.Task) {
	if recorder != nil {
		list = append(list, background("writing events", recorder.Run))
	}
	if f.startupTaint == "" {
		return list
	}
	c := taint.Config{API: api, Node: f.nodeName, Key: f.startupTaint, Serves: s.Serves}
	if connections != nil {
		c.Connections = func() error { return connections().Err() }
	}
	return append(list, background("removing the startup taint", func(ctx context.Context) {
		taint.Remove(ctx, c)
		<-ctx.Done() // the end of a task ends the process
	}))
}
