// SPDX-License-Identifier: Apache-2.0

// Package tracingtest is an OpenTelemetry collector for tests: OTLP over gRPC on loopback.
package tracingtest

import (
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
)

// Span is a span that a collector got.
type Span struct {
	Trace, ID, Parent, Name string
	Kind                    uint64 // as OTLP numbers them
	Begin, End              uint64 // in Unix nanoseconds
	Failed                  bool
	Attributes              map[string]string
}

// Collector is a collector. Its methods may be called concurrently.
type Collector struct {
	// URL is its endpoint.
	URL string
	// Answer may answer a request itself: with an error, late, or by an encoded message. It is set before the
	// first request.
	Answer func() ([]byte, error)

	mu    sync.Mutex
	spans []Span
	raw   []byte
	got   func([]Span) // nil: the spans are kept
}

// Start starts a collector, which ends with the test.
func Start(t testing.TB) *Collector {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &Collector{URL: "http://" + l.Addr().String()}
	server := grpc.NewServer(grpc.ForceServerCodec(codec{}), grpc.UnknownServiceHandler(c.serve))
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	return c
}

// Serve serves a collector at a listener, and calls got with the spans of each request, one request at a time.
func Serve(l net.Listener, got func([]Span)) error {
	c := &Collector{got: got}
	return grpc.NewServer(grpc.ForceServerCodec(codec{}), grpc.UnknownServiceHandler(c.serve)).Serve(l)
}

// Spans returns the spans until now.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// Raw returns all requests until now, as they came.
func (c *Collector) Raw() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.raw)
}

func (c *Collector) serve(_ any, stream grpc.ServerStream) error {
	const export = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
	if method, _ := grpc.MethodFromServerStream(stream); method != export {
		return fmt.Errorf("unknown method %s", method)
	}
	var request []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	answer := []byte{}
	if c.Answer != nil {
		var err error
		if answer, err = c.Answer(); err != nil {
			return err
		}
	}
	c.take(request)
	return stream.SendMsg(&answer)
}

// take keeps the spans of a request, or calls got with them.
func (c *Collector) take(request []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var spans []Span
	for _, resource := range fields(request, 1) {
		for _, scope := range fields(resource, 2) {
			for _, s := range fields(scope, 2) {
				spans = append(spans, spanOf(s))
			}
		}
	}
	if c.got != nil {
		c.got(spans)
		return
	}
	c.raw, c.spans = append(c.raw, request...), append(c.spans, spans...)
}

// spanOf decodes a span.
func spanOf(text []byte) Span {
	one := func(n protowire.Number) []byte { return slices.Concat(fields(text, n)...) }
	s := Span{Trace: hex.EncodeToString(one(1)), ID: hex.EncodeToString(one(2)), Parent: hex.EncodeToString(one(4)),
		Name: string(one(5)), Kind: number(text, 6),
		Begin: number(text, 7), End: number(text, 8), Attributes: map[string]string{}}
	for _, a := range fields(text, 9) {
		value := slices.Concat(fields(a, 2)...)
		shown := string(slices.Concat(fields(value, 1)...))
		if shown == "" {
			shown = fmt.Sprint(number(value, 2) + number(value, 3))
		}
		s.Attributes[string(slices.Concat(fields(a, 1)...))] = shown
	}
	s.Failed = number(slices.Concat(fields(text, 15)...), 3) == 2
	return s
}

// fields returns the fields of bytes with a number.
func fields(text []byte, wanted protowire.Number) (all [][]byte) {
	walk(text, func(n protowire.Number, kind protowire.Type, value []byte) {
		if n == wanted && kind == protowire.BytesType {
			inner, _ := protowire.ConsumeBytes(value)
			all = append(all, inner)
		}
	})
	return all
}

// number returns the value of a field that is a number; 0 if there is none.
func number(text []byte, wanted protowire.Number) (v uint64) {
	walk(text, func(n protowire.Number, kind protowire.Type, value []byte) {
		switch {
		case n == wanted && kind == protowire.VarintType:
			v, _ = protowire.ConsumeVarint(value)
		case n == wanted && kind == protowire.Fixed64Type:
			v, _ = protowire.ConsumeFixed64(value)
		}
	})
	return v
}

func walk(text []byte, f func(protowire.Number, protowire.Type, []byte)) {
	for len(text) > 0 {
		n, kind, size := protowire.ConsumeTag(text)
		if size < 0 {
			panic("the request is not protobuf")
		}
		text = text[size:]
		if size = protowire.ConsumeFieldValue(n, kind, text); size < 0 {
			panic("the request is not protobuf")
		}
		f(n, kind, text[:size])
		text = text[size:]
	}
}

// codec has messages as *[]byte.
type codec struct{}

// Name implements encoding.Codec.
func (codec) Name() string { return "proto" }

// Marshal implements encoding.Codec.
func (codec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

// Unmarshal implements encoding.Codec.
func (codec) Unmarshal(text []byte, v any) error {
	*v.(*[]byte) = slices.Clone(text)
	return nil
}
