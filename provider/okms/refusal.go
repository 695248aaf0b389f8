package okms

import (
	"fmt"
	"net/http"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/rawjson"
)

// refusal is what is used of the body of an answer that is not 200, and nothing else of
// it: whatever it holds, it takes no more memory than a few short texts.
type refusal struct {
	size int  // of the body in bytes, or of what was read of it
	cut  bool // the body is longer: none of it was looked at
	// known says that the body is OKMS's error object: SW's ErrorResponse, with a code,
	// a list of errors, or both.
	known bool
	code  int    // error_code
	text  string // the first of errors
	dataAnswer
}

// decodeRefusal reads the body of an answer that is not 200. cut says that there is more
// of it than body.
func decodeRefusal(body []byte, cut bool) refusal {
	r := refusal{size: len(body), cut: cut}
	if cut {
		return r
	}
	top, valid := rawjson.Parse(body)
	if !valid || !top.IsObject() {
		return r
	}
	listed := false
	for key, value := range top.Members() {
		ok := true
		switch {
		case key.Is("error_code"):
			r.code, ok = numberOf(value)
		case key.Is("errors"):
			listed = value.IsArray()
			r.text, ok = firstText(value)
		default:
			ok = r.add(key, value)
		}
		valid = valid && ok
	}
	if !valid { // fields of other types than OKMS's are not OKMS's
		return refusal{size: len(body)}
	}
	r.known = listed || r.code != 0
	return r
}

// firstText is the first text of an array of them, "" if there is none, or of a null.
// It says false if v is neither.
func firstText(v rawjson.Value) (text string, ok bool) {
	for first := range v.Elements() {
		return textOf(first, mostText)
	}
	return "", v.IsArray() || isNull(v)
}

// refused makes an Error of an answer that is not 200. What is not OKMS's own says
// nothing of the request, whatever its status: OKMS's refusals have its error object
// (SW declares it for every status).
func (a answer) refused() *Error {
	r := a.refusal
	if a.status == http.StatusNotFound {
		if gone := a.goneError(r.dataAnswer); gone != nil {
			gone.Code, gone.Text = r.code, a.words(r.text)
			return gone
		}
	}
	e := &Error{Status: a.status, RetryAfter: a.retryAfter}
	switch {
	case a.status >= 300 && a.status < 400:
		e.Kind, e.Text = failure.Unreadable, "answered with a redirect, which is not followed"
		return e
	case !r.known:
		e.Kind, e.Foreign = foreignKind(a.status), a.status >= 400
		e.Text = "not an answer of OKMS: " + r.sizeText() + " of " + a.media
		return e
	}
	e.Code, e.RequestID, e.Text = r.code, a.id(r.requestID), a.words(r.text)
	e.Kind = kindOf(a.status, e.Code)
	return e
}

func (r refusal) sizeText() string {
	if r.cut {
		return "more than 64 KiB"
	}
	return fmt.Sprintf("%d bytes", r.size)
}
