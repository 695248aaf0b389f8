// SPDX-License-Identifier: Apache-2.0

// Package dockerfile checks what `docker build` would do for each platform, without docker and without a registry. It
// uses BuildKit's own front end, which plans a build and runs nothing.
//
// It is a Go module of its own, since it needs BuildKit.
package dockerfile
