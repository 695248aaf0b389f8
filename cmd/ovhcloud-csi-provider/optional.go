// SPDX-License-Identifier: Apache-2.0

package main

import (
	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/server"
	"ovhcloud-csi-provider/server/events"
	"ovhcloud-csi-provider/server/kube"
	"ovhcloud-csi-provider/server/tasks"
	"ovhcloud-csi-provider/server/tracing"
)

// optional is what the daemon has only if a flag asks for it. A field is nil if none does.
type optional struct {
	tracer   *tracing.Tracer
	profiles []tasks.Task
	api      *kube.API
	events   *events.Recorder
}

// openOptional opens what the flags ask for. The errors name the flag.
func openOptional(f flags) (o optional, err error) {
	if o.tracer, err = openTracer(f.otlpEndpoint); err != nil {
		return optional{}, err
	}
	if o.profiles, err = openProfiles(f.pprofAddress); err != nil {
		return optional{}, err
	}
	if o.api, err = openAPIServer(f); err != nil {
		return optional{}, err
	}
	o.events = eventsOf(f, o.api)
	return o, nil
}

// tasks returns the tasks of what was opened. connections may be nil.
func (o optional) tasks(f flags, s *server.Server, connections func() provider.ConnectionsStatus) []tasks.Task {
	list := append(calls(f, o.api, o.events, s, connections), o.profiles...)
	if o.tracer != nil {
		list = append(list, background("sending spans", o.tracer.Run))
	}
	return list
}
