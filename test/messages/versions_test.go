// SPDX-License-Identifier: Apache-2.0

package messages

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/status"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// pinned returns objects that pin versions 1 to n of each secret.
func pinned(n int, paths ...string) string {
	var lines []string
	for _, path := range paths {
		for v := range n {
			lines = append(lines, "- secretPath: "+path, fmt.Sprintf("  objectName: %s-%d", path, v),
				fmt.Sprintf("  objectVersion: %d", v+1))
		}
	}
	return harness.Lines(lines...)
}

// The versions are only for a message, so they are listed for at most twenty paths.
func TestVersionsAreListedOncePerPath(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{})
	gone := `{"errors":[],"data":{"data":null,"metadata":{"deletion_time":"2026-01-01T00:00:00Z","version":1}}}`
	d.Store.Break(t, emulator.Fault{Path: "secret/data/", Status: 404, Body: gone})
	d.Store.Break(t, emulator.Fault{Path: "secret/metadata/", Status: 200, Body: `{"data":{"versions":{"1":{},"7":{}}}}`})
	listed := func() (n int) {
		for _, r := range d.Store.Requests() {
			if strings.Contains(r.URI, "secret/metadata/") {
				n++
			}
		}
		return n
	}
	_, err := d.Do(t.Context(), harness.Mount{Objects: pinned(50, "one")})
	if got := strings.Count(status.Convert(err).Message(), "the latest active version is 7"); listed() != 1 || got != 50 {
		t.Errorf("%d lists for one path, %d times in the message: %v", listed(), got, err)
	}
	var paths []string
	for i := range 30 {
		paths = append(paths, fmt.Sprint("p", i))
	}
	before := listed()
	_, err = d.Do(t.Context(), harness.Mount{Objects: pinned(2, paths...)})
	if got := listed() - before; got != 20 {
		t.Errorf("%d lists for 30 paths: %v", got, err)
	}
}
