package okms

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"ovhcloud-csi-provider/provider/sensitive"
)

// answer is what came back over HTTP, read to its end.
type answer struct {
	at     time.Time
	status int
	header http.Header
	body   []byte
}

// versionMetadata is SW's SecretVersionMetadata (Vault-compatible API).
// deletion_time is "" for a version that is not deactivated.
type versionMetadata struct {
	CreatedTime  string `json:"created_time"`
	DeletionTime string `json:"deletion_time"`
	Destroyed    bool   `json:"destroyed"`
	Version      int    `json:"version"`
}

// dataAnswer is SW's answer of GET data/{path}, and with the fields of its
// ErrorResponse also the 404 of a version that is deactivated or deleted.
type dataAnswer struct {
	ErrorCode int       `json:"error_code"`
	Errors    *[]string `json:"errors"`
	RequestID string    `json:"request_id"`
	Data      *struct {
		Data     json.RawMessage  `json:"data"`
		Metadata *versionMetadata `json:"metadata"`
	} `json:"data"`
}

// decodeData makes a Secret of an answer to the read of ref. Its errors quote
// nothing of a successful answer, which holds the secret.
func decodeData(a answer, ref Ref) (Secret, *Error) {
	var body dataAnswer
	valid := json.Unmarshal(a.body, &body) == nil
	if a.status != http.StatusOK {
		return Secret{}, refusal(a, body, valid)
	}
	unreadable := func(format string, args ...any) (Secret, *Error) {
		return Secret{}, &Error{Kind: Unreadable, Status: a.status, RequestID: cleanID(body.RequestID),
			Text: "unreadable answer: " + fmt.Sprintf(format, args...)}
	}
	switch {
	case !valid:
		return unreadable("not the JSON that OKMS sends (%d bytes of %s)", len(a.body), contentType(a.header))
	case body.Data == nil || body.Data.Metadata == nil || body.Data.Data == nil:
		return unreadable("data or data.metadata is missing")
	}
	meta := body.Data.Metadata
	if gone := goneError(meta, string(body.Data.Data) == "null"); gone != nil {
		gone.Status, gone.RequestID = a.status, cleanID(body.RequestID)
		return Secret{}, gone
	}
	if meta.Version < 1 || meta.Version > MaxVersion {
		return unreadable("version %d is not a version number", meta.Version)
	}
	if ref.Version != 0 && meta.Version != ref.Version {
		return unreadable("asked for version %d, got version %d", ref.Version, meta.Version)
	}
	return Secret{Path: ref.Path, Version: meta.Version, Created: cleanID(meta.CreatedTime), Data: sensitive.New(body.Data.Data)}, nil
}

// goneError tells whether a version without data is deactivated or deleted.
func goneError(meta *versionMetadata, noData bool) *Error {
	switch {
	case meta == nil || !noData:
		return nil
	case meta.Destroyed:
		return &Error{Kind: Deleted, Version: meta.Version, Since: cleanID(meta.DeletionTime)}
	case meta.DeletionTime != "":
		return &Error{Kind: Deactivated, Version: meta.Version, Since: cleanID(meta.DeletionTime)}
	}
	return nil
}

// refusal makes an Error of an answer that is not 200.
func refusal(a answer, body dataAnswer, valid bool) *Error {
	structured := valid && (body.Errors != nil || body.ErrorCode != 0)
	e := &Error{Status: a.status}
	if structured {
		e.Code, e.RequestID, e.Text = body.ErrorCode, cleanID(body.RequestID), cleanText(firstOf(body.Errors))
	}
	if valid && a.status == http.StatusNotFound && body.Data != nil {
		data := string(body.Data.Data)
		if gone := goneError(body.Data.Metadata, data == "" || data == "null"); gone != nil {
			e.Kind, e.Version, e.Since = gone.Kind, gone.Version, gone.Since
			return e
		}
	}
	e.Kind = kindOf(a.status, e.Code, structured)
	e.RetryAfter = retryAfter(a)
	switch {
	case a.status >= 300 && a.status < 400:
		e.Text = "answered with a redirect, which is not followed"
	case !structured:
		e.Text = fmt.Sprintf("not an answer of OKMS: %d bytes of %s", len(a.body), contentType(a.header))
	}
	return e
}

func firstOf(texts *[]string) string {
	if texts == nil || len(*texts) == 0 {
		return ""
	}
	return (*texts)[0]
}

// contentType names a body's media type for a message, never the body.
func contentType(h http.Header) string {
	t, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	if t = cleanID(strings.TrimSpace(t)); t == "" {
		return "no content type"
	}
	return t
}

// retryAfter reads the header's seconds or date, a day at most; what is neither,
// or past, is 0.
func retryAfter(a answer) time.Duration {
	v := a.header.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil && s > 0 {
		return time.Duration(min(s, 24*3600)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(0, at.Sub(a.at)), 24*time.Hour)
	}
	return 0
}

// cleanText makes a server's words safe to print: one line, bounded.
func cleanText(s string) string {
	const most = 300
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strings.TrimSpace(s)
}

// cleanID keeps what identifiers, time stamps and media types are made of.
func cleanID(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_.:+/", r)) {
			return r
		}
		return -1
	}, s)
	return s[:min(len(s), 100)]
}
