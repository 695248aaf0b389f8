// SPDX-License-Identifier: Apache-2.0

// Package tools pins the versions of the Secrets Store CSI driver and helm for test/cluster. It is a Go module of its
// own, since they cannot be built together with Kubernetes. The script module writes one for another version of the
// driver. It has no code.
package tools
