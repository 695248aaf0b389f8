// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"fmt"
	"net/http"
)

// Error codes: major<<24 | minor<<16 | category<<12 | number (source: OVHcloud's SDK, errors.go).
// Codes marked "inferred" have this layout but were not seen for this use.
const (
	codeSecretNotFound    = 0x01055001 // 17125377
	codeVersionNotFound   = 0x01055002 // 17125378
	codeSecretBadData     = 0x01058001 // inferred: data is not an object, too large
	codeSecretBadCAS      = 0x01058002 // inferred
	codeSecretBadPath     = 0x01058003 // inferred
	codeSecretBadState    = 0x01058004 // inferred: revive a destroyed version
	codeSecretBadMetadata = 0x01058005 // inferred
	codeIAMDenied         = 0x01024001 // 16924673, inferred
	codeDomainNotFound    = 0x01035001 // 16994305, inferred
	codeUnauthenticated   = 0x03023003 // 50475011, inferred
	codeRESTInternal      = 0x03011001 // inferred
	codeRESTArgument      = 0x03012001 // 50405377, inferred
	codeRESTNotFound      = 0x03015001 // inferred: no such route
	codeRESTUnavailable   = 0x03017002 // 50425858, inferred
	codeRESTTooMany       = 0x03019001 // 50434049, inferred
	codeRESTUnspecified   = 0x03010000
)

// refusal is an error with OKMS's status, code and text.
type refusal struct {
	status  int
	code    int
	message string // "" gives an empty errors list
	data    []byte // JSON of the member "data" of the body; nil for none
}

func (r *refusal) Error() string { return r.message }

func (r *refusal) messages() []string {
	if r.message == "" {
		return []string{}
	}
	return []string{r.message}
}

func refusef(status, code int, format string, args ...any) *refusal {
	return &refusal{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

func errNoRoute(method, path string) *refusal {
	return refusef(http.StatusNotFound, codeRESTNotFound, "no route for %s %s", method, path)
}

func errNoSecret(path string) *refusal {
	return refusef(http.StatusNotFound, codeSecretNotFound, "secret %q not found", path)
}

func errNoVersion(path string, n uint32) *refusal {
	return refusef(http.StatusNotFound, codeVersionNotFound, "version %d of secret %q not found", n, path)
}

func errArgument(format string, args ...any) *refusal {
	return refusef(http.StatusBadRequest, codeRESTArgument, format, args...)
}

// codeForStatus returns the error_code of a fault that has only a status.
func codeForStatus(status int) int {
	switch status {
	case http.StatusBadRequest:
		return codeRESTArgument
	case http.StatusUnauthorized:
		return codeUnauthenticated
	case http.StatusForbidden:
		return codeIAMDenied
	case http.StatusNotFound:
		return codeSecretNotFound
	case http.StatusTooManyRequests:
		return codeRESTTooMany
	case http.StatusInternalServerError:
		return codeRESTInternal
	case http.StatusServiceUnavailable:
		return codeRESTUnavailable
	default:
		return codeRESTUnspecified
	}
}
