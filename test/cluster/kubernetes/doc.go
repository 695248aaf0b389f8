// SPDX-License-Identifier: Apache-2.0

// Package kubernetes pins the version of Kubernetes, with its etcd, for test/cluster. The script module wrote its
// go.mod, and writes those of other versions. It has no code.
package kubernetes
