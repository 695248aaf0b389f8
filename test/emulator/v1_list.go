// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

const (
	minPageSize = 10
	maxPageSize = 100
)

// list returns the names of the next level below path, folders with a trailing slash. It leaves out
// secrets that the caller may not get, without an error.
func (c *call) list(path string) (answer, error) {
	size, after, err := c.page()
	if err != nil {
		return answer{}, err
	}
	prefix := ""
	if path != "" {
		prefix = path + "/"
	}
	names := c.visible(prefix, after, size+1)
	c.operation, c.resource = actionGet, c.e.urn(path)
	if len(names) == 0 && after == "" && c.e.switches.EmptyListNotFound {
		return answer{}, &refusal{status: http.StatusNotFound, code: codeSecretNotFound}
	}
	var next http.Header
	if len(names) > size {
		names = names[:size]
		next = http.Header{"X-Pagination-Cursor-Next": {cursorAfter(names[size-1])}}
	}
	ans := c.ok(marshal(struct {
		Keys []string `json:"keys"`
	}{names}))
	ans.header = next
	return ans, nil
}

// visible returns the first names of the next level below prefix that come after a name: at most so many, each
// once, sorted; never nil.
func (c *call) visible(prefix, after string, most int) []string {
	names := []string{}
	for _, path := range c.e.store.following(prefix + after) {
		rest, below := strings.CutPrefix(path, prefix)
		if !below { // the paths of a folder follow one another
			break
		}
		name := rest
		if folder, _, deeper := strings.Cut(rest, "/"); deeper {
			name = folder + "/"
		}
		known := name <= after || len(names) > 0 && names[len(names)-1] == name
		if known || !c.allowed(actionGet, prefix+rest) {
			continue
		}
		if names = append(names, name); len(names) == most {
			break
		}
	}
	return names
}

// page returns the values of the pagination headers: the size, and the name after which the page
// begins.
func (c *call) page() (size int, after string, err error) {
	size = maxPageSize
	if text := c.header.Get("X-Pagination-Size"); text != "" {
		n, err := strconv.Atoi(text)
		if c.e.switches.ClampPageSize {
			n = min(n, maxPageSize)
		}
		if err != nil || n < minPageSize || n > maxPageSize {
			return 0, "", errArgument("X-Pagination-Size %q is not a number from %d to %d", text, minPageSize, maxPageSize)
		}
		size = n
	}
	text := strings.TrimRight(c.header.Get("X-Pagination-Cursor"), "=")
	cursor, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return 0, "", errArgument("X-Pagination-Cursor is not base64url")
	}
	return size, string(cursor), nil
}
