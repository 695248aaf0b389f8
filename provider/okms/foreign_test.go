// SPDX-License-Identifier: Apache-2.0

package okms_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"
)

// These tests check that a server's text is in no message, or only with credentials redacted.

// frames returns a function that answers a request of HTTP/2 with frames, then closes.
func frames(all ...[]byte) func(net.Conn) {
	return func(conn net.Conn) {
		if !awaitRequest2(conn) {
			return
		}
		_, _ = conn.Write(bytes.Join(all, nil))
		if closer, is := conn.(*tls.Conn); is {
			_ = closer.CloseWrite()
		}
		_, _ = io.Copy(io.Discard, conn)
	}
}

// answers1 returns answers of HTTP/1.1 that repeat planted, by the part that repeats it.
func answers1() map[string]string {
	all := map[string]string{
		"a status text":                    "HTTP/1.1 401 %s\r\nContent-Length: 0\r\n\r\n",
		"a status text of a fault":         "HTTP/1.1 503 %s\r\nContent-Length: 0\r\n\r\n",
		"no HTTP":                          "%s\r\n\r\n",
		"no HTTP and no line break":        "%s",
		"a version":                        "HTTP/%s 200 OK\r\n\r\n",
		"a status code":                    "HTTP/1.1 %s OK\r\n\r\n",
		"a short status line":              "HTTP/1.1%s\r\n\r\n",
		"a header without a colon":         "HTTP/1.1 200 OK\r\n%s\r\n\r\n",
		"a header after a space":           "HTTP/1.1 200 OK\r\n %s: 1\r\n\r\n",
		"a header with a space":            "HTTP/1.1 200 OK\r\n%s x: 1\r\n\r\n",
		"a header with control characters": "HTTP/1.1 200 OK\r\nX: \x00%s\r\n\r\n",
		"a long header":                    "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("%[1]s", 4000) + "\r\n\r\n",
		"a length":                         "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n",
		"two lengths":                      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: %s\r\n\r\n",
		"a transfer encoding":              "HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n",
		"a content encoding":               "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 60\r\n\r\n%-60.60s",
		"a content type":                   "HTTP/1.1 200 OK\r\nContent-Type: %[1]s/%[1]s\r\nContent-Length: 2\r\n\r\n{}",
		"a content type of a 403":          "HTTP/1.1 403 No\r\nContent-Type: text/%s\r\nContent-Length: 2\r\n\r\n{}",
		"an odd content type": "HTTP/1.1 403 No\r\nContent-Type: text/html; %[1]s=;\r\n" +
			"Content-Length: 2\r\n\r\n{}",
		"a chunk's size":          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n",
		"a chunk's size of a 403": "HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n",
		"a chunk's extension":     "HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n2;%s\r\n{}x",
		"a trailer":               "HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n%s\r\n\r\n",
		"a promised trailer": "HTTP/1.1 403 No\r\nTrailer: Host,%s\r\n" +
			"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"a Location": "HTTP/1.1 302 Found\r\nLocation: https://%s.example/?%[1]s\r\n" +
			"Content-Length: 0\r\n\r\n",
		"a Location that is no URL": "HTTP/1.1 302 Found\r\nLocation: https://[%s\r\nContent-Length: 0\r\n\r\n",
		"a Location with escapes":   "HTTP/1.1 307 Found\r\nLocation: /%%zz%s\r\nContent-Length: 0\r\n\r\n",
		"a Location with a control": "HTTP/1.1 308 Found\r\nLocation: \x7f%s\r\nContent-Length: 0\r\n\r\n",
		"a Retry-After":             "HTTP/1.1 429 No\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n",
		"a challenge":               "HTTP/1.1 401 No\r\nWWW-Authenticate: %s\r\nContent-Length: 0\r\n\r\n",
		"a cookie":                  "HTTP/1.1 407 No\r\nSet-Cookie: %[1]s=%[1]s\r\nContent-Length: 0\r\n\r\n",
		"another protocol":          "HTTP/1.1 101 %[1]s\r\nConnection: Upgrade\r\nUpgrade: %[1]s\r\n\r\n%[1]s",
		"an early hint":             "HTTP/1.1 103 %[1]s\r\nLink: %[1]s\r\n\r\nHTTP/1.1 103 %[1]s\r\n%[1]s\r\n\r\n",
		"a page": "HTTP/1.1 403 No\r\nContent-Type: text/html\r\n" +
			"Content-Length: 60\r\n\r\n%-60.60s",
		"a page that is a success": "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" +
			"Content-Length: 60\r\n\r\n%-60.60s",
		"a form": "HTTP/1.1 400 No\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n" +
			"error=%[1]s&error_description=%[1]s",
		"a form that is a success": "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nerror=%[1]s&expires_in=%[1]s",
	}
	for name, format := range all {
		all[name] = fmt.Sprintf(format, planted)
	}
	return all
}

// bodies returns JSON answers of several statuses that have planted, encoded, in one field.
func bodies() map[string]string {
	all := map[string]string{}
	inHex := hex.EncodeToString([]byte(planted))
	for form, text := range map[string]string{
		"plain": planted, "a part": planted[5:20], "an escape": url.QueryEscape(planted + "/"),
		"base64":         base64.StdEncoding.EncodeToString([]byte("Bearer " + planted)),
		"base64 of URLs": base64.RawURLEncoding.EncodeToString([]byte("x:" + planted)),
		"hex":            inHex, "upper hex": strings.ToUpper(inHex),
	} {
		for field, value := range fieldsWith(text) {
			body, err := json.Marshal(value)
			if err != nil {
				panic(err) // impossible: a map of strings
			}
			for _, status := range []int{200, 400, 401, 403, 404, 500} {
				all[fmt.Sprintf("%s in %s of a %d", form, field, status)] = fmt.Sprintf(
					"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
			}
		}
	}
	return all
}

// fieldsWith returns bodies of OKMS and of token endpoints that have text in one field.
func fieldsWith(text string) map[string]any {
	type object = map[string]any
	version := func(data any, metadata object) object {
		return object{"data": object{"data": data, "metadata": metadata}}
	}
	return map[string]any{
		"errors":        object{"errors": []string{"not " + text + " but"}},
		"request_id":    object{"errors": []string{}, "request_id": text},
		"error_id":      object{"errors": []string{}, "error_id": text},
		"deletion_time": version(nil, object{"deletion_time": text, "version": 1}),
		"version":       version(object{}, object{"version": text}),
		"error":         object{"error": text, "error_description": text, "error_uri": text},
		"token_type":    object{"access_token": "x", "token_type": text},
		"expires_in":    object{"access_token": "x", "expires_in": text},
	}
}

// answers2 returns answers of HTTP/2 that repeat planted.
func answers2() map[string][]byte {
	const endHeaders, endStream = 4, 1
	goAway := func(code byte) []byte {
		return frame(7, 0, 0, append([]byte{0x7f, 0xff, 0xff, 0xff, 0, 0, 0, code}, planted...))
	}
	headers := func(fields ...[]byte) []byte {
		return frame(1, endHeaders|endStream, 1, bytes.Join(append([][]byte{{0x88}}, fields...), nil)) // :status 200
	}
	return map[string][]byte{
		"goaway":                          goAway(0),
		"GOAWAY with an error":            goAway(2),
		"GOAWAY with ENHANCE_YOUR_CALM":   goAway(11),
		"an upper-case name":              headers(field(strings.ToUpper(planted), "x")),
		"a pseudo-header":                 headers(field(":"+planted, "x")),
		"a value with control characters": headers(field("x", "\x00"+planted)),
		"a status":                        frame(1, endHeaders|endStream, 1, field(":status", planted)),
		"a length":                        headers(field("content-length", planted)),
		"a content type":                  headers(field("content-type", planted)),
		"a frame of unknown type":         []byte(planted),
		"a trailer": append(frame(1, endHeaders, 1, []byte{0x88}),
			frame(1, endHeaders|endStream, 1, field(":"+planted, "x"))...),
		"a reset": frame(3, 0, 1, []byte{0, 0, 0, 2}),
	}
}

// certificates returns changes to a certificate that put planted in its names.
func certificates() map[string]func(*x509.Certificate) {
	named := func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: planted, Organization: []string{planted}}
		c.IPAddresses, c.DNSNames = nil, []string{planted + ".example"}
		c.EmailAddresses = []string{planted + "@x.example"}
	}
	return map[string]func(*x509.Certificate){
		"another name": named,
		"no name":      func(c *x509.Certificate) { named(c); c.DNSNames = nil },
		"expired":      func(c *x509.Certificate) { named(c); c.NotAfter = time.Now().Add(-time.Minute) },
		"not yet valid": func(c *x509.Certificate) {
			named(c)
			c.NotBefore = time.Now().Add(time.Hour)
			c.NotAfter = time.Now().Add(2 * time.Hour)
		},
		"another use": func(c *x509.Certificate) {
			named(c)
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		},
		"constraints": func(c *x509.Certificate) {
			named(c)
			c.DNSNames, c.PermittedDNSDomainsCritical = []string{"localhost"}, true
			c.PermittedDNSDomains = []string{planted + ".example"}
		},
		"an extension": func(c *x509.Certificate) {
			named(c)
			c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3}, Critical: true, Value: []byte(planted)}}
		},
	}
}

// Without TLS, since its handshakes would take most of the time.
func TestNoTextOfAnHTTP1AnswerIsRepeated(t *testing.T) {
	all := answers1()
	maps.Copy(all, bodies())
	for name, answer := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hidden(t, reads(t, startPlain(t, saying(answer)), false))
		})
	}
}

func TestNoTextOfAnHTTP2AnswerIsRepeated(t *testing.T) {
	for name, answer := range answers2() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hidden(t, reads(t, startRaw(t, nil, []string{"h2"}, frames(answer)), true))
		})
	}
}

func TestNoTextOfACertificateIsRepeated(t *testing.T) {
	for name, change := range certificates() {
		for _, trusted := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, trusted %t", name, trusted), func(t *testing.T) {
				t.Parallel()
				hidden(t, reads(t, startRaw(t, change, nil, saying("")), trusted))
			})
		}
	}
}

func TestNoBytesOutsideTLSAreRepeated(t *testing.T) {
	for name, answer := range map[string]string{
		"words": planted, "HTTP": "HTTP/1.1 400 " + planted + "\r\n\r\n" + planted, "nothing": "",
		"an unknown alert":       "\x15\x03\x03\x00\x02\x02\xf0" + planted,
		"an unknown record type": "\x63\x03\x03\x00\x20" + planted,
		"a long record":          "\x16\x03\x03\xff\xff" + planted,
		"an old version":         "\x16\x02\x00\x00\x20" + planted,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := listen(t, func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = io.WriteString(conn, answer)
			})
			hidden(t, reads(t, raw{url: "https://" + at}, false))
		})
	}
}
