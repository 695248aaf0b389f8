// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

// The messages of OTLP, by the numbers of their fields in opentelemetry-proto 1.x. The test reads
// them back.

// exportRequest returns an ExportTraceServiceRequest.
func exportRequest(service, version string, spans []*span) []byte {
	var resource, scope []byte
	resource = field(resource, 1, keyValue(attribute{"service.name", service}))
	resource = field(resource, 1, keyValue(attribute{"service.version", version}))
	scope = field(scope, 1, field(nil, 1, []byte(service))) // InstrumentationScope
	for _, s := range spans {
		scope = field(scope, 2, s.encode())
	}
	return field(nil, 1, field(field(nil, 1, resource), 2, scope))
}

// encode returns a Span.
func (s *span) encode() (out []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out = field(out, 1, s.trace[:])
	out = field(out, 2, s.id[:])
	if s.parent != [8]byte{} {
		out = field(out, 4, s.parent[:])
	}
	out = field(out, 5, []byte(s.name))
	out = number(out, 6, uint64(s.kind))
	out = protowire.AppendFixed64(protowire.AppendTag(out, 7, protowire.Fixed64Type), uint64(s.begin.UnixNano()))
	out = protowire.AppendFixed64(protowire.AppendTag(out, 8, protowire.Fixed64Type), uint64(s.end.UnixNano()))
	for _, a := range s.attributes {
		out = field(out, 9, keyValue(a))
	}
	if s.failure != "" {
		const statusError = 2
		out = field(out, 15, number(nil, 3, statusError))
	}
	return out
}

// keyValue returns a KeyValue.
func keyValue(a attribute) []byte {
	var value []byte
	switch v := a.value.(type) {
	case string:
		value = field(nil, 1, []byte(v))
	case bool:
		value = number(nil, 2, protowire.EncodeBool(v))
	case int64:
		value = number(nil, 3, uint64(v))
	}
	return field(field(nil, 1, []byte(a.name)), 2, value)
}

func field(out []byte, n protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(out, n, protowire.BytesType), value)
}

func number(out []byte, n protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(out, n, protowire.VarintType), value)
}

// rejected returns how many spans a collector rejected, from its ExportTraceServiceResponse.
func rejected(answer []byte) int64 {
	partial, _ := first(answer, 1)
	_, n := first(partial, 1)
	return int64(n)
}

// first returns the first field of a number in a message: its bytes, or its value.
func first(message []byte, wanted protowire.Number) ([]byte, uint64) {
	for {
		n, kind, size := protowire.ConsumeTag(message)
		if size < 0 { // the end
			return nil, 0
		}
		message = message[size:]
		switch {
		case n == wanted && kind == protowire.BytesType:
			value, _ := protowire.ConsumeBytes(message)
			return value, 0
		case n == wanted && kind == protowire.VarintType:
			value, _ := protowire.ConsumeVarint(message)
			return nil, value
		}
		if size = protowire.ConsumeFieldValue(n, kind, message); size < 0 {
			return nil, 0
		}
		message = message[size:]
	}
}

// rawCodec sends and receives messages that are encoded already, as *[]byte.
type rawCodec struct{}

// Name implements encoding.Codec: the messages are protobuf's.
func (rawCodec) Name() string { return "proto" }

// Marshal implements encoding.Codec.
func (rawCodec) Marshal(v any) ([]byte, error) {
	if text, is := v.(*[]byte); is {
		return *text, nil
	}
	return nil, errors.New("not an encoded message")
}

// Unmarshal implements encoding.Codec.
func (rawCodec) Unmarshal(text []byte, v any) error {
	into, is := v.(*[]byte)
	if !is {
		return errors.New("not an encoded message")
	}
	*into = append([]byte(nil), text...)
	return nil
}
