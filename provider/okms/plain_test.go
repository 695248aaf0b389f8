// SPDX-License-Identifier: Apache-2.0

package okms_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"testing"

	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/test/okmstest"
)

// TestNoCompressionIsRequested checks the header: the memory of decompression is not counted.
func TestNoCompressionIsRequested(t *testing.T) {
	s := okmstest.Start(t)
	c := client(t, s.Domain(), byToken(), okms.Options{})
	if _, err := c.Get(t.Context(), okms.Ref{Path: "s"}); err != nil {
		t.Fatal(err)
	}
	if got := s.Requests()[0].Header.Get("Accept-Encoding"); got != "identity" {
		t.Errorf("Accept-Encoding: %s", got)
	}
}

// TestACompressedAnswerIsNotDecoded checks an answer that is compressed without a request for
// it.
func TestACompressedAnswerIsNotDecoded(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(`{"errors":["x"],"error_code":16924673}`)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	raw := startRaw(t, nil, nil, saying("HTTP/1.1 403 No\r\nContent-Encoding: gzip\r\n\r\n"+packed.String()))
	domain := place.Domain{Endpoint: raw.url, ID: "734b9b45-8b1a-469c-b140-b10bd6540017", CABundle: raw.ca}
	e := failureOf(t, t.Context(), domain)
	if !e.Foreign || e.Status != http.StatusForbidden {
		t.Errorf("got %+v", *e)
	}
}
