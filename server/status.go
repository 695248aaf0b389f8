// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ovhcloud-csi-provider/provider/failure"
)

// codeOf has the gRPC code of each answer to a mount that failed.
//
// Canceled, DeadlineExceeded, Unavailable, ResourceExhausted and Aborted must
// never be here, whatever the cause: kubelet takes them for "outcome unknown" and keeps
// the volume's folder, the driver then takes the young folder for a new mount, and the
// pod starts with an empty volume (driver 1.6, pkg/secrets-store/nodeserver.go; seen on
// Kubernetes 1.35).
var codeOf = map[failure.Answer]codes.Code{
	failure.Internal:   codes.Internal,
	failure.BadRequest: codes.InvalidArgument,
	failure.NoIdentity: codes.Unauthenticated,
	failure.Forbidden:  codes.PermissionDenied,
	failure.NotFound:   codes.NotFound,
	failure.NotUsable:  codes.FailedPrecondition,
}

// statusOf returns the answer to a mount that failed.
func statusOf(err error) error {
	return status.Error(codeOfError(err), err.Error())
}

func codeOfError(err error) codes.Code {
	if code, known := codeOf[kindOf(err).Answer()]; known {
		return code
	}
	return codes.Internal
}

// kindOf returns the kind of a failed mount. An error that is not a *failure.Error is a
// fault of this program.
func kindOf(err error) failure.Kind {
	var failed *failure.Error
	if errors.As(err, &failed) {
		return failed.Kind()
	}
	return failure.Broken
}

// onlyFinalCodes applies the rule of codeOf to unary calls.
func onlyFinalCodes(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	resp, err := handle(ctx, req)
	return resp, onlyFinal(err)
}

// onlyFinal returns err with the code Internal if its code is not one of codeOf, so that
// the rule of codeOf holds for whatever a handler returns.
func onlyFinal(err error) error {
	if err == nil {
		return nil
	}
	s := status.Convert(err)
	for _, code := range codeOf {
		if code == s.Code() {
			return s.Err()
		}
	}
	return status.Error(codes.Internal, s.Message())
}
