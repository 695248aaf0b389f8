// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"fmt"
	"strings"
)

// Error is what is wrong with texts or a password, and what to do. It shows neither PEM nor the
// password.
type Error struct{ What string }

// Error returns What.
func (e *Error) Error() string { return e.What }

func wrong(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// mostNamed is how many keys or subjects a message names.
const mostNamed = 3

// list returns the first names, separated by commas.
func list(names []string) string {
	if len(names) > mostNamed {
		names = append(names[:mostNamed:mostNamed], "…")
	}
	return strings.Join(names, ", ")
}
