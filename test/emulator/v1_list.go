// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"encoding/base64"
	"net/http"
	"slices"
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
	names := c.visible(prefix)
	c.operation, c.resource = actionGet, c.e.urn(path)
	if len(names) == 0 && c.e.switches.EmptyListNotFound {
		return answer{}, &refusal{status: http.StatusNotFound, code: codeSecretNotFound}
	}
	if after != "" {
		names = slices.DeleteFunc(names, func(name string) bool { return name <= after })
	}
	slices.Sort(names)
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

// visible returns the names of the next level below prefix, each once, in any order; never nil.
func (c *call) visible(prefix string) []string {
	names, folders := []string{}, map[string]bool{}
	for path := range c.e.store.secrets {
		rest, below := strings.CutPrefix(path, prefix)
		if !below || !c.allowed(actionGet, path) {
			continue
		}
		if folder, _, deeper := strings.Cut(rest, "/"); deeper {
			if rest = folder + "/"; folders[folder] {
				continue
			}
			folders[folder] = true
		}
		names = append(names, rest)
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
