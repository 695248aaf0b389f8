// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/rawjson"
	"ovhcloud-csi-provider/provider/sensitive"
)

// answer is an HTTP answer, read to its end or to its limit in bytes.
type answer struct {
	at         time.Time
	status     int
	media      string // the type of the body, as wire.MediaType names it
	retryAfter time.Duration
	next       string          // the cursor of the next page of a list; "" if there is none
	body       sensitive.Bytes // of a 200; empty for any other status
	refusal    refusal         // the fields of the body that are used, for any other status
	sent       *sentTexts      // the secrets that no message may repeat; may be nil
}

// versionMetadata is SW's SecretVersionMetadata (Vault-compatible API).
// deletionTime is "" for a version that is not deactivated.
type versionMetadata struct {
	createdTime, deletionTime string
	destroyed                 bool
	version                   int
}

// dataAnswer holds the fields that are used of SW's answer of GET data/{path}. The 404 of a
// version that is deactivated or deleted has the same fields.
type dataAnswer struct {
	requestID string
	data      rawjson.Value    // data.data, a slice of the body; nil if there is none
	metadata  *versionMetadata // data.metadata; nil if there is none
}

// noData reports whether the data of the version is missing or null.
func (d dataAnswer) noData() bool { return !d.data.Exists() || isNull(d.data) }

// add reads a member of the answer. It returns false if the member is not of the type
// that OKMS sends.
func (d *dataAnswer) add(key, value rawjson.Value) (ok bool) {
	switch {
	case key.Is("request_id"):
		d.requestID, ok = textOf(value, mostID)
		return ok
	case !key.Is("data") || isNull(value):
		return true
	case !value.IsObject():
		return false
	}
	for key, value := range value.Members() {
		switch {
		case key.Is("data"):
			d.data = value
		case key.Is("metadata"):
			if d.metadata = nil; isNull(value) {
				continue
			}
			d.metadata = new(versionMetadata)
			if !d.metadata.read(value) {
				return false
			}
		}
	}
	return true
}

// read reads the metadata of a version. It returns false if v is not of the form that
// OKMS sends.
func (meta *versionMetadata) read(v rawjson.Value) (ok bool) {
	ok = v.IsObject()
	for key, value := range v.Members() {
		valid := true
		switch {
		case key.Is("created_time"):
			meta.createdTime, valid = textOf(value, mostID)
		case key.Is("deletion_time"):
			meta.deletionTime, valid = textOf(value, mostID)
		case key.Is("destroyed"):
			meta.destroyed = string(value) == "true"
			valid = meta.destroyed || string(value) == "false" || isNull(value)
		case key.Is("version"):
			meta.version, valid = numberOf(value)
		}
		ok = ok && valid
	}
	return ok
}

// decodeData returns the Secret in an answer to the read of ref. Its errors never quote a
// successful answer, which holds the secret.
func decodeData(a answer, ref Ref) (Secret, *Error) {
	if a.status != http.StatusOK {
		return Secret{}, a.refused()
	}
	var d dataAnswer
	top, valid := rawjson.Parse(a.body.Reveal())
	valid = valid && (top.IsObject() || isNull(top))
	if valid {
		for key, value := range top.Members() {
			valid = d.add(key, value) && valid
		}
	}
	switch {
	case !valid:
		return Secret{}, a.unreadable(d.requestID, "not the JSON that OKMS sends (%d bytes of %s)", a.body.Len(), a.media)
	case d.metadata == nil || !d.data.Exists():
		return Secret{}, a.unreadable(d.requestID, "data or data.metadata is missing")
	}
	if gone := a.goneError(d); gone != nil {
		return Secret{}, gone
	}
	secret, failed := a.secret(ref, d.metadata.version, d.metadata.createdTime, d.data)
	if failed != nil {
		failed.RequestID = a.id(d.requestID)
	}
	return secret, failed
}

// secret returns the Secret of an answer to the read of ref. It fails if the version is none, or
// another one.
func (a answer) secret(ref Ref, version int, created string, data rawjson.Value) (Secret, *Error) {
	switch {
	case version < 1 || version > MaxVersion:
		return Secret{}, a.unreadable("", "version %d is not a version number", version)
	case ref.Version != 0 && version != ref.Version:
		return Secret{}, a.unreadable("", "asked for version %d, got version %d", ref.Version, version)
	}
	return Secret{Path: ref.Path, Version: version, Created: cleanID(created),
		Data: sensitive.New(ownPart(data, a.body.Reveal()))}, nil
}

// unreadable returns the Error for an answer that OKMS does not send. It must not quote a secret.
func (a answer) unreadable(requestID, format string, args ...any) *Error {
	return &Error{Kind: failure.Unreadable, Status: a.status, RequestID: a.id(requestID),
		Text: "unreadable answer: " + fmt.Sprintf(format, args...)}
}

// ownPart returns data, a part of body, as a copy if the rest of body is larger than an
// eighth of data. A slice keeps all of body in memory, but only data is counted.
func ownPart(data, body []byte) []byte {
	if len(body)-len(data) > len(data)/8 {
		return bytes.Clone(data)
	}
	return data
}

// goneError returns the Error of a version without data that is deactivated or deleted;
// nil if it is neither.
func (a answer) goneError(d dataAnswer) *Error {
	var kind failure.Kind
	switch {
	case d.metadata == nil || !d.noData():
		return nil
	case d.metadata.destroyed:
		kind = failure.Deleted
	case d.metadata.deletionTime != "":
		kind = failure.Deactivated
	default:
		return nil
	}
	return &Error{Kind: kind, Status: a.status, RequestID: a.id(d.requestID),
		Version: d.metadata.version, Since: a.id(d.metadata.deletionTime)}
}

// retryAfter returns the time to wait by the header Retry-After, in seconds or as a date, at
// most one day; 0 if it is missing, invalid or in the past.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil && s > 0 {
		return time.Duration(min(s, 24*3600)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(0, at.Sub(now)), 24*time.Hour)
	}
	return 0
}

// Limits of a server's text that is kept, in bytes.
const (
	mostText = 300
	mostID   = 100
)

func isNull(v rawjson.Value) bool { return string(v) == "null" }

// textOf returns the beginning of a JSON string, of at least most bytes if the string is that
// long; "" for null. It returns false if v is neither. The rest of the string is not decoded
// and takes no memory.
func textOf(v rawjson.Value, most int) (text string, ok bool) {
	if !v.IsString() {
		return "", isNull(v)
	}
	const escape = 6 // bytes of the longest escape, such as \u0041
	if cut := 1 + 2*escape*most; cut < len(v) {
		// The cut must not be within an escape, nor after a backslash.
		if at := bytes.IndexByte(v[cut-escape:cut], '\\'); at >= 0 {
			cut = cut - escape + at
		}
		for v[cut-1] == '\\' {
			cut--
		}
		v = append(v[:cut:cut], '"')
	}
	raw, _ := v.Unquote() // half a surrogate pair is dropped
	return string(raw), true
}

// numberOf returns an integer; 0 for null. It returns false if v is neither.
func numberOf(v rawjson.Value) (n int, ok bool) {
	if isNull(v) {
		return 0, true
	}
	n, err := strconv.Atoi(string(v[:min(len(v), 20)]))
	return n, err == nil && len(v) <= 20
}

// words returns a server's text made safe to print: one line, bounded, without the secrets
// that were sent. It redacts twice, since cleaning can join the parts of a secret.
func (a answer) words(s string) string { return a.sent.redact(cleanText(a.sent.redact(s))) }

// id does the same as words, for an identifier or a time stamp.
func (a answer) id(s string) string { return a.sent.redact(cleanID(a.sent.redact(s))) }

// cleanText returns a server's text made safe to print: one line of at most mostText bytes,
// followed by an ellipsis if it was cut.
func cleanText(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if len(s) > mostText {
		s = strings.ToValidUTF8(s[:mostText], "") + "…"
	}
	return strings.TrimSpace(s)
}

// cleanID returns the characters of s that identifiers and time stamps have, at most mostID
// bytes of them.
func cleanID(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_.:+/", r)) {
			return r
		}
		return -1
	}, s)
	return s[:min(len(s), mostID)]
}
