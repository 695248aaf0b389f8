package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"k8s.io/klog/v2"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/provider"
)

// attributeTokens is where the driver puts the pod's service account tokens. We
// have no use for them and let go of them at once.
const attributeTokens = "csi.storage.k8s.io/serviceAccount.tokens"

// service is the gRPC service that the driver calls.
type service struct {
	pb.UnimplementedCSIDriverProviderServer
	mounter Mounter
	timeout time.Duration
	version string
	metrics *Metrics
}

// Version implements the driver's health check. It calls nobody.
func (s *service) Version(context.Context, *pb.VersionRequest) (*pb.VersionResponse, error) {
	return &pb.VersionResponse{Version: "v1alpha1", RuntimeName: RuntimeName, RuntimeVersion: s.version}, nil
}

// Mount implements the call of the driver for one volume of one pod.
func (s *service) Mount(ctx context.Context, in *pb.MountRequest) (*pb.MountResponse, error) {
	ctx, cancel := withTimeout(ctx, s.timeout)
	defer cancel()
	done := s.metrics.mountBegins()
	begin := time.Now()
	req, resp, err := s.guarded(ctx, in)
	done(req, kindOrEmpty(err))
	audit(req, resp, err, time.Since(begin))
	if err != nil {
		return nil, statusOf(err)
	}
	return encode(resp), nil
}

func kindOrEmpty(err error) provider.Kind {
	if err == nil {
		return ""
	}
	return kindOf(err)
}

// withTimeout bounds a mount by the daemon's time, and by the caller's less a
// margin that leaves us the last word: if the caller's time ran out first, it
// would make DeadlineExceeded of our answer, see codeOf.
func withTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		timeout = min(timeout, left-min(time.Second, left/5))
	}
	return context.WithTimeout(ctx, timeout)
}

// guarded is the mount with its panics turned into errors of this mount alone.
func (s *service) guarded(ctx context.Context, in *pb.MountRequest) (req provider.Request, resp provider.Response, err error) {
	defer func() {
		if r := recover(); r != nil {
			s.metrics.panics.Inc()
			logPanic(r)
			resp, err = provider.Response{}, &provider.Error{Class: req.Class(), Failures: []provider.Failure{{Kind: provider.Broken,
				Object: provider.WholeClass, Where: RuntimeName, What: "a fault of this program ended the mount; its log has more"}}}
		}
	}()
	if req, err = decode(in); err != nil {
		return req, resp, err
	}
	resp, err = s.mounter.Mount(ctx, req)
	return req, resp, err
}

// logPanic logs where a panic came from. What it carried may be a secret, so
// only the runtime's own errors are told and of the others the type.
func logPanic(r any) {
	stack := debug.Stack()
	if crash, ok := r.(*provider.Crash); ok {
		r, stack = crash.Value, crash.Stack
	}
	cause := fmt.Sprintf("%T", r)
	var fault runtime.Error
	if err, ok := r.(error); ok && errors.As(err, &fault) {
		cause = fault.Error()
	}
	klog.ErrorS(nil, "panic in a mount", "cause", cause, "stack", string(stack))
}

// decode takes the driver's JSON texts apart. Errors quote nothing of them.
func decode(in *pb.MountRequest) (provider.Request, error) {
	var req provider.Request
	fail := func(field, want string) error {
		return &provider.Error{Class: req.Class(), Failures: []provider.Failure{{Kind: provider.Invalid, Object: provider.WholeClass,
			Where: "the driver's request", What: field + " is not " + want}}}
	}
	if json.Unmarshal([]byte(in.GetAttributes()), &req.Attributes) != nil || req.Attributes == nil {
		return req, fail("attributes", "a JSON object of strings")
	}
	delete(req.Attributes, attributeTokens)
	if text := in.GetSecrets(); text != "" {
		if json.Unmarshal([]byte(text), &req.Credentials) != nil {
			return req, fail("secrets", "a JSON object of strings")
		}
		delete(req.Credentials, attributeTokens)
	}
	if text := strings.TrimSpace(in.GetPermission()); text != "" {
		mode, err := strconv.ParseUint(text, 10, 32)
		if err != nil || mode > 0o777 {
			return req, fail("permission", "a file mode in decimal")
		}
		req.Mode = fs.FileMode(mode)
	}
	return req, nil
}

// encode makes the driver's answer. The driver writes the files.
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

// audit logs the one line that each mount has: who got what, or why not.
func audit(req provider.Request, resp provider.Response, err error, took time.Duration) {
	pod := req.Pod()
	size := 0
	for _, f := range resp.Files {
		size += f.Contents.Len()
	}
	line := []any{"result", result(kindOrEmpty(err)), "pod", klog.KRef(pod.Namespace, pod.Name), "uid", pod.UID, "serviceAccount", pod.ServiceAccount,
		"secretProviderClass", req.Class(), "credential", resp.Credential, "secrets", resp.Reads,
		"files", len(resp.Files), "bytes", size, "took", took.Round(time.Millisecond)}
	if len(resp.Stale) > 0 {
		line = append(line, "stale", resp.Stale, "staleBecause", resp.StaleBecause)
	}
	if err != nil {
		// As a string of one line: klog breaks those of errors.
		klog.ErrorS(nil, "mount", append(line, "error", strings.ReplaceAll(err.Error(), "\n", " "))...)
		return
	}
	klog.InfoS("mount", line...)
	if size > 1<<20 {
		klog.InfoS("the files of this mount exceed 1 MiB: Kubernetes will refuse a Secret that mirrors them all", "secretProviderClass", req.Class(), "bytes", size)
	}
}
