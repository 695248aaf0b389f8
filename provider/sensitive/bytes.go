// Package sensitive holds the one type in which secret values and credentials
// travel through the daemon. It prints as [redacted] whatever prints it, so a
// value can reach a log, an error or a metric only through a call of Reveal,
// which is easy to search for.
//
// It does not encrypt memory and does not wipe it.
package sensitive

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what a Bytes prints as.
const Redacted = "[redacted]"

// Bytes is a secret value or a credential. The zero value is empty.
//
// The bytes stand behind a function on purpose: fmt cannot call methods on the
// unexported fields of a struct that it prints, and with a verb it does not know
// it even follows pointers there; of a function it prints the address.
type Bytes struct{ reveal func() []byte }

// New takes ownership of b: the caller must not change it any more.
func New(b []byte) Bytes { return Bytes{reveal: func() []byte { return b }} }

// Reveal returns the bytes themselves. The caller must not change them.
func (b Bytes) Reveal() []byte {
	if b.reveal == nil {
		return nil
	}
	return b.reveal()
}

// Len is the number of bytes.
func (b Bytes) Len() int { return len(b.Reveal()) }

// Format implements fmt.Formatter for every verb and flag.
func (b Bytes) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, Redacted) }

// String implements fmt.Stringer.
func (b Bytes) String() string { return Redacted }

// LogValue implements slog.LogValuer.
func (b Bytes) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalLog implements logr.Marshaler, which klog's structured calls ask.
func (b Bytes) MarshalLog() any { return Redacted }

// MarshalText implements encoding.TextMarshaler, for JSON and for map keys.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// UnmarshalJSON reads a JSON string, so that a map of credentials can be decoded
// without ever standing in plain strings of ours. The error never quotes input.
func (b *Bytes) UnmarshalJSON(raw []byte) error {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("value is not a JSON string")
	}
	*b = New([]byte(s))
	return nil
}
