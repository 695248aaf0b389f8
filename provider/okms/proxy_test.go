// SPDX-License-Identifier: Apache-2.0

package okms_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// childFile is the variable with the path of the file that the child process writes its results
// to. net/http reads the proxy variables once, so each environment needs its own process.
const childFile = "OKMS_TEST_SAID"

// TestChildThroughAProxy is the child process of TestTheProxyIsNamedInErrors.
func TestChildThroughAProxy(t *testing.T) {
	file := os.Getenv(childFile)
	if file == "" {
		t.Skip("run by TestTheProxyIsNamedInErrors")
	}
	text, err := json.Marshal(reads(t, raw{url: "https://store.example"}, false))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// throughProxy returns the texts about a store and a token endpoint behind a proxy.
func throughProxy(t *testing.T, variable string) (said map[string]string) {
	t.Helper()
	file := t.TempDir() + "/said"
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildThroughAProxy$")
	// The race detector waits a second at the end of a process otherwise.
	child.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", childFile+"="+file, "HTTPS_PROXY="+variable,
		"https_proxy=", "NO_PROXY=", "no_proxy=")
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &said); err != nil {
		t.Fatal(err)
	}
	return said
}

func TestTheProxyIsNamedInErrors(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unused := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	answering := func(text string) string { return listen(t, saying(text)) }
	refusing := func(status int) string {
		return answering(fmt.Sprintf("HTTP/1.1 %d %s\r\nX: %[2]s\r\nProxy-Authenticate: %[2]s\r\n"+
			"Content-Length: %d\r\n\r\n%[2]s", status, planted, len(planted)))
	}
	plain := listen(t, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 4096))
		_, _ = conn.Write([]byte("HTTP/1.1 403 " + planted + "\r\n\r\n"))
	})
	unknown := startRaw(t, nil, nil, saying(""))
	socks := listen(t, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 100))
		_, _ = conn.Write([]byte{5, 0})
		_, _ = conn.Read(make([]byte, 300))
		_, _ = conn.Write(append([]byte{5, 2, 0, 3, byte(len(planted))}, planted+"\x00\x00"...)) // not allowed by ruleset
	})
	for name, c := range map[string]struct{ scheme, at, words string }{
		"403":                  {"http", refusing(403), "the proxy PROXY refused the connection (HTTP 403)"},
		"407":                  {"http", refusing(407), "the proxy PROXY refused the connection (HTTP 407)"},
		"502":                  {"http", refusing(502), "the proxy PROXY refused the connection (HTTP 502)"},
		"204":                  {"http", refusing(204), "the proxy PROXY refused the connection (HTTP 204)"},
		"999":                  {"http", refusing(999), "the proxy PROXY refused the connection (HTTP 999)"},
		"no HTTP":              {"http", answering(planted + "\r\n\r\n"), "the answer is not HTTP"},
		"a truncated answer":   {"http", answering("HTTP/1.1 200 OK\r\n" + planted), "the answer is not HTTP"},
		"a header":             {"http", answering("HTTP/1.1 200 OK\r\n" + planted + "\r\n\r\n"), "the answer is not HTTP"},
		"no TLS behind it":     {"http", answering("HTTP/1.1 200 OK\r\n\r\n" + planted), ""},
		"no listener":          {"http", unused, "the proxy PROXY cannot be used: connection refused"},
		"no TLS to it":         {"https", plain, "the proxy PROXY cannot be used: the server does not speak TLS"},
		"a SOCKS refusal":      {"socks5", socks, "the proxy refused the connection"},
		"an unknown authority": {"https", strings.TrimPrefix(unknown.url, "https://"), "unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each waits for a process of its own
			said := throughProxy(t, c.scheme+"://user:"+planted+"@"+c.at)
			hidden(t, said)
			words := strings.ReplaceAll(c.words, "PROXY", c.at)
			for _, who := range []string{"a read", "a token"} {
				if !strings.Contains(said[who], words) || strings.Contains(said[who], "user") {
					t.Errorf("%s: %s, want %s", who, said[who], words)
				}
			}
			kind := "Kind:unreachable"
			if name == "an unknown authority" {
				kind = "Kind:"
			}
			if !strings.Contains(said["a read"], kind) {
				t.Errorf("a read: %s, want %s", said["a read"], kind)
			}
		})
	}
}
