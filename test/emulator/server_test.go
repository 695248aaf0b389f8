// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestServerUsesHTTP2AndRefusesOldTLS(t *testing.T) {
	d := start(t, Options{})
	d.get("secret/metadata").want(200)
	if proto := d.Requests()[0].Proto; proto != "HTTP/2.0" {
		t.Errorf("got protocol %s", proto)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(d.CA())
	old := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if conn, err := tls.Dial("tcp", strings.TrimPrefix(d.server.URL, "https://"), old); err == nil {
		conn.Close()
		t.Error("TLS 1.1 was accepted")
	}
}

func TestServerCertificateNamesItsHosts(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Start("127.0.0.1:0", "okms.example.svc", "10.1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.CA)
	for name, good := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "::1": true, "okms.example.svc": true, "10.1.2.3": true, "other.example": false,
	} {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(s.URL, "https://"), &tls.Config{RootCAs: pool, ServerName: name})
		if (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			conn.Close()
		}
	}
	if s.VaultAddress() != s.URL+"/api/"+e.OKMSID() {
		t.Errorf("got vault address %s", s.VaultAddress())
	}
}

func TestServerThatCannotStart(t *testing.T) {
	d := start(t, Options{})
	if _, err := d.Start(strings.TrimPrefix(d.server.URL, "https://")); err == nil ||
		!strings.Contains(err.Error(), "in use") {
		t.Errorf("got error %v", err)
	}
}

func TestTwoServersShareADomain(t *testing.T) {
	d := start(t, Options{})
	second, err := d.Start("")
	if err != nil {
		t.Fatal(err)
	}
	d.put("x", `{"k":1}`)
	d.get("secret/data/x").want(200)
	if err := d.server.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.server.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
	d.server = second
	defer second.Close()
	d.get("secret/data/x").want(200)
}

func TestAwait(t *testing.T) {
	d := start(t, Options{})
	d.get("secret/metadata").want(200)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := d.Await(ctx, 1); err != nil {
		t.Errorf("after one request: %v", err)
	}
	if err := d.Await(ctx, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("before the second request: %v", err)
	}
	d.ResetRequests()
	if err := d.Await(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("after a reset: %v", err)
	}
}

func TestJournalKeepsTheNewest(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range journalSize + 5 {
		r := httptest.NewRequest("GET", fmt.Sprintf("/n/%d", i), nil)
		e.ServeHTTP(httptest.NewRecorder(), r)
	}
	all := e.Requests()
	if len(all) != journalSize || all[0].URI != "/n/5" {
		t.Errorf("got %d requests, the first one is %s", len(all), all[0].URI)
	}
	if err := e.Await(context.Background(), journalSize+5); err != nil {
		t.Error(err)
	}
}

func TestRequestsAndLogHoldNoCredential(t *testing.T) {
	log := &lockedBuffer{}
	d := start(t, Options{Log: log})
	d.put("prod/x", `{}`)
	d.do(request{path: "secret/data/prod/x?version=1", header: http.Header{
		"Authorization": {"Bearer " + readerToken}, "Cookie": {readerToken}, "Proxy-Authorization": {readerToken},
		"X-Other": {"kept"},
	}}).want(200)
	got := d.Requests()[0]
	if text := fmt.Sprintf("%+v", got) + log.String(); strings.Contains(text, readerToken) ||
		strings.Contains(text, adminToken) {
		t.Errorf("a credential is in %s", text)
	}
	if got.Header.Get("X-Other") != "kept" || got.URI != "/api/"+d.OKMSID()+"/v1/secret/data/prod/x?version=1" ||
		got.Method != "GET" || got.Auth != "bearer" || got.Identity != "reader" || got.Status != 200 {
		t.Errorf("got the record %+v", got)
	}
	want := fmt.Sprintf("INFO | GET /v1/secret/data/prod/x - 200 - identity: urn:v1:eu:identity:user:emulator/reader - "+
		"operation: okms:apikms:secret/version/getData on urn:v1:eu:resource:okms:%s/secret/prod/x - from 127.0.0.1 - "+
		"request id: %s\n", d.OKMSID(), got.ID)
	if log.String() != want {
		t.Errorf("log is\n%swant\n%s", log.String(), want)
	}
}

// TestManyClientsAtOnce checks that every answer belongs to its own request.
func TestManyClientsAtOnce(t *testing.T) {
	d := start(t, Options{Log: &lockedBuffer{}})
	const clients, rounds = 16, 12
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			own := &domain{Emulator: d.Emulator, t: t, server: d.server, client: newClient(t, d.server)}
			path := fmt.Sprintf("many/%d", c)
			for round := range rounds {
				data := fmt.Sprintf(`{"client":%d,"round":%d}`, c, round)
				r := request{method: "POST", path: "secret/data/" + path, body: `{"data":` + data + `}`}
				if got, err := own.try(r); err != nil || got.at("data", "version") != fmt.Sprint(round+1) {
					t.Errorf("client %d writes version %d: %v %s", c, round+1, err, got.body)
				}
				r = request{path: "secret/data/" + path, token: []string{readerToken, noneToken}[round%2]}
				got, err := own.try(r)
				if want := []int{200, 403}[round%2]; err != nil || got.status != want {
					t.Errorf("client %d reads: %v %d, want %d", c, err, got.status, want)
				}
				if got.status == 200 && got.at("data", "data") != data {
					t.Errorf("client %d: got %s", c, got.body)
				}
			}
		})
	}
	wg.Go(func() {
		for range rounds {
			remove := d.inject(Fault{Path: "nobody", Status: 500})
			d.Requests()
			d.put("other", `{}`)
			remove()
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := d.Await(ctx, clients*rounds*2); err != nil {
		t.Error(err)
	}
	wg.Wait()
	for _, r := range d.Requests() {
		if r.Status == 0 && r.URI == "" {
			t.Errorf("a request without a record: %+v", r)
		}
	}
}
