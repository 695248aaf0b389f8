// Package clients holds tests only: they drive the emulator over TLS with the
// clients people use against the live service, HashiCorp's Vault API client and
// OVHcloud's SDK. It is a module of its own, so that the product does not
// depend on the SDK.
package clients
