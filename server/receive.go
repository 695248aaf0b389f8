package server

import (
	"context"
	"encoding/json"
	"io/fs"
	"strconv"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
)

// attributeTokens is where the driver puts the pod's service account tokens. We
// have no use for them and drop them at once.
const attributeTokens = "csi.storage.k8s.io/serviceAccount.tokens"

type unreadKey struct{}

// release gives back what admit took for a call that nobody had looked at.
func release(ctx context.Context) {
	if give, is := ctx.Value(unreadKey{}).(func()); is {
		give()
	}
}

// admit is gRPC's tap: it is asked when the headers of a call have come, before
// anything of its message is kept. Where too many requests wait to be read, a further
// mount is refused; it must not wait here, where all calls of the connection come by.
func (s *service) admit(ctx context.Context, call *tap.Info) (context.Context, error) {
	if call.FullMethodName != pb.CSIDriverProvider_Mount_FullMethodName {
		return ctx, nil
	}
	give, ok := s.budget.Admit()
	if !ok {
		s.metrics.refused(failure.NodeFull)
		return ctx, status.Error(codes.Internal, provider.NodeFullError("").Error())
	}
	context.AfterFunc(ctx, give) // the call may end before its handler begins
	return context.WithValue(ctx, unreadKey{}, give), nil
}

// receive reads the request when there is a place to, so that few requests are in
// memory that nobody has counted; then it is decoded in the turn of its namespace. What
// comes of it holds only what a mount needs, and its account. The caller closes that.
func (s *service) receive(ctx context.Context, stream grpc.ServerStream) (req provider.Request, err error) {
	in, account, err := s.read(ctx, stream)
	if err != nil {
		return provider.Request{}, err
	}
	defer func() {
		if req.Account == nil { // also where it panics
			account.Close()
		}
	}()
	size := int64(len(in.GetAttributes()) + len(in.GetSecrets()))
	class := classOf(in)
	done, ok := account.Work(ctx, size+perEntry*int64(strings.Count(in.GetAttributes(), ",")+strings.Count(in.GetSecrets(), ",")))
	if !ok {
		return provider.Request{}, provider.NodeFullError(class)
	}
	defer done(0)
	if req, err = decode(in); err != nil {
		return req, err
	}
	held := mountBase + heldBy(req)
	if namespace := req.Pod().Namespace; namespace != account.Namespace() {
		// Only where it stands behind much else. It is not for the other to pay for.
		mine := s.budget.Open(namespace)
		if !mine.Take(budget.Arrived, held) {
			return provider.Request{}, provider.NodeFullError(class)
		}
		account.Close()
		account = mine
	}
	account.Give(budget.Arrived, max(0, account.Held(budget.Arrived)-held))
	req.Account = account
	return req, nil
}

// perEntry is about what an entry of a map takes beside its texts, in bytes.
const perEntry = 64

// heldBy is what a request takes, in bytes.
func heldBy(req provider.Request) (n int64) {
	for name, value := range req.Attributes {
		n += perEntry + int64(len(name)+len(value))
	}
	for name, value := range req.Credentials {
		n += perEntry + int64(len(name)+value.Len())
	}
	return n
}

// mountBase is what a mount takes beside its request: gRPC's call, two goroutines,
// their timers and contexts.
const mountBase = 32 << 10

// read reads the request and opens the account of the mount, which holds it then.
func (s *service) read(ctx context.Context, stream grpc.ServerStream) (*pb.MountRequest, *budget.Account, error) {
	defer release(stream.Context())
	type received struct {
		in      *pb.MountRequest
		account *budget.Account
		err     error
	}
	came := make(chan received, 1)
	go func() { // which ends when the stream does, at the latest
		r := received{err: wrongRequest("", "it cannot be read")}
		defer func() {
			if fault := recover(); fault != nil {
				s.metrics.panics.Inc()
				logPanic(fault)
			}
			came <- r
		}()
		r.in, r.account, r.err = s.readMessage(ctx, stream)
	}()
	select {
	case r := <-came:
		return r.in, r.account, r.err
	case <-ctx.Done():
		go func() { (<-came).account.Close() }()
		return nil, nil, provider.NodeFullError("") // its caller is on this machine, and does not tarry
	}
}

// Attributes that are looked at before a request is decoded.
const (
	attributeNamespace = "csi.storage.k8s.io/pod.namespace"
	attributeClass     = "secretProviderClass"
)

// quickAttribute finds an attribute without decoding the others, which may take long:
// whose turn it is must be known first. In the driver's JSON, which has no white space, a
// key stands behind a bracket or a comma, and a quote within a key or a value behind a
// backslash, so that nothing that a pod's author writes is taken for it. receive checks it
// all the same once the request is decoded.
func quickAttribute(attributes, name string) string {
	for _, before := range []string{"{", ","} {
		_, rest, found := strings.Cut(attributes, before+`"`+name+`":"`)
		if !found {
			continue
		}
		value, _, closed := strings.Cut(rest, `"`)
		if closed && len(value) <= 253 && !strings.ContainsRune(value, '\\') {
			return strings.Clone(value)
		}
	}
	return ""
}

// classOf is the class of a request that is not decoded, for a message.
func classOf(in *pb.MountRequest) string {
	return quickAttribute(in.GetAttributes(), attributeNamespace) + "/" + quickAttribute(in.GetAttributes(), attributeClass)
}

// wrongRequest is the error about a request that cannot be served.
func wrongRequest(class, what string) error {
	return &failure.Error{Class: class, Failures: []failure.Failure{{Kind: failure.Invalid, Object: failure.WholeClass,
		Where: "the driver's request", What: what}}}
}

// maxAttributes bounds the parameters of a mount in bytes. What a class may state of
// ours takes half of that.
const maxAttributes = 1 << 20

const attributesTooLong = "attributes is not a text of 1 MiB at most; the parameters of the class or of the pod's volume are too long"

// decode takes the driver's JSON texts apart, and keeps what a mount needs of them.
// Errors quote nothing of them.
func decode(in *pb.MountRequest) (provider.Request, error) {
	defer func() { in.Attributes, in.Secrets = "", "" }()
	name := classOf(in)
	var req provider.Request
	fail := func(field, want string) error { return wrongRequest(name, field+" is not "+want) }
	if len(in.GetAttributes()) > maxAttributes {
		return req, wrongRequest(name, attributesTooLong)
	}
	if json.Unmarshal([]byte(in.GetAttributes()), &req.Attributes) != nil || req.Attributes == nil {
		return req, fail("attributes", "a JSON object of strings")
	}
	delete(req.Attributes, attributeTokens)
	req.Attributes = class.KnownAttributes(req.Attributes)
	if text := in.GetSecrets(); text != "" {
		if json.Unmarshal([]byte(text), &req.Credentials) != nil {
			return req, fail("secrets", "a JSON object of strings")
		}
		delete(req.Credentials, attributeTokens)
		req.Credentials = req.Credentials.Known()
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
