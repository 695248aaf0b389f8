// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func (d *domain) inject(f Fault) (remove func()) {
	d.t.Helper()
	remove, err := d.Inject(f)
	if err != nil {
		d.t.Fatal(err)
	}
	return remove
}

// TestStatusFaults checks that one request fails and the next one succeeds.
func TestStatusFaults(t *testing.T) {
	d := start(t, Options{})
	d.put("prod/x", `{"k":1}`)
	for status, code := range map[int]int{429: 50434049, 503: 50425858, 401: 50475011, 500: codeRESTInternal,
		502: codeRESTUnspecified} {
		d.inject(Fault{Status: status, RetryAfter: "7", Times: 1})
		got := d.get("secret/data/prod/x").wantError(status, code, "(injected)")
		if got.header.Get("Retry-After") != "7" {
			t.Errorf("got Retry-After %q", got.header.Get("Retry-After"))
		}
		d.get("secret/data/prod/x").want(200)
	}
}

func TestHTMLFault(t *testing.T) {
	d := start(t, Options{})
	d.inject(Fault{Status: 502, ContentType: "text/html", Body: "<h1>Bad gateway</h1>"})
	got := d.get("secret/data/prod/x")
	if got.status != 502 || got.header.Get("Content-Type") != "text/html" || got.body != "<h1>Bad gateway</h1>" {
		t.Errorf("got %+v", got)
	}
}

func TestFaultsMatchPathAndOrder(t *testing.T) {
	d := start(t, Options{})
	d.put("prod/x", `{}`)
	d.put("dev/x", `{}`)
	first := d.inject(Fault{Path: "data/prod%2Fx?version=1", Status: 500})
	d.inject(Fault{Path: "prod", Status: 503, Times: 2})
	d.get("secret/data/prod%2Fx?version=1").want(500)
	d.get("secret/data/dev/x").want(200)
	d.get("secret/data/prod/x").want(503)
	first()
	first()
	d.get("secret/data/prod%2Fx?version=1").want(503)
	d.get("secret/data/prod%2Fx?version=1").want(200)
}

func TestReadOnlyMode(t *testing.T) {
	d := start(t, Options{})
	d.put("x", `{}`)
	d.inject(Fault{Writes: true, Status: 503})
	d.send("POST", "secret/data/x", `{"data":{}}`).want(503)
	d.send("DELETE", "secret/data/x", "").want(503)
	d.get("secret/data/x").want(200)
	d.do(request{method: "LIST", path: "secret/metadata"}).want(200)
}

func TestHangEnds(t *testing.T) {
	d := start(t, Options{})
	d.put("x", `{"k":1}`)
	remove := d.inject(Fault{Hang: true, Times: 1})
	answered := make(chan reply, 1)
	go func() {
		got, err := d.try(request{path: "secret/data/x"})
		if err != nil {
			got = reply{t: t, body: err.Error()}
		}
		answered <- got
	}()
	if err := d.Await(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	if got := d.Requests()[0]; got.Status != 0 || got.Auth != "vault-token" || got.Identity != "admin" {
		t.Errorf("got the record %+v while the request is in progress", got)
	}
	d.get("secret/data/x").want(200) // Times is used up; the first request still hangs
	remove()
	got := <-answered
	got.want(200).wantAt(`{"k":1}`, "data", "data")
}

func TestHangEndsWithTheClient(t *testing.T) {
	log := &lockedBuffer{}
	d := start(t, Options{Log: log})
	d.inject(Fault{Hang: true})
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", d.server.VaultAddress()+"/v1/secret/data/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = d.Await(ctx, 1)
		cancel()
	}()
	if _, err := d.client.Do(req); !errors.Is(err, context.Canceled) {
		t.Fatalf("the request ended with %v", err)
	}
	if err := d.server.Close(); err != nil {
		t.Fatal(err)
	}
	if line := log.String(); !strings.Contains(line,
		"GET /v1/secret/data/x - no answer - identity: - - operation: - on - - from 127.0.0.1 - ") {
		t.Errorf("got log %q", line)
	}
}

func TestDelayedRequestEndsWithTheServer(t *testing.T) {
	d := start(t, Options{})
	d.inject(Fault{Delay: time.Hour})
	failed := make(chan error, 1)
	go func() {
		_, err := d.try(request{path: "secret/data/x"})
		failed <- err
	}()
	if err := d.Await(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	if err := d.server.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err == nil {
		t.Error("got an answer")
	}
}

func TestDelayComesBeforeTheAnswer(t *testing.T) {
	d := start(t, Options{})
	d.put("x", `{}`)
	d.inject(Fault{Delay: time.Millisecond, Times: 1})
	d.inject(Fault{Delay: time.Millisecond, Status: 503})
	d.get("secret/data/x").want(200)
	d.get("secret/data/x").want(503)
}

func TestTruncatedAnswers(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			d := start(t, Options{})
			if proto == "HTTP/1.1" {
				d.client.Transport.(*http.Transport).ForceAttemptHTTP2 = false
			}
			d.put("x", `{"k":"a value of some length"}`)
			whole := len(d.get("secret/data/x").want(200).body)

			remove := d.inject(Fault{Truncate: true})
			got, err := d.try(request{path: "secret/data/x"})
			if err == nil || got.status != 200 || len(got.body) != whole/2 {
				t.Errorf("truncated: %d bytes of %d, error %v", len(got.body), whole, err)
			}
			remove()

			remove = d.inject(Fault{CloseAfterHeaders: true})
			got, err = d.try(request{path: "secret/data/x"})
			if err == nil || got.body != "" {
				t.Errorf("closed after headers: %q, error %v", got.body, err)
			}
			remove()

			d.inject(Fault{Drip: time.Microsecond})
			d.get("secret/data/x").want(200).wantAt(`{"k":"a value of some length"}`, "data", "data")
			for _, r := range d.Requests() {
				if r.Proto != proto || r.Status != 200 {
					t.Errorf("got the record %+v", r)
				}
			}
		})
	}
}

func TestDrippingEndsWithTheServer(t *testing.T) {
	d := start(t, Options{})
	d.put("x", `{}`)
	d.inject(Fault{Drip: time.Hour})
	req, err := http.NewRequest("GET", d.server.VaultAddress()+"/v1/secret/data/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Vault-Token", adminToken)
	resp, err := d.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 1)
	if _, err := io.ReadFull(resp.Body, first); err != nil || first[0] != '{' {
		t.Fatalf("first byte %q: %v", first, err)
	}
	if err := d.server.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the answer is complete")
	}
}

func TestRedirectFault(t *testing.T) {
	d := start(t, Options{})
	d.inject(Fault{Redirect: "https://elsewhere.example/x", Times: 1})
	d.inject(Fault{Redirect: "/y", Status: 307})
	if got := d.get("secret/data/x"); got.status != 302 || got.header.Get("Location") != "https://elsewhere.example/x" {
		t.Errorf("got %+v", got)
	}
	if got := d.get("secret/data/x"); got.status != 307 || got.header.Get("Location") != "/y" {
		t.Errorf("got %+v", got)
	}
}

func TestEchoRepeatsTheCredential(t *testing.T) {
	log := &lockedBuffer{}
	d := start(t, Options{Log: log})
	d.inject(Fault{Echo: true})
	d.get("secret/data/x").wantError(500, codeRESTInternal, adminToken)
	d.do(request{path: "secret/data/x", token: "-", header: http.Header{"Authorization": {"Bearer " + readerToken}}}).
		wantError(500, codeRESTInternal, "Bearer "+readerToken)
	if strings.Contains(log.String(), adminToken) {
		t.Error("the log contains the credential")
	}
}

// TestTLSAlert checks that new connections get the alert, and that open ones are closed.
func TestTLSAlert(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		d := start(t, Options{})
		d.client.Transport.(*http.Transport).ForceAttemptHTTP2 = http2
		d.put("x", `{}`)
		d.get("secret/data/x").want(200) // leaves a connection open
		remove := d.inject(Fault{TLSAlert: true})
		_, err := d.try(request{path: "secret/data/x"})
		if err == nil || !strings.Contains(err.Error(), "bad certificate") {
			t.Errorf("HTTP/2 %v: got error %v", http2, err)
		}
		remove()
		d.get("secret/data/x").want(200)
		if n := len(d.Requests()); n != 2 {
			t.Errorf("got %d recorded requests", n)
		}
	}
}

func TestInvalidFaults(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []Fault{
		{}, {Path: "x", Times: 3}, {TLSAlert: true, Path: "x"}, {TLSAlert: true, Status: 500}, {Status: 500, Times: -1},
		{Status: 99}, {Status: 600}, {Redirect: "/x", Status: 200}, {Body: "x", Hang: true}, {RetryAfter: "1"},
		{Truncate: true, CloseAfterHeaders: true},
	} {
		if _, err := e.Inject(f); err == nil {
			t.Errorf("Inject accepted %+v", f)
		}
	}
}

func TestParseFault(t *testing.T) {
	for spec, want := range map[string]Fault{
		"status=503,times=3,path=prod/":              {Status: 503, Times: 3, Path: "prod/"},
		"hang":                                       {Hang: true},
		"status=429, retry-after=2":                  {Status: 429, RetryAfter: "2"},
		"delay=150ms,drip=1s":                        {Delay: 150 * time.Millisecond, Drip: time.Second},
		"tls-alert=true,times=1":                     {TLSAlert: true, Times: 1},
		"status=502,content-type=text/html,body=<p>": {Status: 502, ContentType: "text/html", Body: "<p>"},
		"truncate,writes":                            {Truncate: true, Writes: true},
		"redirect=https://a.example/?x=y":            {Redirect: "https://a.example/?x=y"},
		"close-after-headers":                        {CloseAfterHeaders: true},
		"echo,status=403":                            {Echo: true, Status: 403},
	} {
		if got, err := ParseFault(spec); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", spec, got, err)
		}
		if again, err := ParseFault(want.String()); err != nil || again != want {
			t.Errorf("%s is written as %s", spec, want)
		}
	}
	for spec, message := range map[string]string{
		"statsu=503":   `unknown field "statsu"; valid are path, writes`,
		"status=x":     `status: "x" is not a number`,
		"delay=5":      `delay: "5" is not a duration`,
		"hang=perhaps": `hang: "perhaps" is not true or false`,
		"":             `unknown field ""`,
		"times=3":      "the fault has no effect",
	} {
		if _, err := ParseFault(spec); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%q: got error %v, want %s", spec, err, message)
		}
	}
}
