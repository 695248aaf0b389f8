// SPDX-License-Identifier: Apache-2.0

// Package credentials tests provider and server together on credentials and rights: the
// rules of connections, rotation under load, revocation, OAuth2 clients and certificates.
// It holds tests only.
package credentials
