// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// token sends a valid form with the changes to the token endpoint, and returns its answer.
func (d *domain) token(change map[string]string) (status int, body map[string]any) {
	d.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"EU.shop"}, "client_secret": {"s3cret"},
		"scope": {"all"}}
	for name, value := range change {
		if form.Set(name, value); value == "" {
			form.Del(name)
		}
	}
	resp, err := d.client.PostForm(d.server.URL+TokenPath, form)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &body); err != nil {
		d.t.Fatalf("%s: %v", text, err)
	}
	return resp.StatusCode, body
}

// TestAccessTokens checks that an access token has the client's identity until it expires.
func TestAccessTokens(t *testing.T) {
	now := newClock()
	d := start(t, Options{Now: now.Now})
	d.put("x", `{}`)
	if err := d.AddClient("EU.shop", "s3cret", Identity{Name: "shop"}); err != nil {
		t.Fatal(err)
	}
	status, body := d.token(nil)
	token, _ := body["access_token"].(string)
	if status != 200 || token == "" || body["token_type"] != "Bearer" || body["expires_in"] != 3599.0 {
		t.Fatalf("%d %v", status, body)
	}
	d.do(request{path: "secret/data/x", token: token}).want(200)
	if all := d.Requests(); all[len(all)-1].Identity != "shop" || strings.Contains(all[len(all)-2].URI, "s3cret") ||
		all[len(all)-2].Operation != operationToken {
		t.Errorf("got the journal %+v", all)
	}
	now.advance(tokenLife)
	d.do(request{path: "secret/data/x", token: token}).wantError(401, 50475011, "expired")
	_, body = d.token(nil)
	token = body["access_token"].(string)
	d.do(request{path: "secret/data/x", token: token}).want(200)
	d.RevokeAccessTokens("EU.shop")
	d.do(request{path: "secret/data/x", token: token}).wantError(401, 50475011, "not valid")
}

func TestTheTokenEndpointRefuses(t *testing.T) {
	d := start(t, Options{})
	if err := d.AddClient("EU.shop", "s3cret", Identity{}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change map[string]string
		status int
		want   string
	}{
		"another secret":   {map[string]string{"client_secret": "x"}, 401, "invalid_client"},
		"another client":   {map[string]string{"client_id": "x"}, 401, "invalid_client"},
		"no client":        {map[string]string{"client_id": "", "client_secret": ""}, 401, "invalid_client"},
		"no scope":         {map[string]string{"scope": ""}, 400, "invalid_scope"},
		"another scope":    {map[string]string{"scope": "read"}, 400, "invalid_scope"},
		"no grant type":    {map[string]string{"grant_type": ""}, 400, "invalid_request"},
		"another grant":    {map[string]string{"grant_type": "password"}, 400, "unsupported_grant_type"},
		"everything wrong": {map[string]string{"scope": "", "client_secret": ""}, 401, "invalid_client"},
	} {
		if status, body := d.token(c.change); status != c.status || body["error"] != c.want {
			t.Errorf("%s: %d %v, want %d %s", name, status, body, c.status, c.want)
		}
	}
	if resp, err := d.client.PostForm(d.server.URL+NewTokenPath, nil); err != nil ||
		resp.StatusCode != http.StatusBadRequest {
		t.Errorf("the new path: %v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
	resp, err := d.client.Get(d.server.URL + TokenPath)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %s", resp.Status)
	}
}

func TestAReplacedSecretLeavesTokensValid(t *testing.T) {
	d := start(t, Options{Now: func() time.Time { return time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC) }})
	d.put("x", `{}`)
	for _, secret := range []string{"s3cret", "next"} {
		if err := d.AddClient("EU.shop", secret, Identity{}); err != nil {
			t.Fatal(err)
		}
		if status, body := d.token(map[string]string{"client_secret": secret}); status != 200 {
			t.Fatalf("%d %v", status, body)
		}
	}
	if status, _ := d.token(nil); status != 401 {
		t.Errorf("the old secret: got status %d", status)
	}
	if n := len(d.iam.clients["EU.shop"].issued); n != 2 {
		t.Errorf("got %d valid tokens, want 2", n)
	}
	if err := d.AddClient("a b", "x", Identity{}); err == nil {
		t.Error("a client id with a space was taken")
	}
}
