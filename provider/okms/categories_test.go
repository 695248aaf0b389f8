// SPDX-License-Identifier: Apache-2.0

package okms_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
)

// TestTheCategoryOverridesTheStatus sends each category with the status of another kind, since
// OVHcloud documents the status of a refusal in contradictory ways.
func TestTheCategoryOverridesTheStatus(t *testing.T) {
	for category, want := range map[int]failure.Kind{
		1: failure.Failing, 2: failure.Rejected, 3: failure.Unauthenticated, 4: failure.Denied, 6: failure.Failing,
		7: failure.Failing,
		8: failure.Rejected, 9: failure.Limited, 10: failure.Rejected,
	} {
		for _, status := range []int{400, 401, 403, 404, 429, 500} {
			body := fmt.Sprintf(`{"error_code":%d,"errors":["no"]}`, 0x0105<<16|category<<12|1)
			c := reading(t, httptest.NewServer(answering(status, body)))
			_, err := c.Get(t.Context(), okms.Ref{Path: "s"})
			if failed := (*okms.Error)(nil); !errors.As(err, &failed) || failed.Kind != want {
				t.Errorf("category %d with HTTP %d: got %v, want %s", category, status, err, want)
			}
		}
	}
}
