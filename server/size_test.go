// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"ovhcloud-csi-provider/test/harness"
)

// TestManySmallFilesAreCountedWithTheirOverhead measures answers as they are sent. Names,
// modes, versions and tags are a quarter of an answer of many small files, so a bound on
// contents alone would let an answer through that is larger than the bound.
func TestManySmallFilesAreCountedWithTheirOverhead(t *testing.T) {
	const bound, perSecret = 3584 << 10, 400 // bytes; files
	d := harness.Start(t, harness.Options{MemoryLimit: 1 << 30})
	var objects strings.Builder
	for s := range 60 {
		var data []string
		for k := range perSecret {
			data = append(data, fmt.Sprintf(`"%02d-%03d":%q`, s, k, strings.Repeat("x", 125)))
		}
		d.Store.Hold(t, map[string]string{fmt.Sprint("s", s): "{" + strings.Join(data, ",") + "}"})
		fmt.Fprintf(&objects, "- secretPath: s%d\n  allKeys: true\n", s)
		if s+1 != 40 && s+1 != 60 {
			continue
		}
		resp, err := d.Client.Mount(t.Context(), d.Request(harness.Mount{Objects: objects.String()}))
		switch size := proto.Size(resp); {
		case s+1 == 40 && (err != nil || len(resp.GetFiles()) != 40*perSecret || size > bound || size < bound/2):
			t.Errorf("%d files in %d bytes, %v", len(resp.GetFiles()), size, err)
		case s+1 == 60 && err == nil:
			t.Errorf("%d files in %d bytes were sent; at most %d bytes may be", len(resp.GetFiles()), size, bound)
		case s+1 == 60:
			harness.WantError(t, err, codes.InvalidArgument,
				fmt.Sprintf("take more than the %d bytes that the driver accepts", bound))
		}
	}
}
