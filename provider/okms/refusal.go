// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"fmt"
	"net/http"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/rawjson"
)

// refusal holds the fields that are used of the body of an answer that is not 200. Whatever the
// body is, a refusal takes no more memory than a few short texts.
type refusal struct {
	size int  // of the body in bytes, as far as it was read
	cut  bool // the body is longer than maxRefusal and was not decoded
	// known reports that the body is OKMS's error object: SW's ErrorResponse, with a code, a
	// list of errors, or both.
	known bool
	code  int    // error_code
	text  string // the first element of errors
	dataAnswer
}

// decodeRefusal decodes the body of an answer that is not 200. cut reports that body is only the
// beginning; it is then not decoded.
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
	if !valid { // a field of another type: the object is not OKMS's
		return refusal{size: len(body)}
	}
	r.known = listed || r.code != 0
	return r
}

// firstText returns the first string of an array; "" for an empty array or null. It returns
// false if v is neither, or if its first element is neither a string nor null.
func firstText(v rawjson.Value) (text string, ok bool) {
	for first := range v.Elements() {
		return textOf(first, mostText)
	}
	return "", v.IsArray() || isNull(v)
}

// refused returns the Error for an answer that is not 200. Without OKMS's error object, the
// answer is not from OKMS, and its status proves nothing about the request (source: SW declares
// the error object for every status).
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
