// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/test/harness"
)

// A client that opens as many calls as it was told, and the next one as soon as it has an answer, is never refused by
// gRPC itself: the driver takes that for Unavailable, after which a pod starts with an empty volume.
func TestGRPCAllowsMoreCallsThanItTells(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{MemoryLimit: 64 << 20})
	conn, err := net.Dial("unix", d.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, conn)
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	frame, err := framer.ReadFrame()
	if err != nil {
		t.Fatal(err)
	}
	told, _ := frame.(*http2.SettingsFrame).Value(http2.SettingMaxConcurrentStreams)
	if int(told) != d.Budget.Unread() {
		t.Errorf("clients are told %d calls at once, want %d", told, d.Budget.Unread())
	}
	call := mountHeaders()
	for n := range told + 1 { // the last is a call after an answer whose stream is still counted
		if err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*n + 1, BlockFragment: call,
			EndHeaders: true}); err != nil {
			t.Fatal(err)
		}
	}
	last := 2*told + 1
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch frame := frame.(type) {
		case *http2.RSTStreamFrame:
			t.Fatalf("call %d was reset with %s", frame.StreamID, frame.ErrCode)
		case *http2.HeadersFrame:
			if frame.StreamID == last { // the budget has no room for it: the daemon answers
				return
			}
		}
	}
}

// mountHeaders returns the headers of a call of Mount.
func mountHeaders() []byte {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":authority", "localhost"},
		{":path", pb.CSIDriverProvider_Mount_FullMethodName}, {"content-type", "application/grpc"}, {"te", "trailers"}} {
		// A bytes.Buffer takes everything. Without an index, the block can be sent again.
		_ = encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1], Sensitive: true})
	}
	return block.Bytes()
}
