// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// faultField is one field of a Fault as text, shared by the command line and
// the control API.
type faultField struct {
	name string
	set  func(f *Fault, value string) error
	get  func(f *Fault) string // "" for the zero value
}

func faultFields() []faultField {
	return []faultField{
		text("path", func(f *Fault) *string { return &f.Path }),
		boolean("writes", func(f *Fault) *bool { return &f.Writes }),
		number("times", func(f *Fault) *int { return &f.Times }),
		number("status", func(f *Fault) *int { return &f.Status }),
		text("retry-after", func(f *Fault) *string { return &f.RetryAfter }),
		text("content-type", func(f *Fault) *string { return &f.ContentType }),
		text("body", func(f *Fault) *string { return &f.Body }),
		boolean("hang", func(f *Fault) *bool { return &f.Hang }),
		duration("delay", func(f *Fault) *time.Duration { return &f.Delay }),
		boolean("truncate", func(f *Fault) *bool { return &f.Truncate }),
		boolean("close-after-headers", func(f *Fault) *bool { return &f.CloseAfterHeaders }),
		duration("drip", func(f *Fault) *time.Duration { return &f.Drip }),
		boolean("tls-alert", func(f *Fault) *bool { return &f.TLSAlert }),
		text("redirect", func(f *Fault) *string { return &f.Redirect }),
		boolean("echo", func(f *Fault) *bool { return &f.Echo }),
	}
}

// field returns a faultField. wrong is the end of the error text "VALUE is not".
func field[T comparable](name string, at func(*Fault) *T, parse func(string) (T, error), wrong string) faultField {
	return faultField{
		name: name,
		set: func(f *Fault, value string) error {
			parsed, err := parse(value)
			if err != nil {
				return fmt.Errorf("%q is not %s", value, wrong)
			}
			*at(f) = parsed
			return nil
		},
		get: func(f *Fault) string {
			var zero T
			if *at(f) == zero {
				return ""
			}
			return fmt.Sprint(*at(f))
		},
	}
}

func text(name string, at func(*Fault) *string) faultField {
	return field(name, at, func(value string) (string, error) { return value, nil }, "")
}

func number(name string, at func(*Fault) *int) faultField {
	return field(name, at, strconv.Atoi, "a number")
}

func boolean(name string, at func(*Fault) *bool) faultField {
	return field(name, at, strconv.ParseBool, "true or false")
}

func duration(name string, at func(*Fault) *time.Duration) faultField {
	return field(name, at, time.ParseDuration, "a duration such as 500ms")
}

func (f *Fault) setField(name, value string) error {
	fields := faultFields()
	at := slices.IndexFunc(fields, func(known faultField) bool { return known.name == name })
	if at < 0 {
		names := make([]string, 0, len(fields))
		for _, known := range fields {
			names = append(names, known.name)
		}
		return fmt.Errorf("unknown field %q; valid are %s", name, strings.Join(names, ", "))
	}
	if err := fields[at].set(f, value); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// ParseFault parses a fault such as "status=503,times=3,path=prod/" or "hang,path=prod/". The names
// are those of Fault's fields in lower case with dashes. A name without a value means true. A
// duration has a unit, as in 500ms. A value cannot contain a comma.
func ParseFault(spec string) (Fault, error) {
	var f Fault
	for part := range strings.SplitSeq(spec, ",") {
		name, value, given := strings.Cut(strings.TrimSpace(part), "=")
		if !given {
			value = "true"
		}
		if err := f.setField(name, value); err != nil {
			return Fault{}, fmt.Errorf("fault %q: %w", spec, err)
		}
	}
	if err := f.check(); err != nil {
		return Fault{}, fmt.Errorf("fault %q: %w", spec, err)
	}
	return f, nil
}

// String returns the form that ParseFault parses.
func (f Fault) String() string {
	var parts []string
	for _, known := range faultFields() {
		switch value := known.get(&f); value {
		case "":
		case "true":
			parts = append(parts, known.name)
		default:
			parts = append(parts, known.name+"="+value)
		}
	}
	return strings.Join(parts, ",")
}

// decodeFault decodes the JSON form, {"status": 503, "times": 3, "path": "prod/"}.
func decodeFault(raw []byte) (Fault, error) {
	var f Fault
	all, err := members(raw)
	if err != nil {
		return Fault{}, fmt.Errorf("reading the fault: %w", err)
	}
	for _, m := range all {
		value := string(m.value)
		if strings.HasPrefix(value, `"`) {
			if err := json.Unmarshal(m.value, &value); err != nil {
				return Fault{}, fmt.Errorf("reading the fault: %s: %w", m.name, err)
			}
		} else if strings.ContainsAny(value[:1], "{[n") {
			return Fault{}, errors.New("reading the fault: " + m.name + " is not a string, a number, true or false")
		}
		if err := f.setField(m.name, value); err != nil {
			return Fault{}, fmt.Errorf("reading the fault: %w", err)
		}
	}
	return f, nil
}
