// SPDX-License-Identifier: Apache-2.0

// Package fallback tests provider and server together on a connection with a fallback in
// another region: when the fallback is asked, what it may give and to whom, and what
// happens if both stores fail. It holds tests only.
package fallback
