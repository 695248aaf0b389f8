// SPDX-License-Identifier: Apache-2.0

package outages

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

func TestFailuresOfTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		fault  emulator.Fault
		change map[string]string
		code   codes.Code
		words  []string
	}{
		{"another secret", emulator.Fault{}, map[string]string{"clientSecret": "planted-wrong"}, codes.Unauthenticated,
			[]string{"the token endpoint refused the OAuth2 client ",
				": HTTP 401, invalid_client; check clientId and clientSecret, and tokenUrl", "OKMS was not asked"}},
		{"a fault", emulator.Fault{Path: "oauth2", Status: 503}, nil, codes.Internal,
			[]string{"no access token for the OAuth2 client ", ": HTTP 503; kubelet tries again; OKMS was not asked"}},
		{"limits", emulator.Fault{Path: "oauth2", Status: 429}, nil, codes.Internal,
			[]string{"no access token for the OAuth2 client ", ": HTTP 429; kubelet tries again"}},
		{"hangs", emulator.Fault{Path: "oauth2", Hang: true}, nil, codes.Internal,
			[]string{"no access token for the OAuth2 client ", ": no answer in time"}},
		{"another host", emulator.Fault{}, map[string]string{"tokenUrl": "https://evil.example/auth/oauth2/token"},
			codes.PermissionDenied,
			[]string{"nodePublishSecretRef.tokenUrl: no credential is sent there: https://evil.example is not a host of " +
				"OVHcloud"}},
		{"no token URL for another host than OVHcloud's", emulator.Fault{}, map[string]string{"tokenUrl": ""},
			codes.Unauthenticated,
			[]string{"nodePublishSecretRef: tokenUrl is missing; add it: only the regional hosts of OVHcloud have a default"}},
		{"a token in addition", emulator.Fault{}, map[string]string{"token": "x"}, codes.Unauthenticated,
			[]string{"holds both a token and an OAuth2 client; keep exactly one of them"}},
	}
	for _, c := range cases {
		harness.RunInBubble(t, c.name, func(t *harness.Bubble) {
			store := harness.StartStore(t)
			d := harness.Start(t, harness.Options{Emulator: store, MountTimeout: 6 * time.Second})
			if err := store.AddClient(harness.ClientID, harness.ClientSecret, emulator.Identity{}); err != nil {
				t.Fatal(err)
			}
			if c.fault != (emulator.Fault{}) {
				store.Break(t, c.fault)
			}
			secrets := map[string]string{"clientId": harness.ClientID, "clientSecret": harness.ClientSecret,
				"tokenUrl": store.URL + emulator.TokenPath}
			for key, value := range c.change {
				if secrets[key] = value; value == "" {
					delete(secrets, key)
				}
			}
			_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s\n- secretPath: t", Secrets: secrets})
			harness.WantError(t, err, c.code, c.words...)
			if strings.Contains(err.Error(), "planted-wrong") || strings.Contains(err.Error(), harness.ClientSecret) ||
				strings.Contains(err.Error(), "2 errors") {
				t.Errorf("the message: %v", err)
			}
			for _, r := range store.Requests() {
				if r.URI != emulator.TokenPath {
					t.Errorf("OKMS was asked: %s", r.URI)
				}
			}
		})
	}
}

// A refusal of a token endpoint has an error code (RFC 6749, section 5.2). A page of a proxy
// proves nothing about the client, and the request is not retried.
func TestAPageInsteadOfATokenIsNoRefusal(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403, 404, 407, 451} {
		harness.RunInBubble(t, fmt.Sprint(status), func(t *harness.Bubble) {
			d, secrets := harness.StartWithClient(t)
			page := emulator.Fault{Path: "oauth2", Status: status, ContentType: "text/html", Body: "<html>no</html>"}
			d.Store.Break(t, page)
			_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s", Secrets: secrets})
			harness.WantError(t, err, codes.Internal, "no access token for the OAuth2 client ", fmt.Sprintf(
				": not an answer of a token endpoint: 15 bytes of text/html (HTTP %d), perhaps of a proxy or firewall "+
					"on the way; ", status))
			if n := d.Store.TokenRequests(); n != 1 {
				t.Errorf("the token endpoint was asked %d times", n)
			}
		})
	}
}

func TestAPageInsteadOfATokenDropsNoCachedValue(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		now := &harness.Clock{}
		store := harness.StartStore(t)
		d := harness.Start(t, harness.Options{Emulator: store, MaxStale: 100 * time.Hour, Now: now.Now})
		store.Hold(t, map[string]string{"s": `{"a":"1"}`})
		if err := store.AddClient(harness.ClientID, harness.ClientSecret, emulator.Identity{}); err != nil {
			t.Fatal(err)
		}
		m := harness.Mount{Objects: "- secretPath: s", Secrets: map[string]string{
			"clientId": harness.ClientID, "clientSecret": harness.ClientSecret, "tokenUrl": store.URL + emulator.TokenPath}}
		d.MustMount(t, m, "s", `{"a":"1"}`)
		now.Advance(2 * time.Hour) // longer than a token is valid
		repair := store.Break(t, emulator.Fault{Path: "oauth2", Status: 403, ContentType: "text/html",
			Body: "<html>no</html>"})
		d.MustMount(t, m, "s", `{"a":"1"}`)
		repair()
		if err := store.AddClient(harness.ClientID, "another", emulator.Identity{}); err != nil {
			t.Fatal(err)
		}
		now.Advance(time.Minute)
		_, err := d.Do(t.Context(), m)
		harness.WantError(t, err, codes.Unauthenticated, "the token endpoint refused the OAuth2 client ",
			"HTTP 401, invalid_client")
	})
}

// OKMS has not refused the token.
func TestAPageInsteadOfARefusalReplacesNoToken(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		d, secrets := harness.StartWithClient(t)
		d.Store.Break(t, emulator.Fault{Path: "/secret/", Status: 401, ContentType: "text/html", Body: "<html>no</html>"})
		_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s", Secrets: secrets})
		harness.WantError(t, err, codes.Internal,
			"not an answer of OKMS: 15 bytes of text/html (HTTP 401), perhaps of a proxy or firewall")
		if n, all := d.Store.TokenRequests(), len(d.Store.Requests()); n != 1 || all != 2 {
			t.Errorf("the token endpoint was asked %d times, in %d requests", n, all)
		}
	})
}

// The advice is that of a store's certificate, with tokenUrl.
func TestErrorsOfATokenEndpointsCertificate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*x509.Certificate)
		bundle bool
		cure   string
	}{
		"unknown authority": {nil, false, "give its certificate authority in caBundle"},
		"expired": {func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, true,
			"renew it on the server, or set the node's clock"},
		"not yet valid": {func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
		}, true, "set the node's clock; if it is right, replace the certificate on the server"},
		"another name": {func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"planted.example"} }, true,
			"the certificate is not for 127.0.0.1; check tokenUrl"},
	} {
		harness.RunInBubble(t, name, func(t *harness.Bubble) {
			store := storeOf(t, c.change, http.NotFound)
			d := harness.Start(t, harness.Options{Emulator: store, MountTimeout: 20 * time.Second})
			m := harness.Mount{Objects: "- secretPath: s", Attributes: map[string]string{}, Secrets: map[string]string{
				"clientId": harness.ClientID, "clientSecret": harness.ClientSecret, "tokenUrl": store.URL + emulator.TokenPath}}
			if !c.bundle {
				m.Attributes["caBundle"] = ""
			}
			_, err := d.Do(t.Context(), m)
			harness.WantError(t, err, codes.Internal, "no access token for the OAuth2 client ",
				": the server's certificate is not trusted: ", c.cure+"; OKMS was not asked")
			if strings.Contains(err.Error(), "planted") {
				t.Errorf("the message is %v", err)
			}
		})
	}
}
