// SPDX-License-Identifier: Apache-2.0

package okms_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
)

// TestAnAnswerOfUnknownLengthIsGivenBack checks that every growth of its buffer is counted and
// returned to the quota.
func TestAnAnswerOfUnknownLengthIsGivenBack(t *testing.T) {
	body := fmt.Sprintf(`{"data":{"data":{"v":%q},"metadata":{"version":%d}}}`, strings.Repeat("x", 300_000),
		okms.MaxVersion)
	server := httptest.NewServer(flushed(answering(200, body)))
	t.Cleanup(server.Close)
	answers := okms.NewQuota(1<<20, 0)
	c := client(t, place.Domain{Endpoint: server.URL, ID: "734b9b45-8b1a-469c-b140-b10bd6540017"}, byToken(),
		okms.Options{Answers: answers})
	for range 3 {
		secret, err := c.Get(t.Context(), okms.Ref{Path: "s"})
		if err != nil || secret.Version != okms.MaxVersion {
			t.Fatalf("got version %d, %v", secret.Version, err)
		}
		if held := answers.Held(); held != 0 {
			t.Fatalf("got %d bytes held after the read, want 0", held)
		}
	}
}
