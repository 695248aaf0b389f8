// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"encoding/binary"
	"net"

	"google.golang.org/grpc"
)

// gRPC's server refuses a call above its limit with REFUSED_STREAM, and counts a call until just after its answer was
// written. A client that keeps to the limit can be refused in that moment. The driver tries again a few times, and then
// has Unavailable, after which a pod starts with an empty volume. So clients are told a lower limit than gRPC keeps.

// spareStreams is how much higher gRPC's own limit is. It is for calls that have their answer and are still counted.
const spareStreams = 16

// streamLimit is the gRPC option for connections of fewerStreams.
func streamLimit(most int) grpc.ServerOption {
	return grpc.MaxConcurrentStreams(uint32(most + spareStreams))
}

// fewerStreams is a listener whose clients are told that a connection may have most calls at once. They hold further
// ones back.
type fewerStreams struct {
	net.Listener
	most int
}

// Accept implements net.Listener.
func (l fewerStreams) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &fewerStreamsConn{Conn: conn, most: l.most}, nil
}

// fewerStreamsConn changes the first frame that the server writes.
type fewerStreamsConn struct {
	net.Conn
	most int // 0 after the first frame
}

// Write implements net.Conn. gRPC calls it from one goroutine at a time.
func (c *fewerStreamsConn) Write(b []byte) (int, error) {
	if c.most > 0 {
		b = bytes.Clone(b) // it belongs to gRPC
		tellStreams(b, uint32(c.most))
		c.most = 0
	}
	return c.Conn.Write(b)
}

// tellStreams sets SETTINGS_MAX_CONCURRENT_STREAMS in a SETTINGS frame, which has a header of 9 bytes and entries of 6
// (RFC 9113, 6.5). It leaves other frames as they are.
func tellStreams(frame []byte, most uint32) {
	const header, settings, entry, maxConcurrentStreams = 9, 4, 6, 3
	if len(frame) < header || frame[3] != settings {
		return
	}
	length := int(frame[0])<<16 | int(frame[1])<<8 | int(frame[2])
	for rest := frame[header:min(len(frame), header+length)]; len(rest) >= entry; rest = rest[entry:] {
		if binary.BigEndian.Uint16(rest) == maxConcurrentStreams {
			binary.BigEndian.PutUint32(rest[2:], most)
		}
	}
}
