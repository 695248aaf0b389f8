// SPDX-License-Identifier: Apache-2.0

package main

import "io"

// streams are the standard streams of a command.
type streams struct {
	in       io.Reader
	out, err io.Writer
}
