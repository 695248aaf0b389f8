// SPDX-License-Identifier: Apache-2.0

// Package clients contains only tests. They call the emulator over TLS with the
// clients that people use with the real service: HashiCorp's Vault API client and
// OVHcloud's SDK. It is a Go module of its own, so that the product does not
// depend on the SDK.
package clients
