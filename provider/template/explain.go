package template

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/rawjson"
)

var (
	// place matches where an execution failed, and what was executed: a piece of the template.
	place = regexp.MustCompile(`(?s)^template: [^ ]*:(\d+):(\d+): executing .*? at <(.*?)>: (.*)$`)
	// safe matches the messages of text/template that show no value.
	safe = regexp.MustCompile(`^(map has no entry for key "[^"]*"|wrong number of args for \w+: want [a-z0-9 ]+ got \d+|wrong type for value; expected [\w.\[\]{} ]+; got [\w.\[\]{} ]+)$`)
	// missing matches the message about a missing key.
	missing = regexp.MustCompile(`^map has no entry for key "(.*)"$`)
)

// explain returns an error of an execution as an *Error without any value, or that of the steps. data
// is what was executed on; nil if that was not reached.
func (r *run) explain(err error, data map[string]any) error {
	for _, end := range []error{rawjson.ErrSteps, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, end) {
			return end
		}
	}
	e := &Error{What: "cannot be executed: a value has another type than is needed"}
	var own problem
	var wanted requirement
	text := err.Error()
	m := place.FindStringSubmatch(text)
	if m != nil {
		e.Line, _ = strconv.Atoi(m[1])
		e.Column, _ = strconv.Atoi(m[2])
		e.Column++ // text/template counts columns from 0
		e.What = message.Quote(m[3]) + ": a value has another type than is needed"
	}
	switch {
	case errors.As(err, &own) && m == nil:
		e.What = string(own)
	case errors.As(err, &own) && strings.HasPrefix(m[3], "_"):
		e.What = string(own)
	case errors.As(err, &own):
		e.What = message.Quote(m[3]) + ": " + string(own)
	case errors.As(err, &wanted):
		e.What = "a value that is required is empty"
		if strings.Contains(r.source, string(wanted)) {
			e.What = message.Bound(string(wanted), 300)
		}
	case m != nil && missing.MatchString(m[4]):
		e.What = r.missing(m[3], missing.FindStringSubmatch(m[4])[1], data)
	case m != nil && safe.MatchString(m[4]):
		e.What = message.Quote(m[3]) + ": " + m[4]
	}
	return e
}

// missing says which key of which value is missing, as far as the piece of the template is a plain
// path, and names the keys that there are.
func (r *run) missing(piece, key string, data map[string]any) string {
	var at any = data
	for name := range strings.SplitSeq(strings.TrimPrefix(strings.TrimPrefix(piece, "$"), "."), ".") {
		in, is := at.(map[string]any)
		if !is {
			break
		}
		next, has := in[name]
		if !has {
			return message.Quote(piece) + ": " + noKey(in, name).Error()
		}
		at = next
	}
	return message.Quote(piece) + ": there is no key " + message.Quote(key)
}
