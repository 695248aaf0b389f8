// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"encoding/binary"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/budget"
)

// frames is gRPC's stream below its messages. RecvMsg cannot be used: it reads a message
// of any length into memory at once, and rejects one above its limit with
// ResourceExhausted. TestALargeRequestIsRejectedByThisProgram shows that the stream of
// the version in go.mod has these methods.
type frames interface {
	ReadMessageHeader(header []byte) error
	Read(n int) (mem.BufferSlice, error)
}

// A message begins with five bytes (gRPC over HTTP/2, "Length-Prefixed-Message"): 1 if it
// is compressed, and its length.
const prefixLength = 5

// smallRequest is how much of a request is read at once, in bytes. Nearly all requests
// are smaller.
const smallRequest = 32 << 10

// readMessage reads the one message of a call, and opens the account that counts it. It
// reads a small message at once. Of a large one it reads the beginning, which has the
// namespace; the rest waits for a place. The account is nil if in is, and closed also if gRPC panics.
func (s *service) readMessage(ctx context.Context,
	stream grpc.ServerStream) (in *pb.MountRequest, _ *budget.Account, err error) {
	call, is := grpc.ServerTransportStreamFromContext(stream.Context()).(frames)
	if !is {
		return nil, nil, wrongRequest("", "this version of gRPC does not give its length")
	}
	prefix := make([]byte, prefixLength)
	if err := call.ReadMessageHeader(prefix); err != nil {
		return nil, nil, wrongRequest("", "it cannot be read")
	}
	length := int(binary.BigEndian.Uint32(prefix[1:]))
	if prefix[0] != 0 {
		return nil, nil, wrongRequest("", "it is compressed, which is not supported")
	}
	body, err := call.Read(min(length, smallRequest))
	if err != nil {
		return nil, nil, wrongRequest("", "it cannot be read")
	}
	defer func() { body.Free() }()
	begin := body.Materialize()
	account := s.budget.Open(quickAttribute(string(begin), attributeNamespace))
	defer func() {
		if in == nil {
			account.Close()
		}
	}()
	if !account.Take(budget.Arrived, mountBase+int64(min(length, budget.LargeRequest))) {
		return nil, nil, provider.NodeFullError(namespaceOf(begin))
	}
	if rest := length - len(begin); rest > 0 {
		more, err := s.readRest(ctx, call, account, begin, rest)
		if err != nil {
			return nil, nil, err
		}
		body = append(body, more...)
	}
	request := &pb.MountRequest{}
	if newCodec().Unmarshal(body, request) != nil {
		return nil, nil, wrongRequest("", "it is not a MountRequest")
	}
	return request, account, nil
}

// readRest reads the rest of a large message, and counts it for the account.
func (s *service) readRest(ctx context.Context, call frames, account *budget.Account, begin []byte,
	rest int) (mem.BufferSlice, error) {
	length := len(begin) + rest
	if length > budget.MaxRequest {
		return nil, tooLong(begin)
	}
	release(ctx)
	done, ok := account.Read(ctx)
	if !ok {
		return nil, provider.NodeFullError(namespaceOf(begin))
	}
	defer done()
	if !account.Take(budget.Arrived, int64(max(0, length-budget.LargeRequest))) {
		return nil, provider.NodeFullError(namespaceOf(begin))
	}
	more, err := call.Read(rest)
	if err != nil {
		return nil, wrongRequest("", "it cannot be read")
	}
	return more, nil
}

// namespaceOf returns the namespace in the beginning of a request with a slash behind, as
// a class's name begins. It returns "" if there is no namespace.
func namespaceOf(begin []byte) string {
	if namespace := quickAttribute(string(begin), attributeNamespace); namespace != "" {
		return namespace + "/"
	}
	return ""
}

// tooLong returns the error for a request longer than budget.MaxRequest. It names the
// part that is too long.
func tooLong(begin []byte) error {
	// The attributes are the first field.
	if _, _, n := protowire.ConsumeTag(begin); n > 0 {
		if length, m := protowire.ConsumeVarint(begin[n:]); m > 0 && length > maxAttributes {
			return wrongRequest(namespaceOf(begin), attributesTooLong)
		}
	}
	return wrongRequest(namespaceOf(begin), fmt.Sprintf(
		"it is longer than %d bytes; name a Secret in nodePublishSecretRef that holds the credential alone",
		budget.MaxRequest))
}
