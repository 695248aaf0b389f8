// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"

	"ovhcloud-csi-provider/server/tracing"
)

// untraced begins a mount of which no span is made.
func untraced(ctx context.Context) (context.Context, func(record)) { return ctx, func(record) {} }

// tracedBy returns what begins a mount and its span.
func tracedBy(t *tracing.Tracer) func(context.Context) (context.Context, func(record)) {
	return func(ctx context.Context) (context.Context, func(record)) {
		ctx, end := t.BeginMount(ctx)
		return ctx, func(r record) {
			end(tracing.Mount{Namespace: r.pod.Namespace, Pod: r.pod.Name, UID: r.pod.UID, Class: r.class,
				Connection: r.connection, Kind: r.kind, Files: r.files, Bytes: r.bytes})
		}
	}
}
