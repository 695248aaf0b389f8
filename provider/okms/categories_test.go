// SPDX-License-Identifier: Apache-2.0

package okms_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
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

// TestTheHeadersOfTheToken checks both forms: OVHcloud's guides use X-Vault-Token for the
// Vault-compatible API, and the bearer form for the native one. Whether that accepts X-Vault-Token is
// not known.
func TestTheHeadersOfTheToken(t *testing.T) {
	var h http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h = r.Header
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(server.Close)
	eachAPI(t, place.Domain{Endpoint: server.URL, ID: "734b9b45-8b1a-469c-b140-b10bd6540017"},
		func(t *testing.T, domain place.Domain) {
			if _, err := client(t, domain, byToken(), okms.Options{}).Get(t.Context(), okms.Ref{Path: "s"}); err == nil {
				t.Fatal("got no error")
			}
			want := map[string][]string{"Authorization": {"Bearer " + token}, "X-Vault-Token": {token}}
			if domain.API == place.REST {
				want["X-Vault-Token"] = nil
			}
			for name, values := range want {
				if got := h.Values(name); !slices.Equal(got, values) {
					t.Errorf("got %d values of %s, want %d", len(got), name, len(values))
				}
			}
		})
}
