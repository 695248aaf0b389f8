// SPDX-License-Identifier: Apache-2.0

// Package containerd pins the version of containerd for test/cluster: kubelet from 1.36 on does not run with the
// containerd 1.6 of Debian. It has no code.
package containerd
