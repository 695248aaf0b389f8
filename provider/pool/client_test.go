// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/sensitive"
)

const plantedSecret = "planted-client-secret-0123456789"

// serviceAccount returns an origin whose credential is an OAuth2 client. One server is its token endpoint
// and its store, and answers both with a status and a body.
func serviceAccount(t *testing.T, answer func(path string) (status int, body string)) plan.Origin {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, body := answer(r.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	material := credential.Material{credential.KeyClientID: sensitive.New([]byte("client")),
		credential.KeyClientSecret: sensitive.New([]byte(plantedSecret)),
		credential.KeyTokenURL:     sensitive.New([]byte(server.URL + "/token"))}
	parsed, err := credential.Parse(material, "test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return plan.Origin{Credential: parsed, Domain: place.Domain{Endpoint: server.URL, CABundle: string(authority),
		ID: "734b9b45-8b1a-469c-b140-b10bd6540017"}}
}

// TestFailuresOfAServiceAccount checks the kind of failure when the token endpoint refuses the client, when it fails,
// and when the store refuses the token. The client's secret is in no message, even if the store sends it.
func TestFailuresOfAServiceAccount(t *testing.T) {
	const token = `{"access_token":"an-access-token","expires_in":3600,"token_type":"Bearer"}`
	for name, c := range map[string]struct {
		tokenStatus int
		token       string
		kind        failure.Kind
		status      int
	}{
		"the endpoint refuses the client": {401, `{"error":"invalid_client"}`, failure.ClientRefused, 401},
		"the endpoint fails":              {503, `{}`, failure.TokenFailing, 503},
		"the store refuses the token":     {200, token, failure.Denied, 403},
	} {
		t.Run(name, func(t *testing.T) {
			origin := serviceAccount(t, func(path string) (int, string) {
				if path == "/token" {
					return c.tokenStatus, c.token
				}
				return 403, `{"errors":["no access for ` + plantedSecret + `"]}`
			})
			var calls []okms.Call
			pool := New(okms.Options{Observe: func(_ context.Context, call okms.Call) {
				if call.API == "oauth2" {
					calls = append(calls, call)
				}
			}}, budget.New(64<<20), time.Now)
			defer pool.Close()
			lease, err := pool.Lease(origin, "shop")
			if err != nil {
				t.Fatal(err)
			}
			defer lease.Close()
			_, failed := lease.Client.Get(t.Context(), okms.Ref{Path: "a"})
			if failed == nil || failed.Kind != c.kind || failed.Status != c.status {
				t.Fatalf("got %+v, want %s with status %d", failed, c.kind, c.status)
			}
			if strings.Contains(failed.Text, plantedSecret) {
				t.Errorf("the message has the client's secret: %s", failed.Text)
			}
			if len(calls) != 1 || calls[0].Operation != "token" || calls[0].Status != c.tokenStatus ||
				(calls[0].Kind == "") != (c.tokenStatus == 200) || calls[0].Host == "" {
				t.Errorf("the exchange for a token was observed as %+v", calls)
			}
		})
	}
}

// TestANewCredentialReplacesTheClientOfAConnection: the one before it is closed with its last lease, unless another
// connection uses it.
func TestANewCredentialReplacesTheClientOfAConnection(t *testing.T) {
	now := time.Unix(0, 0)
	pool, with := newPool(&now)
	use := func(connection, token string) *Lease {
		origin := with(token).Origin
		origin.Connection = connection
		lease, err := pool.Lease(origin, "shop")
		if err != nil {
			t.Fatal(err)
		}
		lease.Close()
		return lease
	}
	kept := func(lease *Lease) bool { return pool.byKey[key{lease.Domain, lease.Credential}] == lease.of }
	shared, own := use("one", "shared"), use("three", "own")
	use("two", "shared")
	use("one", "new")
	use("three", "new")
	if !kept(shared) || kept(own) {
		t.Errorf("kept the client that another connection uses: %v, and the one that none does: %v", kept(shared), kept(own))
	}
	if use("two", "new"); kept(shared) || len(pool.byKey) != 1 {
		t.Errorf("the pool has %d clients, want only that of the new credential", len(pool.byKey))
	}
}

// TestAnOpenedClientIsOfItsDomain: outside of a pool, too, a CA bundle must have a certificate.
func TestAnOpenedClientIsOfItsDomain(t *testing.T) {
	origin := serviceAccount(t, func(string) (int, string) { return 503, "{}" })
	client, closeClient, err := Open(origin, okms.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, failed := client.Get(t.Context(), okms.Ref{Path: "a"}); failed == nil || failed.Kind != failure.TokenFailing {
		t.Errorf("got %v", failed)
	}
	closeClient()
	origin.Domain.CABundle = "x"
	if client, _, err := Open(origin, okms.Options{}); err == nil || client != nil {
		t.Error("an invalid CA bundle was accepted")
	}
	if plain, bundled := takes(place.Domain{}), takes(origin.Domain); bundled <= plain+perBundle {
		t.Errorf("a client takes %d bytes, and %d with a CA bundle", plain, bundled)
	}
}
