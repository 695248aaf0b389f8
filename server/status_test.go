package server

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ovhcloud-csi-provider/provider"
)

var finalCodes = map[codes.Code]bool{codes.InvalidArgument: true, codes.Unauthenticated: true,
	codes.PermissionDenied: true, codes.NotFound: true, codes.FailedPrecondition: true, codes.Internal: true}

func TestEveryKindHasAFinalCode(t *testing.T) {
	for _, kind := range provider.Kinds() {
		if code, known := codeOf[kind]; !known || !finalCodes[code] {
			t.Errorf("%s has the code %s", kind, code)
		}
	}
	if len(codeOf) != len(provider.Kinds()) {
		t.Errorf("%d codes for %d kinds", len(codeOf), len(provider.Kinds()))
	}
}

func TestTheMostSeriousFailureGivesTheCode(t *testing.T) {
	err := fmt.Errorf("wrapped: %w",
		&provider.Error{Failures: []provider.Failure{{Kind: provider.TimedOut}, {Kind: provider.SecretAbsent},
			{Kind: provider.Denied}}})
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

func TestAMountEndsBeforeItsCallersDeadline(t *testing.T) {
	for _, c := range []struct {
		caller, ours    time.Duration
		atMost, atLeast time.Duration
	}{
		{2 * time.Minute, 45 * time.Second, 45 * time.Second, 44 * time.Second},
		{30 * time.Second, 45 * time.Second, 29 * time.Second, 28 * time.Second},
		{time.Second, 45 * time.Second, 800 * time.Millisecond, 0},
		{0, 45 * time.Second, 0, -time.Hour},
	} {
		outer, cancel := context.WithTimeout(t.Context(), c.caller)
		work, last := timeLeft(outer, c.ours)
		if last > c.atMost || work < c.atLeast || work > max(0, last) || last > c.ours || last > c.caller {
			t.Errorf("caller %s, ours %s: %s and %s", c.caller, c.ours, work, last)
		}
		cancel()
	}
}

func TestAgesOfClasses(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	ages := &classAges{now: func() time.Time { return now }, byClass: map[string]*classAge{}}
	age := func(class string) time.Duration {
		a := ages.byClass[class]
		if a == nil {
			return -1
		}
		return now.Sub(a.good)
	}
	ages.mounted("a/good", true)
	ages.mounted("a/bad", false)
	now = now.Add(5 * time.Minute)
	ages.mounted("a/good", true)
	ages.mounted("a/bad", false)
	if age("a/good") != 0 || age("a/bad") != 5*time.Minute {
		t.Errorf("ages %s, %s", age("a/good"), age("a/bad"))
	}
	now = now.Add(classForgotten + time.Second)
	ages.mounted("a/good", false)
	ages.mounted("a/new", true)
	if age("a/bad") != -1 || age("a/new") != 0 {
		t.Error("a class without recent mounts is not removed")
	}
	for i := range 2 * maxOfNamespace {
		ages.mounted(fmt.Sprintf("a/%d", i), true)
	}
	if len(ages.byClass) != maxOfNamespace {
		t.Errorf("%d classes of one namespace", len(ages.byClass))
	}
	for i := range 2 * maxClasses {
		ages.mounted(fmt.Sprintf("of-%d/x", i), true)
	}
	if len(ages.byClass) != maxClasses {
		t.Errorf("%d classes", len(ages.byClass))
	}
}
