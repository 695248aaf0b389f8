// SPDX-License-Identifier: Apache-2.0

package okms_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
)

// TestStatusesOfRefusalsWithoutACategory checks the kind of a refusal whose error object
// has no error_code: the HTTP status alone decides.
func TestStatusesOfRefusalsWithoutACategory(t *testing.T) {
	for status, want := range map[int]failure.Kind{
		400: failure.Rejected, 401: failure.Unauthenticated, 403: failure.Denied, 404: failure.SecretAbsent,
		405: failure.Rejected,
		407: failure.Rejected, 408: failure.Failing, 409: failure.Rejected, 428: failure.Rejected, 429: failure.Limited,
		430: failure.Rejected, 499: failure.Rejected, 500: failure.Failing, 501: failure.Failing, 503: failure.Failing,
		599: failure.Failing,
	} {
		c := reading(t, httptest.NewServer(answering(status, `{"errors":["no"]}`)))
		_, err := c.Get(t.Context(), okms.Ref{Path: "s"})
		var failed *okms.Error
		if !errors.As(err, &failed) || failed.Kind != want || failed.Status != status || failed.Foreign {
			t.Errorf("HTTP %d: got %v, want %s", status, err, want)
		}
	}
}

// TestARefusalKeepsItsConnection checks that the body of a refusal is read to its end:
// net/http closes a connection otherwise, and each refused read would open a new one.
func TestARefusalKeepsItsConnection(t *testing.T) {
	for name, body := range map[string]string{
		"short": `{"errors":["no"]}`, "of the maximum length": `{"errors":["no"]}` + strings.Repeat(" ", 64<<10-17),
	} {
		for _, length := range []string{"stated", "chunked"} {
			var opened atomic.Int64
			server := httptest.NewUnstartedServer(answering(404, body))
			if length == "chunked" {
				server.Config.Handler = flushed(server.Config.Handler)
			}
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					opened.Add(1)
				}
			}
			server.Start()
			c := reading(t, server)
			for range 5 {
				_, err := c.Get(t.Context(), okms.Ref{Path: "s"})
				if failed := (*okms.Error)(nil); !errors.As(err, &failed) || failed.Kind != failure.SecretAbsent {
					t.Fatalf("%s, %s: got %v", name, length, err)
				}
			}
			if n := opened.Load(); n != 1 {
				t.Errorf("%s, %s: five refusals took %d connections", name, length, n)
			}
		}
	}
}
