package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
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
	// decoding lets one request at a time be taken apart: it may be of megabytes, takes
	// several times that meanwhile, and is soon done.
	decoding sync.Mutex
}

// Version implements the driver's health check. It calls nobody.
func (s *service) Version(context.Context, *pb.VersionRequest) (*pb.VersionResponse, error) {
	return &pb.VersionResponse{Version: "v1alpha1", RuntimeName: RuntimeName, RuntimeVersion: s.version}, nil
}

// answer is what the driver gets: one of the two.
type answer struct {
	resp *pb.MountResponse
	err  error
}

// Mount implements the call of the driver for one volume of one pod. The mount
// runs in a goroutine of its own, and this call waits for it. Only if it does not
// end when its time is over, which would be a fault of this program, it is
// answered for: the caller's DeadlineExceeded must not come first, see codeOf.
func (s *service) Mount(ctx context.Context, in *pb.MountRequest) (*pb.MountResponse, error) {
	timeout, overtime := timeLeft(ctx, s.timeout)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	late := time.NewTimer(timeout + overtime)
	defer late.Stop()
	done := make(chan answer, 1)
	go func() { done <- s.mount(ctx, in) }()
	select {
	case a := <-done:
		return a.resp, a.err
	case <-late.C:
		klog.ErrorS(nil, "a mount did not end when its time was over", "timeout", timeout)
		return nil, status.Error(codes.Internal, RuntimeName+": the mount did not end in time; its log has more")
	}
}

func (s *service) mount(ctx context.Context, in *pb.MountRequest) answer {
	done := s.metrics.mountBegins()
	begin := time.Now()
	req, resp, err := s.guarded(ctx, in)
	whenSent(ctx, resp.Sent)
	done(req, kindOrEmpty(err))
	audit(req, resp, err, time.Since(begin))
	if err != nil {
		return answer{err: statusOf(err)}
	}
	return answer{resp: encode(resp)}
}

func kindOrEmpty(err error) provider.Kind {
	if err == nil {
		return ""
	}
	return kindOf(err)
}

// timeLeft bounds a mount by the daemon's time, and by the caller's less a margin
// that leaves us the last word. overtime is the part of the margin in which the
// mount may still end by itself.
func timeLeft(ctx context.Context, timeout time.Duration) (bound, overtime time.Duration) {
	margin := time.Second
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		margin = min(margin, left/5)
		timeout = min(timeout, left-margin)
	}
	return timeout, margin / 2
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
	if req, err = s.decode(in); err != nil {
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

func (s *service) decode(in *pb.MountRequest) (provider.Request, error) {
	s.decoding.Lock()
	defer s.decoding.Unlock()
	return decode(in)
}

// maxAttributes bounds the parameters of a mount in bytes. What a class may state of
// ours takes half of that.
const maxAttributes = 1 << 20

// decode takes the driver's JSON texts apart, and lets go of them: a mount may have to
// wait, and need not hold them twice. Errors quote nothing of them.
func decode(in *pb.MountRequest) (provider.Request, error) {
	defer func() { in.Attributes, in.Secrets = "", "" }()
	var req provider.Request
	fail := func(field, want string) error {
		return &provider.Error{Class: req.Class(), Failures: []provider.Failure{{Kind: provider.Invalid, Object: provider.WholeClass,
			Where: "the driver's request", What: field + " is not " + want}}}
	}
	if json.Unmarshal([]byte(in.GetAttributes()), &req.Attributes) != nil || req.Attributes == nil {
		return req, fail("attributes", "a JSON object of strings")
	}
	delete(req.Attributes, attributeTokens)
	if len(in.GetAttributes()) > maxAttributes {
		return req, fail("attributes", "a text of 1 MiB at most; the parameters of the class or of the pod's volume are too long")
	}
	if text := in.GetSecrets(); text != "" {
		if json.Unmarshal([]byte(text), &req.Credentials) != nil {
			return req, fail("secrets", "a JSON object of strings")
		}
		delete(req.Credentials, attributeTokens)
		req.Credentials.DropOthers()
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

// audit logs the one line that each mount has: who got what, or why not. What it has
// no room for stands in lines behind it.
func audit(req provider.Request, resp provider.Response, err error, took time.Duration) {
	defer auditRest(req, resp)
	pod := req.Pod()
	size := 0
	for _, f := range resp.Files {
		size += f.Contents.Len()
	}
	line := []any{"result", result(kindOrEmpty(err)), "pod", klog.KRef(pod.Namespace, pod.Name), "uid", pod.UID, "serviceAccount", pod.ServiceAccount,
		"secretProviderClass", req.Class(), "connection", resp.Connection, "credential", resp.Credential, "secrets", atMost(auditList, resp.Reads),
		"files", len(resp.Files), "bytes", size, "took", took.Round(time.Millisecond)}
	if failed := (*provider.Error)(nil); errors.As(err, &failed) && failed.Hidden() != "" {
		line = append(line, "reason", failed.Hidden())
	}
	if len(resp.Stale) > 0 {
		line = append(line, "stale", atMost(auditList, resp.Stale), "staleBecause", resp.StaleBecause)
	}
	if f := resp.Fallback; len(f.Reads) > 0 {
		line = append(line, "fallback", atMost(auditList, f.Reads), "fallbackConnection", f.Connection, "fallbackCredential", f.Credential, "fallbackBecause", f.Because)
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

// auditList is how many of a list stand in one line of the log: some collectors of
// logs cut or split long lines.
const auditList = 50

// atMost bounds a list and says what it leaves out.
func atMost(most int, list []string) []string {
	if len(list) <= most {
		return list
	}
	return append(slices.Clone(list[:most]), fmt.Sprintf("and %d more", len(list)-most))
}

// auditRest logs the secrets of a mount that had no room in its line.
func auditRest(req provider.Request, resp provider.Response) {
	if len(resp.Reads) <= auditList {
		return
	}
	for more := range slices.Chunk(resp.Reads[auditList:], auditList) {
		klog.InfoS("mount, further secrets", "uid", req.Pod().UID, "secretProviderClass", req.Class(), "secrets", more)
	}
}
