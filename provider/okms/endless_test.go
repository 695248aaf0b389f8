// SPDX-License-Identifier: Apache-2.0

package okms_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// endless is an answer that begins and then repeats a part forever.
type endless struct{ begin, part string }

var line = strings.Repeat("x", 500) + "\r\n"

func endless1() map[string]endless {
	const head = "HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n"
	return map[string]endless{
		"early hints":         {"", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"},
		"continues":           {"", "HTTP/1.1 100 Continue\r\n\r\n"},
		"a status line":       {"HTTP/1.1 200 ", "OK"},
		"headers":             {"HTTP/1.1 200 OK\r\n", "X: " + line},
		"one header":          {"HTTP/1.1 200 OK\r\nX: ", "x"},
		"a page":              {"HTTP/1.1 403 No\r\nContent-Type: text/html\r\n\r\n", line},
		"a success":           {"HTTP/1.1 200 OK\r\n\r\n", line},
		"chunks":              {head, "1f6\r\n" + line + "\r\n"},
		"a chunk's extension": {head + "1;", "x"},
		"trailers":            {head + "0\r\n", "X: " + line},
	}
}

func endless2() map[string]endless {
	const endHeaders = 4
	return map[string]endless{
		"early hints":  {"", string(frame(1, endHeaders, 1, append(field(":status", "103"), field("x", line[:100])...)))},
		"continuation": {string(frame(1, 0, 1, []byte{0x88})), string(frame(9, 0, 1, field("x", line[:100])))},
		"a page":       {string(frame(1, endHeaders, 1, field(":status", "403"))), string(frame(0, 0, 1, []byte(line)))},
		"a success":    {string(frame(1, endHeaders, 1, []byte{0x88})), string(frame(0, 0, 1, []byte(line)))},
	}
}

// speak sends the answer until the client stops reading.
func (e endless) speak(conn net.Conn) {
	if secured, is := conn.(*tls.Conn); is && secured.ConnectionState().NegotiatedProtocol == "h2" {
		if !awaitRequest2(conn) {
			return
		}
	} else {
		_, _ = conn.Read(make([]byte, 4096))
	}
	go func() { _, _ = io.Copy(io.Discard, conn) }() // the rest of the client's requests
	if _, err := io.WriteString(conn, e.begin); err != nil {
		return
	}
	many := bytes.Repeat([]byte(e.part), max(1, 8<<10/len(e.part)))
	for {
		if _, err := conn.Write(many); err != nil {
			return
		}
	}
}

// TestAnEndlessAnswerIsAborted checks that it ends at its limit, long before the caller's
// deadline.
func TestAnEndlessAnswerIsAborted(t *testing.T) {
	for protocol, all := range map[string]map[string]endless{"": endless1(), "h2": endless2()} {
		for name, e := range all {
			t.Run(name+protocol, func(t *testing.T) {
				t.Parallel()
				var protocols []string
				if protocol != "" {
					protocols = []string{protocol}
				}
				said := readsFor(t, startRaw(t, nil, protocols, e.speak), true, 20*time.Second)
				// "a list" is left out: it may share the endless HTTP/2 connection.
				for _, who := range []string{"a read", "a token"} {
					if said[who] == "" || strings.Contains(said[who], "timed_out") || strings.Contains(said[who], "in time") {
						t.Errorf("%s: %s", who, said[who])
					}
				}
			})
		}
	}
}

// TestEndlessFramesAreAborted checks valid frames, such as those with only padding, during the
// exchange and after it. Each frame is nearly as long as it may be: the limit counts bytes, and
// short frames take much more time.
func TestEndlessFramesAreAborted(t *testing.T) {
	const endHeaders, padded, endStream, settings = 4, 8, 1, 4
	refusal := string(frame(1, endHeaders|endStream, 1, field(":status", "403")))
	padding := string(frame(0, padded, 1, append([]byte{200}, make([]byte, 200)...)))
	var unknown []byte // settings, which the client ignores
	for i := range uint16(2700) {
		unknown = append(binary.BigEndian.AppendUint16(unknown, 1000+i), 0, 0, 0, 0)
	}
	many := string(frame(settings, 0, 0, unknown))
	for name, c := range map[string]struct {
		endless
		words string
	}{
		"padding": {endless{string(frame(1, endHeaders, 1, []byte{0x88})), padding},
			"the connection broke within the answer (HTTP 200)"},
		"settings":              {endless{"", many}, "the server sends more than an answer takes"},
		"settings, after a 403": {endless{refusal, many}, "not an answer of OKMS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			over := make(chan struct{}, 9)
			speak := func(conn net.Conn) {
				c.speak(conn)
				over <- struct{}{}
			}
			said := readsFor(t, startRaw(t, nil, []string{"h2"}, speak), true, 20*time.Second)
			if !strings.Contains(said["a read"], c.words) {
				t.Errorf("a read: %s", said["a read"])
			}
			for range 2 { // the connections of the reads and of the token, before the client is closed
				select {
				case <-over:
				case <-time.After(20 * time.Second):
					t.Fatal("a connection is still open")
				}
			}
		})
	}
}
