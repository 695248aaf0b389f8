// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"mime"
	"net/http"
	"slices"
)

// mediaTypes lists the types that a message may name. Any other type is the server's own text.
var mediaTypes = []string{"application/json", "application/problem+json", "application/xml", "application/xhtml+xml",
	"application/octet-stream", "application/grpc", "text/html", "text/plain", "text/xml"}

// MediaType returns the media type of a body for a message: one of mediaTypes, "no content
// type" or "another type".
func MediaType(h http.Header) string {
	header := h.Get("Content-Type")
	if header == "" {
		return "no content type"
	}
	t, _, err := mime.ParseMediaType(header)
	if (err == nil || t != "") && slices.Contains(mediaTypes, t) {
		return t
	}
	return "another type"
}
