// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"encoding/base64"
	"net/http"
	"strconv"
)

func (c *call) getSecret(path string) (answer, error) {
	number, err := c.queryNumber("version", 1, maxVersionNumber)
	if err != nil {
		return answer{}, err
	}
	sec, v, withData, err := c.v2Readable(path, number)
	if err != nil {
		return answer{}, err
	}
	return bare(c.v2SecretOf(sec, v, withData)), nil
}

func (c *call) getVersion(path string, number uint32) (answer, error) {
	_, v, withData, err := c.v2Readable(path, number)
	if err != nil {
		return answer{}, err
	}
	return bare(v2VersionOf(v, withData)), nil
}

// v2Readable returns the version of a read, 0 being the current one, and whether its data is wanted:
// that takes a right of its own.
func (c *call) v2Readable(path string, number uint32) (sec *secret, v *version, withData bool, err error) {
	if withData, err = c.queryBool("includeData"); err != nil {
		return nil, nil, false, err
	}
	if err = c.require(actionGet, path); err != nil {
		return nil, nil, false, err
	}
	if withData {
		if err = c.require(actionGetData, path); err != nil {
			return nil, nil, false, err
		}
	}
	if sec, err = c.e.store.get(path, c.now); err != nil {
		return nil, nil, false, err
	}
	v, err = sec.version(number)
	return sec, v, withData, err
}

// listSecrets returns a page of all secrets that the caller may get, in the order of their paths
// (inferred), without data.
func (c *call) listSecrets() (answer, error) {
	size, after, err := c.page()
	if err != nil {
		return answer{}, err
	}
	paths := c.visiblePaths(after, size+1)
	c.operation, c.resource = actionGet, c.e.urn("")
	next := ""
	if len(paths) > size {
		paths = paths[:size]
		next = cursorAfter(paths[size-1])
	}
	items := make([][]byte, len(paths))
	for i, path := range paths {
		sec, err := c.e.store.get(path, c.now)
		if err != nil {
			return answer{}, err
		}
		v, err := sec.version(0)
		if err != nil { // a seed may have no version
			items[i] = envelope(`"path":`, marshal(path), `,"metadata":`, c.v2MetadataOf(sec))
			continue
		}
		items[i] = c.v2SecretOf(sec, v, false)
	}
	return paged(items, next), nil
}

// visiblePaths returns the first paths after a path that the caller may get: at most so many, sorted.
func (c *call) visiblePaths(after string, most int) (visible []string) {
	for _, path := range c.e.store.following(after) {
		if len(visible) == most {
			break
		}
		if c.allowed(actionGet, path) {
			visible = append(visible, path)
		}
	}
	return visible
}

// listVersions returns a page of the versions of a secret, the newest first (inferred), without
// data. Versions that were pruned are not among them.
func (c *call) listVersions(path string) (answer, error) {
	size, after, err := c.page()
	if err != nil {
		return answer{}, err
	}
	if err := c.require(actionGet, path); err != nil {
		return answer{}, err
	}
	sec, err := c.e.store.get(path, c.now)
	if err != nil {
		return answer{}, err
	}
	below := sec.current + 1
	if after != "" {
		if below, err = versionNumber(after); err != nil {
			return answer{}, errArgument("X-Pagination-Cursor is not one of this list")
		}
	}
	numbers := sec.before(below, size+1)
	next := ""
	if len(numbers) > size {
		numbers = numbers[:size]
		next = cursorAfter(strconv.FormatUint(uint64(numbers[size-1]), 10))
	}
	items := make([][]byte, len(numbers))
	for i, n := range numbers {
		items[i] = v2VersionOf(sec.versions[n], false)
	}
	return paged(items, next), nil
}

// cursorAfter returns the cursor of the page that begins after a path or a version.
func cursorAfter(last string) string { return base64.URLEncoding.EncodeToString([]byte(last)) }

// paged returns a page as a JSON array, with the cursor of the next one.
func paged(items [][]byte, next string) answer {
	body := []byte{'['}
	for i, item := range items {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, item...)
	}
	ans := bare(append(body, ']'))
	if next != "" {
		ans.header = http.Header{"X-Pagination-Cursor-Next": {next}}
	}
	return ans
}
