// SPDX-License-Identifier: Apache-2.0

// Package messages tests what a user reads when a mount fails: the text and the gRPC code
// of each kind of failure, and that its advice works when it is followed. It holds tests
// only.
package messages
