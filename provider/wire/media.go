package wire

import (
	"mime"
	"net/http"
	"slices"
)

// mediaTypes are the types that a message may name. Others are a server's text.
var mediaTypes = []string{"application/json", "application/problem+json", "application/xml", "application/xhtml+xml",
	"application/octet-stream", "application/grpc", "text/html", "text/plain", "text/xml"}

// MediaType is the type of a body, in words that a message may show.
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
