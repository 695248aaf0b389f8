// SPDX-License-Identifier: Apache-2.0

// Package sensitive provides Bytes, the type of secret values and credentials. Every way of printing a Bytes prints
// [redacted]. A value can reach a log, an error or a metric only through a call of Reveal, which is easy to
// search for.
//
// It neither encrypts nor wipes memory.
package sensitive

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is the text that a Bytes prints.
const Redacted = "[redacted]"

// Bytes is a secret value or a credential. The zero value is empty.
//
// The bytes are behind a function on purpose. fmt cannot call methods on the
// unexported fields of a struct that it prints, and with an unknown verb it even
// follows pointers there. Of a function it prints only the address.
type Bytes struct{ reveal func() []byte }

// New returns b as a Bytes. It takes ownership of b: the caller must not change it.
func New(b []byte) Bytes { return Bytes{reveal: func() []byte { return b }} }

// Reveal returns the bytes, not a copy; nil for the zero value. The caller must not change them.
func (b Bytes) Reveal() []byte {
	if b.reveal == nil {
		return nil
	}
	return b.reveal()
}

// Len returns the number of bytes; 0 for the zero value.
func (b Bytes) Len() int { return len(b.Reveal()) }

// Format implements fmt.Formatter for every verb and flag.
func (b Bytes) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, Redacted) }

// String implements fmt.Stringer.
func (b Bytes) String() string { return Redacted }

// LogValue implements slog.LogValuer.
func (b Bytes) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalLog implements logr.Marshaler, which klog's structured logging uses.
func (b Bytes) MarshalLog() any { return Redacted }

// MarshalText implements encoding.TextMarshaler, for JSON and for map keys.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// UnmarshalJSON reads a JSON string, so that a map of credentials can be decoded
// into Bytes without plain strings in this program. The error never quotes input.
func (b *Bytes) UnmarshalJSON(raw []byte) error {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("value is not a JSON string")
	}
	*b = New([]byte(s))
	return nil
}
