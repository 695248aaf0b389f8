package server

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/grpc/mem"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"
)

// answered takes a call up to its answer, and counts in told how often what waits for
// its end is called.
func answered(t *testing.T, resp any, err error, told *int) mem.BufferSlice {
	t.Helper()
	out, got := untilSent(t.Context(), nil, nil, func(ctx context.Context, _ any) (any, error) {
		whenSent(ctx, func() { *told++ })
		whenSent(ctx, nil)
		if *told != 0 {
			t.Error("told before the end of the call")
		}
		return resp, err
	})
	if !errors.Is(got, err) {
		t.Errorf("error = %v", got)
	}
	if err != nil {
		return nil
	}
	bytes, err := newCodec().Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

func TestAnAnswerIsSentWhenItsBytesAreLetGoOf(t *testing.T) {
	large := &pb.MountResponse{Files: []*pb.File{{Path: "f", Contents: []byte(strings.Repeat("x", 1<<20))}}}
	told := 0
	bytes := answered(t, large, nil, &told)
	if told != 0 || bytes.Len() < 1<<20 {
		t.Errorf("told %d times of %d bytes before they are sent", told, bytes.Len())
	}
	bytes.Free()
	if told != 1 {
		t.Errorf("told %d times", told)
	}
	small := &pb.MountResponse{Files: []*pb.File{{Path: "f"}}}
	for name, c := range map[string]struct {
		resp any
		err  error
	}{"a small answer": {small, nil}, "another answer": {&pb.VersionResponse{}, nil}, "an error": {nil, errors.New("x")}} {
		told = 0
		if answered(t, c.resp, c.err, &told); told != 1 {
			t.Errorf("of %s it was told %d times", name, told)
		}
	}
}

func TestAnAnswerThatGRPCForgetsIsOverToo(t *testing.T) {
	over := make(chan struct{})
	func() {
		s := &sent{then: []func(){func() { close(over) }}}
		if _, err := newCodec().Marshal(&outgoing{&pb.MountResponse{Files: []*pb.File{{Contents: make([]byte, 1<<20)}}}, s}); err != nil {
			t.Fatal(err)
		}
	}()
	for {
		runtime.GC()
		select {
		case <-over:
			return
		case <-t.Context().Done():
			t.Fatal("nobody was told")
		default:
		}
	}
}

func TestAMountThatEndsAfterItsCallIsOverAtOnce(t *testing.T) {
	told := 0
	s := &sent{}
	s.end()
	whenSent(context.WithValue(t.Context(), sentKey{}, s), func() { told++ })
	whenSent(t.Context(), func() { told++ })
	if told != 2 {
		t.Errorf("told %d times", told)
	}
}
