// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/klog/v2"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/read"
)

// service is the gRPC service that the driver calls.
type service struct {
	pb.UnimplementedCSIDriverProviderServer
	mounter Mounter
	timeout time.Duration
	version string
	metrics *Metrics
	budget  *budget.Budget
	overdue *overdue
	// begin is called when a mount begins, and what it returns with the record of the mount.
	begin func(context.Context) (context.Context, func(record))
	// observers are called with the record of each mount when it has ended.
	observers []func(record)
}

// description returns the driver's service with Mount as a stream of one message each
// way. On the wire that is the same, and the handler decides when the request is read,
// see receive.
func description() *grpc.ServiceDesc {
	d := pb.CSIDriverProvider_ServiceDesc
	d.Methods = nil
	for _, m := range pb.CSIDriverProvider_ServiceDesc.Methods {
		if m.MethodName != "Mount" {
			d.Methods = append(d.Methods, m)
		}
	}
	d.Streams = []grpc.StreamDesc{{StreamName: "Mount", Handler: func(s any, stream grpc.ServerStream) error {
		return onlyFinal(s.(*service).serveMount(stream))
	}}}
	return &d
}

// Version implements the driver's health check. It makes no calls.
func (s *service) Version(context.Context, *pb.VersionRequest) (*pb.VersionResponse, error) {
	return &pb.VersionResponse{Version: "v1alpha1", RuntimeName: RuntimeName, RuntimeVersion: s.version}, nil
}

// answer is what the driver gets: either a response or an error.
type answer struct {
	resp *pb.MountResponse
	err  error
}

// serveMount serves the driver's call for one volume of one pod. It waits for the mount,
// which runs in a goroutine of its own. If the mount does not end in its time, which is a
// fault of this program, serveMount answers with an error: the caller's DeadlineExceeded
// must not come first, see codeOf.
func (s *service) serveMount(stream grpc.ServerStream) error {
	work, last := timeLeft(stream.Context(), s.timeout)
	ctx, cancel := context.WithTimeout(stream.Context(), work)
	defer cancel()
	late := time.NewTimer(last)
	defer late.Stop()
	delivery := newDelivery(stream.Context())
	done := make(chan answer, 1)
	go func() { done <- s.mount(ctx, stream, delivery) }()
	select {
	case a := <-done:
		return send(stream, a, delivery)
	case <-late.C:
		klog.ErrorS(nil, "a mount did not end when its time was over", "timeout", last)
		go s.watch(done)
		delivery.end()
		return status.Error(codes.Internal, RuntimeName+": the mount did not end in time; its log has more")
	}
}

// graceful is how long a mount may take to end after its time is over before it counts as
// overdue: on a busy node it may wait for a processor.
const graceful = 10 * time.Second

// watch waits for the end of a mount that was answered with an error, and counts it as
// overdue while it does not end.
func (s *service) watch(done <-chan answer) {
	grace := time.NewTimer(min(graceful, s.timeout))
	defer grace.Stop()
	select {
	case <-done:
		return
	case <-grace.C:
	}
	ended := s.overdue.begin()
	<-done
	ended()
}

func (s *service) mount(ctx context.Context, stream grpc.ServerStream, delivery *delivery) answer {
	s.metrics.mountBegins()
	begin := time.Now()
	ctx, end := s.begin(ctx)
	req, resp, err := s.guarded(ctx, stream)
	defer func() { req.Account.Close() }() // also of a mount that failed
	delivery.whenOver(resp.Sent)
	r := recordOf(req, resp, err, time.Since(begin))
	for _, observe := range s.observers {
		observe(r)
	}
	end(r)
	if err != nil {
		return answer{err: statusOf(err)}
	}
	return answer{resp: encode(resp)}
}

// timeLeft returns how long a mount may work, and when it is answered at the latest. Both
// are bounded by timeout and by the caller's deadline less a margin, so that the caller
// gets an answer of this program.
func timeLeft(ctx context.Context, timeout time.Duration) (work, last time.Duration) {
	last = timeout
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		last = min(last, left-min(time.Second, left/5))
	}
	return last - min(500*time.Millisecond, max(0, last/10)), last
}

// guarded receives the request and does the mount. A panic fails this mount only.
func (s *service) guarded(ctx context.Context,
	stream grpc.ServerStream) (req provider.Request, resp provider.Response, err error) {
	defer func() {
		if r := recover(); r != nil {
			s.metrics.panics.Inc()
			logPanic(r)
			resp, err = provider.Response{}, &failure.Error{Class: req.Class(),
				Failures: []failure.Failure{{Kind: failure.Broken,
					Object: failure.WholeClass, Where: RuntimeName,
					What: "a bug in this program ended the mount; its log has more"}}}
		}
	}()
	if req, err = s.receive(ctx, stream); err != nil {
		return req, resp, err
	}
	resp, err = s.mounter.Mount(ctx, req)
	return req, resp, err
}

// logPanic logs where a panic came from. Its value may be a secret, so only the runtime's
// own errors are shown, and of others the type.
func logPanic(r any) {
	stack := debug.Stack()
	if crash, ok := r.(*read.Crash); ok {
		r, stack = crash.Value, crash.Stack
	}
	cause := fmt.Sprintf("%T", r)
	var fault runtime.Error
	if err, ok := r.(error); ok && errors.As(err, &fault) {
		cause = fault.Error()
	}
	klog.ErrorS(nil, "panic in a mount", "cause", cause, "stack", string(stack))
}

// encode returns the driver's answer. The driver writes the files.
func encode(resp provider.Response) *pb.MountResponse {
	out := &pb.MountResponse{}
	for _, f := range resp.Files {
		out.Files = append(out.Files, &pb.File{Path: f.Path, Mode: int32(f.Mode.Perm()), Contents: f.Contents.Reveal()})
	}
	for _, v := range resp.Versions {
		out.ObjectVersion = append(out.ObjectVersion, &pb.ObjectVersion{Id: v.ID, Version: v.Version})
	}
	return out
}
