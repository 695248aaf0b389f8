// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"context"
	"time"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/read"
)

// Mount is what the span of a mount says of it.
type Mount struct {
	Namespace, Pod, UID, Class, Connection string
	// Kind is that of the failure, "" for a success.
	Kind         failure.Kind
	Files, Bytes int
}

// BeginMount begins the span of a mount. The context is that of the mount; end must be called at
// its end.
func (t *Tracer) BeginMount(ctx context.Context) (mount context.Context, end func(Mount)) {
	s := newSpan(ctx, "mount", serving, time.Now())
	return context.WithValue(ctx, spanKey{}, s), func(m Mount) {
		s.set("k8s.namespace.name", m.Namespace)
		s.set("k8s.pod.name", m.Pod)
		s.set("k8s.pod.uid", m.UID)
		s.set("ovhcloud_csi.secretproviderclass", m.Class)
		s.set("ovhcloud_csi.connection", m.Connection)
		s.set("ovhcloud_csi.files", m.Files)
		s.set("ovhcloud_csi.bytes", m.Bytes)
		t.finish(s, string(m.Kind))
	}
}

// Observers returns observers that make spans, and call the functions of also, which has Call, Read,
// Age and Retry. A nil Tracer makes none.
func (t *Tracer) Observers(also read.Trace) read.Trace {
	if t == nil {
		return also
	}
	return read.Trace{
		Begin: t.step,
		Call: func(ctx context.Context, c provider.Call) {
			also.Call(ctx, c)
			t.request(ctx, c)
		},
		Read: func(ctx context.Context, outcome read.Outcome) {
			also.Read(ctx, outcome)
			s := of(ctx)
			s.change(func() {
				if len(s.served) < mostAttributes {
					s.served = append(s.served, string(outcome))
				}
			})
		},
		Age: also.Age,
		Retry: func(ctx context.Context, after failure.Kind) {
			also.Retry(ctx, after)
			s := of(ctx)
			s.change(func() { s.retries++ })
		},
		Trial: func(ctx context.Context) { of(ctx).set("ovhcloud_csi.trial", true) },
	}
}

// step begins the span of a step of a mount.
func (t *Tracer) step(ctx context.Context, step read.Step, path string) (context.Context, func(failure.Kind)) {
	s := newSpan(ctx, string(step), internal, time.Now())
	s.set("ovhcloud_csi.secret.path", path)
	return context.WithValue(ctx, spanKey{}, s), func(failed failure.Kind) { t.finish(s, string(failed)) }
}

// request makes the span of an exchange that has ended. That of a read which several mounts share is in the
// trace of the mount that began it; an exchange for a token is a trace of its own.
func (t *Tracer) request(ctx context.Context, c provider.Call) {
	s := newSpan(ctx, "request", asking, time.Now().Add(-c.Took))
	s.set("server.address", c.Host)
	s.set("http.response.status_code", c.Status)
	s.set("ovhcloud_csi.api", c.API)
	s.set("ovhcloud_csi.operation", c.Operation)
	s.set("ovhcloud_csi.secret.path", c.Path)
	s.set("ovhcloud_csi.request_id", c.RequestID)
	s.set("ovhcloud_csi.new_connection", c.Dialled)
	t.finish(s, string(c.Kind))
}
