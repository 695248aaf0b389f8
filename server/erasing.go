// SPDX-License-Identifier: Apache-2.0

package server

import "google.golang.org/grpc/mem"

// erasingPool is a pool for the buffers of requests, which hold credentials. gRPC's own pools
// keep a buffer as it is, for as long as calls go on. This one overwrites what comes back.
type erasingPool struct{ mem.BufferPool }

// buffers are those of all requests.
var buffers = erasingPool{mem.DefaultBufferPool()}

// Put implements mem.BufferPool.
func (p erasingPool) Put(buffer *[]byte) {
	clear((*buffer)[:cap(*buffer)])
	p.BufferPool.Put(buffer)
}
