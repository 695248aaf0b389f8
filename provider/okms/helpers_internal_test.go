// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/provider/wire"
)

// answered returns an answer as the transport makes it. header is pairs of name and value.
func answered(status int, body string, header ...string) answer {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	a := answer{at: at, status: status, media: wire.MediaType(h), retryAfter: retryAfter(h, at)}
	if status == http.StatusOK {
		a.body = sensitive.New([]byte(body))
	} else {
		a.refusal = decodeRefusal([]byte(body), false)
	}
	return a
}

const goodMetadata = `{"created_time":"2026-01-02T03:04:05.123456789Z","custom_metadata":null,` +
	`"deletion_time":"","destroyed":false,"version":7}`

func refusalBody(code, text string) string {
	return `{"error_id":"","error_code":` + code + `,"errors":["` + text + `"],"request_id":"OKMS.1"}`
}

// takesLittle checks that f allocates at most mostAllocated(n) bytes. It uses the smallest of a
// few runs, since other goroutines of a fuzzer allocate too.
func takesLittle(t *testing.T, n int, f func()) {
	t.Helper()
	var got int
	for range 5 {
		if got = allocates(f); got <= mostAllocated(n) {
			return
		}
	}
	t.Errorf("an answer of %d bytes allocates %d bytes, want at most %d", n, got, mostAllocated(n))
}

// allocates returns how many bytes f allocates in total, garbage included.
func allocates(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// serving returns a client of a TLS server over HTTP/2. Both are closed with the test.
func serving(t *testing.T, o Options, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	c, err := New(place.Domain{Endpoint: server.URL, ID: "734b9b45-8b1a-469c-b140-b10bd6540017",
		CABundle: authority(server)},
		Login{Token: sensitive.New([]byte("eyJ.planted.token"))}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// hostileBodies returns JSON texts, by name, that take many times their size as a tree.
func hostileBodies(size int) map[string]string {
	fill := func(head, part, tail string) string {
		return head + strings.TrimSuffix(strings.Repeat(part, (size-len(head)-len(tail))/len(part)), ",") + tail
	}
	return map[string]string{
		"errors":   fill(`{"errors":[`, `"",`, `]}`),
		"objects":  fill(`{"errors":["x"],"data":{"metadata":{"custom_metadata":{`, `"":{},`, `}}}}`),
		"nested":   fill(`{"error_code":1,"x":`, `[`, ``),
		"one text": fill(`{"errors":["`, `\u0041`, `"]}`),
		"keys":     fill(`{"error_code":1,`, `"\u0061":1,`, `"b":2}`),
		"versions": fill(`{"data":{"versions":{`, `"1":{},`, `}}}`),
		"long ids": fill(`{"data":{"metadata":{"version":1,"created_time":"`, `aaaa`, `"},"data":{}}}`),
	}
}

// authority returns the CA bundle of a TLS server.
func authority(s *httptest.Server) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}
