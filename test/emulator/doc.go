// SPDX-License-Identifier: Apache-2.0

// Package emulator emulates an OVHcloud Secret Manager (OKMS) as an http.Handler, for tests and
// for trials of the provider without an account.
//
// It serves OKMS's Vault-KV2-compatible API and its native API (version 2): versions and states, tokens, client
// certificates and OAuth2 clients with IAM actions, OKMS's error bodies, and injected faults. An Emulator keeps
// everything in memory. It returns the data of a secret byte for byte as it was written.
//
// It has no keys, and does not protect its secrets: never put a real one in it.
//
// It imports only the standard library. Where OKMS's behaviour is not documented but inferred, the
// choice is a field of Switches.
package emulator
