// SPDX-License-Identifier: Apache-2.0

// Package bounds tests provider and server together with secrets, classes and answers so
// large that a bound must stop them, while small mounts go on. It holds tests only.
package bounds
