// SPDX-License-Identifier: Apache-2.0

// Command printspans is an OpenTelemetry collector for tests (OTLP over gRPC, without TLS). It prints each span that it
// gets as a line of JSON. Only the end-to-end scenarios use it.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"

	"ovhcloud-csi-provider/server/tracing/tracingtest"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: printspans HOST:PORT")
		os.Exit(2)
	}
	if err := serve(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "printspans:", err)
		os.Exit(1)
	}
}

func serve(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	return tracingtest.Serve(l, func(spans []tracingtest.Span) {
		for _, s := range spans {
			if err := out.Encode(s); err != nil {
				fmt.Fprintln(os.Stderr, "printspans:", err)
			}
		}
	})
}
