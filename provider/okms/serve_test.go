package okms

import (
	"encoding/pem"
	"net/http/httptest"
)

// authority returns the CA bundle of a TLS server.
func authority(s *httptest.Server) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}
