// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/failure"
)

type unreadKey struct{}

// release gives back what admit took for a call whose message was not read yet. Further
// calls do nothing.
func release(ctx context.Context) {
	if give, is := ctx.Value(unreadKey{}).(func()); is {
		give()
	}
}

// admit is gRPC's tap: gRPC calls it with the headers of a call, before it keeps
// anything of the message. If too many requests wait to be read, it refuses a further
// mount. It must not wait, since all calls of the connection pass here.
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

// receive reads the request when the budget has room for it, and decodes it in the turn
// of its namespace. The result has only what a mount needs, and its account, which the
// caller closes. If there is an error, there is no account.
func (s *service) receive(ctx context.Context, stream grpc.ServerStream) (req provider.Request, err error) {
	in, account, err := s.read(ctx, stream)
	if err != nil {
		return provider.Request{}, err
	}
	defer func() {
		if req.Account == nil { // also after a panic
			account.Close()
		}
	}()
	size := int64(len(in.GetAttributes()) + len(in.GetSecrets()))
	class := classOf(in)
	done, ok := account.Work(ctx,
		size+perEntry*int64(strings.Count(in.GetAttributes(), ",")+strings.Count(in.GetSecrets(), ",")))
	if !ok {
		return provider.Request{}, provider.NodeFullError(class)
	}
	defer done(0)
	if req, err = decode(in); err != nil {
		return req, err
	}
	held := mountBase + heldBy(req)
	if namespace := req.Pod().Namespace; namespace != account.Namespace() {
		// It was behind so much else that readMessage did not find it. The mount must not
		// count for the empty namespace.
		mine := s.budget.Open(namespace)
		if !mine.Take(budget.Arrived, held) {
			return provider.Request{}, provider.NodeFullError(class)
		}
		done(0)
		account.Close()
		account = mine
	}
	account.Give(budget.Arrived, max(0, account.Held(budget.Arrived)-held))
	req.Account = account
	return req, nil
}

// perEntry is about what an entry of a map takes in addition to its texts, in bytes.
const perEntry = 64

// heldBy returns how much memory a request takes, in bytes.
func heldBy(req provider.Request) (n int64) {
	for name, value := range req.Attributes {
		n += perEntry + int64(len(name)+len(value))
	}
	for name, value := range req.Credentials {
		n += perEntry + int64(len(name)+value.Len())
	}
	return n
}

// mountBase is what a mount takes in addition to its request, in bytes: gRPC's call, two
// goroutines, their timers and contexts.
const mountBase = 32 << 10

// read reads the request and opens the account of the mount, which counts it.
func (s *service) read(ctx context.Context, stream grpc.ServerStream) (*pb.MountRequest, *budget.Account, error) {
	defer release(stream.Context())
	type received struct {
		in      *pb.MountRequest
		account *budget.Account
		err     error
	}
	came := make(chan received, 1)
	go func() { // it ends with the stream at the latest
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
		return nil, nil, provider.NodeFullError("") // the caller is on this machine and sends without delay
	}
}
