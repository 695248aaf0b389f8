// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ovhcloud-csi-provider/provider/failure"
)

var finalCodes = map[codes.Code]bool{codes.InvalidArgument: true, codes.Unauthenticated: true,
	codes.PermissionDenied: true, codes.NotFound: true, codes.FailedPrecondition: true, codes.Internal: true}

func TestEveryKindHasAFinalCode(t *testing.T) {
	for _, kind := range failure.Kinds() {
		if code, known := codeOf[kind.Answer()]; !known || !finalCodes[code] {
			t.Errorf("%s has the code %s", kind, code)
		}
	}
}

func TestTheMostSeriousFailureGivesTheCode(t *testing.T) {
	err := fmt.Errorf("wrapped: %w",
		&failure.Error{Failures: []failure.Failure{{Kind: failure.TimedOut}, {Kind: failure.SecretAbsent},
			{Kind: failure.Denied}}})
	if got := codeOfError(err); got != codes.PermissionDenied {
		t.Errorf("code %s", got)
	}
	if got := codeOfError(errors.New("x")); got != codes.Internal {
		t.Errorf("code of a plain error %s", got)
	}
}

// afterGuard returns the error of a unary handler that returns resp and err, after
// onlyFinalCodes. It checks that resp passes.
func afterGuard(t *testing.T, resp any, err error) error {
	t.Helper()
	handle := func(context.Context, any) (any, error) { return resp, err }
	got, after := onlyFinalCodes(t.Context(), nil, nil, handle)
	if got != resp {
		t.Errorf("the response became %v", got)
	}
	return after
}

func TestOnlyFinalCodesPass(t *testing.T) {
	for code := codes.Code(1); code <= 16; code++ {
		got := status.Convert(afterGuard(t, nil, status.Error(code, "words")))
		if finalCodes[code] && got.Code() != code || !finalCodes[code] && got.Code() != codes.Internal ||
			got.Message() != "words" {
			t.Errorf("%s became %v", code, got)
		}
	}
	for _, err := range []error{context.Canceled, context.DeadlineExceeded, errors.New("x")} {
		if got := afterGuard(t, nil, err); status.Code(got) != codes.Internal {
			t.Errorf("%v became %v", err, got)
		}
	}
	if err := afterGuard(t, "fine", nil); err != nil {
		t.Error(err)
	}
}
