// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/read"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

func TestMountsInProgressAreServedWhileShuttingDown(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{MountTimeout: 2 * time.Second})
	d.Store.Hold(t, map[string]string{"s": `{"a":"1"}`})
	slow := d.Store.Break(t, emulator.Fault{Hang: true, Path: "data/s"})
	d.Store.Break(t, emulator.Fault{Hang: true, Path: "data/forever"})
	answers := make(chan error, 2)
	go func() {
		_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s"})
		answers <- err
	}()
	go func() {
		_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: forever"})
		answers <- err
	}()
	d.Store.AwaitRequests(t, 2)
	d.Shutdown()
	slow()
	if err := <-answers; err != nil {
		t.Errorf("the mount that could end failed: %v", err)
	}
	harness.WantError(t, <-answers, codes.Internal, "no answer from OKMS in time")
	if err := d.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(d.Socket); !os.IsNotExist(err) {
		t.Errorf("the socket was left behind: %v", err)
	}
}

// faulty is a Mounter that returns or panics as the function does.
type faulty func(context.Context) error

func (f faulty) Mount(ctx context.Context, _ provider.Request) (provider.Response, error) {
	return provider.Response{}, f(ctx)
}

func TestTheCodeIsFinalForEveryErrorOfAMounter(t *testing.T) {
	t.Parallel()
	const planted = "hunter2-planted"
	for name, f := range map[string]faulty{
		"a panic":                func(context.Context) error { panic(planted) },
		"a panic of the runtime": func(context.Context) error { var none []error; return none[len(none)] },
		"a panic in a read": func(context.Context) error {
			panic(&read.Crash{Value: errors.New(planted), Stack: []byte("stack")})
		},
		"a plain error":           func(context.Context) error { return errors.New("x") },
		"an error of the context": func(context.Context) error { return context.Canceled },
		"Unavailable":             func(context.Context) error { return status.Error(codes.Unavailable, "x") },
		"ResourceExhausted":       func(context.Context) error { return status.Error(codes.ResourceExhausted, "x") },
		"no failure at all":       func(context.Context) error { return &failure.Error{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := harness.Start(t, harness.Options{Mounter: f})
			_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s"})
			harness.WantError(t, err, codes.Internal)
			if strings.Contains(err.Error(), planted) {
				t.Errorf("the message shows what the panic carried: %v", err)
			}
		})
	}
}

func TestAPanicEndsOneMountOnly(t *testing.T) {
	t.Parallel()
	first := true
	d := harness.Start(t, harness.Options{Mounter: faulty(func(context.Context) error {
		if first {
			first = false
			panic("x")
		}
		return nil
	})})
	_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s"})
	harness.WantError(t, err, codes.Internal, "a bug in this program ended the mount; its log has more")
	if _, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s"}); err != nil {
		t.Error(err)
	}
	d.WantLines(t, "ovhcloud_csi_panics_total 1")
	d.WantKind(t, failure.Broken)
}

func TestALargeRequestIsRejectedByThisProgram(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{})
	_, err := d.Do(t.Context(), harness.Mount{Objects: strings.Repeat("- secretPath: a\n", 300_000)})
	harness.WantError(t, err, codes.InvalidArgument,
		`SecretProviderClass in namespace "store": the driver's request: attributes is not a text of 1 MiB at most`)
	_, err = d.Do(t.Context(), harness.Mount{Objects: strings.Repeat("- secretPath: a\n", 70_000)})
	harness.WantError(t, err, codes.InvalidArgument,
		"SecretProviderClass store/shop: the driver's request: attributes is not a text of 1 MiB at most")
	_, err = d.Do(t.Context(), harness.Mount{Objects: "- secretPath: a",
		Secrets: map[string]string{"token": "t", "other": strings.Repeat("x", 3<<20)}})
	harness.WantError(t, err, codes.InvalidArgument,
		`SecretProviderClass in namespace "store": the driver's request: it is longer than 2097152 bytes; name a Secret`)
}

// awaitHealth waits until /healthz begins with a text.
func awaitHealth(t *testing.T, d *harness.Daemon, begins string) {
	t.Helper()
	harness.Await(t, "/healthz to say "+begins, func() bool {
		return strings.HasPrefix(harness.Page(t, d.Admin+"/healthz"), begins)
	})
}

func TestAMountThatDoesNotEndGetsAnAnswer(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}, 1000), make(chan struct{})
	d := harness.Start(t, harness.Options{MountTimeout: 100 * time.Millisecond,
		Mounter: faulty(func(context.Context) error { begun <- struct{}{}; <-release; return nil })})
	end := sync.OnceFunc(func() { close(release) })
	defer end()
	var err error
	harness.Await(t, "a mount to begin", func() bool { // on a busy machine its time may be over before
		begin := time.Now()
		_, err = d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s"})
		if took := time.Since(begin); took < 90*time.Millisecond {
			t.Fatalf("it was answered after %s: %v", took, err)
		}
		return len(begun) > 0
	})
	harness.WantError(t, err, codes.Internal, "the mount did not end in time")
	// It keeps its memory, so liveness fails until it ends.
	awaitHealth(t, d, "503 1 mount did not end when its time was over")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = d.Do(ctx, harness.Mount{Objects: "- secretPath: s"})
	harness.WantError(t, err, codes.Internal)
	end()
	awaitHealth(t, d, "200")
	if err := d.Stop(); err != nil {
		t.Errorf("the server could not end: %v", err)
	}
}

func TestAnOlderDaemonServesAgainWhenTheNewerOneEnds(t *testing.T) {
	t.Parallel()
	older := harness.Start(t, harness.Options{})
	older.Store.Hold(t, map[string]string{"s": `{}`})
	newer := harness.Start(t, harness.Options{Socket: older.Socket, Emulator: older.Store})
	if _, err := newer.Do(t.Context(), harness.Mount{Objects: "- secretPath: s"}); err != nil {
		t.Fatal(err)
	}
	if err := newer.Stop(); err != nil {
		t.Fatal(err)
	}
	// Both clients wait until a daemon answers at the path.
	for _, d := range []*harness.Daemon{older, newer} {
		if _, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s"}); err != nil {
			t.Error(err)
		}
	}
}
