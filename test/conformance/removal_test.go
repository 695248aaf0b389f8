// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// scratch returns a path in the scratch folder. It is removed when the test ends, also if it panics.
func (d *target) scratch(t *testing.T, name string) string {
	path := d.folder + "/" + name
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(d.written, path) {
		d.written = append(d.written, path)
		t.Cleanup(func() {
			d.mu.Lock()
			left := slices.Contains(d.written, path)
			d.mu.Unlock()
			if left {
				d.remove(path)
			}
		})
	}
	return path
}

// forget takes a path from the list of what must be removed.
func (d *target) forget(path string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.written = slices.DeleteFunc(d.written, func(other string) bool { return other == path })
}

// remove removes a secret of the scratch folder, and reports whether it is gone. A path stays on the
// list until it is.
func (d *target) remove(path string) bool {
	if !strings.HasPrefix(path, d.folder+"/") {
		panic("a path outside of the scratch folder")
	}
	gone := func(got reply) bool {
		return got.status == http.StatusNoContent || got.status == http.StatusNotFound ||
			got.status == http.StatusBadRequest && strings.Contains(path, "//") // no secret can have the path
	}
	got, err := d.send(request{method: http.MethodDelete, path: v2(path)})
	for tries := 0; tries < 6 && (err != nil || got.status == http.StatusTooManyRequests || got.status >= 500); tries++ {
		time.Sleep(d.retry)
		got, err = d.send(request{method: http.MethodDelete, path: v2(path)})
	}
	if err != nil || !gone(got) {
		return false
	}
	d.forget(path)
	return true
}

// stop ends the sending of requests but for removals. code is the exit code; 0 leaves it to the tests.
func (d *target) stop(code int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = true
	if d.code == 0 {
		d.code = code
	}
}

// finish removes what is left, closes the target, prints the report, and returns the exit code: code,
// unless something else ended the tests or a secret is left. Only its first call returns.
func (d *target) finish(code int) int {
	d.ending.Lock()
	d.stop(0)
	d.sending.Wait() // what a request in progress writes is removed too
	if !d.clear() && code == 0 {
		code = 1
	}
	d.close()
	d.report(os.Stdout)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.code != 0 {
		return d.code
	}
	return code
}

// clear removes what is left, lists the folder, and prints what could not be removed.
func (d *target) clear() (all bool) {
	d.mu.Lock()
	left := slices.Clone(d.written)
	d.mu.Unlock()
	found, err := d.list(d.folder)
	for _, path := range found {
		if !slices.Contains(left, path) {
			left = append(left, path)
		}
	}
	all = true
	for _, path := range left {
		if !d.remove(path) {
			fmt.Fprintf(d.out, "remove this secret by hand: %s\n", path)
			all = false
		}
	}
	if len(found) > 0 && all {
		if found, err = d.list(d.folder); len(found) > 0 {
			fmt.Fprintf(d.out, "still listed: %s\n", strings.Join(found, " "))
			all = false
		}
	}
	if err != nil {
		fmt.Fprintf(d.out, "the folder %s cannot be listed, look for it yourself: %v\n", d.folder, err)
		return false
	}
	return all
}

// list returns the paths of all secrets below a folder. A 404 of OKMS is an empty folder.
func (d *target) list(folder string) (paths []string, err error) {
	for cursor, first := "", true; first || cursor != ""; first = false {
		header := map[string]string{}
		if cursor != "" {
			header["X-Pagination-Cursor"] = cursor
		}
		got, err := d.send(request{path: "/v1/secret/metadata/" + folder + "?list=true", header: header})
		if err != nil {
			return paths, err
		}
		if got.status == http.StatusNotFound && got.okms().Code != 0 {
			return paths, nil
		}
		var body struct{ Data struct{ Keys []string } }
		if err := json.Unmarshal(got.body, &body); err != nil || got.status != http.StatusOK {
			return paths, fmt.Errorf("status %s", got.code())
		}
		for _, name := range body.Data.Keys {
			below, is := strings.CutSuffix(name, "/")
			if !is {
				paths = append(paths, folder+"/"+name)
				continue
			}
			more, err := d.list(folder + "/" + below)
			if paths = append(paths, more...); err != nil {
				return paths, err
			}
		}
		if cursor = got.header.Get("X-Pagination-Cursor-Next"); len(body.Data.Keys) == 0 {
			break
		}
	}
	return paths, nil
}
