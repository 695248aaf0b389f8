// Package emulator is an OVHcloud Secret Manager (OKMS) as an http.Handler,
// for tests and for trying the provider without an account.
//
// It speaks the Vault-KV2-compatible family of OKMS: versions and states,
// tokens, client certificates and OAuth2 clients with IAM actions, OKMS's error
// bodies, and faults on demand. It keeps everything in memory, in one Emulator. The data of
// a secret leaves it byte for byte as it came in.
//
// It does not speak the native v2 family, holds no keys, and guards
// nothing: never put a real secret in it.
//
// It imports the standard library only. Where OKMS's behaviour is deduced and
// not documented, the choice is a field of Switches.
package emulator
