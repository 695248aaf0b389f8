// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxBody is the limit of a request body in bytes. It is much larger than the largest secret with
// its envelope, so that the store answers for its own size limits.
const maxBody = 1 << 20

// call is one request in progress, with the facts that the journal records.
type call struct {
	e      *Emulator
	id     string // request id: OKMS.<uuid>
	now    time.Time
	who    principal
	method string
	uri    string // escaped path and query, as sent
	path   string // escaped path
	route  string // path below the domain, as the audit log has it
	query  string // raw query
	from   string // the client's address, without the port
	header http.Header
	body   []byte

	operation string // IAM action that was checked last
	resource  string // URN that it was checked on
}

func (e *Emulator) newCall(r *http.Request) *call {
	uri := r.RequestURI
	if uri == "" {
		uri = r.URL.RequestURI()
	}
	now := e.now()
	e.mu.Lock()
	who := e.iam.identify(r, now)
	e.mu.Unlock()
	path := r.URL.EscapedPath()
	return &call{
		e: e, id: "OKMS." + newUUID(), now: now, who: who,
		method: r.Method, uri: uri, path: path, route: strings.TrimPrefix(path, "/api/"+e.okmsID),
		query: r.URL.RawQuery, header: r.Header, from: clientIP(r),
	}
}

func (c *call) readBody(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return refusef(http.StatusBadRequest, codeRESTArgument, "reading the request body: %v", err)
	}
	c.body = body
	return nil
}

// can reports whether the caller may do the action on the path of a secret; "" is the domain
// itself. It records both for the journal.
func (c *call) can(action, path string) bool {
	c.operation, c.resource = action, c.e.urn(path)
	return c.allowed(action, path)
}

// allowed is can for each of many paths: it names none of them in the log.
func (c *call) allowed(action, path string) bool {
	return c.now.Sub(c.who.since) >= 0 && c.who.identity.allows(action, path)
}

// require returns an error if can returns false.
func (c *call) require(action, path string) error {
	if c.can(action, path) {
		return nil
	}
	return refusef(c.e.switches.DenialStatus, codeIAMDenied,
		"identity %q is not allowed %s on %s", c.who.identity.Name, action, c.resource)
}

// urn returns the URN of a secret; of the domain for "". The form of a secret's URN is inferred
// from that of a service key.
func (e *Emulator) urn(path string) string {
	urn := "urn:v1:" + e.zone() + ":resource:okms:" + e.okmsID
	if path != "" {
		urn += "/secret/" + path
	}
	return urn
}

// zone returns the part of OVHcloud that the region belongs to, as it is written in URNs.
func (e *Emulator) zone() string {
	switch zone, _, _ := strings.Cut(e.region, "-"); zone {
	case "ca", "us":
		return zone
	default:
		return "eu"
	}
}

// answer is the answer to the client.
type answer struct {
	status int
	header http.Header // in addition to Content-Type and Content-Length; may be nil
	body   []byte
}

// ok returns a 200 with data, which is JSON, in the envelope of the API.
func (c *call) ok(data []byte) answer {
	return answer{status: http.StatusOK, body: envelope(`"request_id":`, marshal(c.id), `,"data":`, data)}
}

// okWritten does the same for writes, whose envelope has warnings.
func (c *call) okWritten(data []byte) answer {
	return answer{status: http.StatusOK, body: envelope(`"request_id":`, marshal(c.id), `,"warnings":[],"data":`, data)}
}

func noContent() answer { return answer{status: http.StatusNoContent} }

// refuse returns the answer for an error, with OKMS's error body.
func (c *call) refuse(err error) answer {
	var r *refusal
	if !errors.As(err, &r) {
		r = refusef(http.StatusInternalServerError, codeRESTInternal, "%v", err)
	}
	// error_id is empty in the only known answer of the live service.
	parts := []any{`"error_id":"","error_code":`, marshal(r.code), `,"errors":`, marshal(r.messages()), `,"request_id":`,
		marshal(c.id)}
	if r.data != nil {
		parts = append(parts, `,"data":`, r.data)
	}
	return answer{status: r.status, body: envelope(parts...)}
}

// envelope joins strings and raw JSON into an object. It does not use encoding/json, which would
// compact and escape the data of a secret.
func envelope(parts ...any) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b.WriteString(p)
		case []byte:
			b.Write(p)
		}
	}
	b.WriteByte('}')
	return b.Bytes()
}

// marshal returns the JSON text of a value of the emulator. It cannot fail for those.
func marshal(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("emulator: encoding %T: %v", v, err))
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
