// SPDX-License-Identifier: Apache-2.0

package outages

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// A refusal of OKMS has its error object; the page of a proxy has not.
func TestAnAnswerOfAProxyIsNoRefusal(t *testing.T) {
	t.Parallel()
	const page = "<html><body>Access denied.</body></html>\r\n"
	for _, body := range []struct{ media, text, shown string }{
		{"text/html; charset=utf-8", page, "42 bytes of text/html"},
		{"", "", "0 bytes of no content type"},
		{"application/json", `{"message":"Forbidden"}`, "23 bytes of application/json"},
		{"text/planted-secret", "x", "1 bytes of another type"},
		{"application/json", `{"errors":"no"}`, "15 bytes of application/json"},
		{"text/html", strings.Repeat(page, 2000), "more than 64 KiB of text/html"},
	} {
		for _, status := range []int{400, 401, 403, 404, 407, 410, 451, 501, 505, 511} {
			harness.RunInBubble(t, fmt.Sprintf("%d with %s", status, body.shown), func(t *harness.Bubble) {
				asked := 0
				store := storeOf(t, nil, func(w http.ResponseWriter, _ *http.Request) {
					asked++
					w.Header()["Content-Type"] = nil
					if body.media != "" {
						w.Header().Set("Content-Type", body.media)
					}
					w.WriteHeader(status)
					_, _ = w.Write([]byte(body.text))
				})
				d := harness.Start(t, harness.Options{Emulator: store})
				_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s\n  optional: true"})
				harness.WantError(t, err, codes.Internal, fmt.Sprintf(
					"not an answer of OKMS: %s (HTTP %d), perhaps of a proxy or firewall on the way; kubelet tries again",
					body.shown, status))
				if asked != 1 {
					t.Errorf("asked %d times", asked)
				}
			})
		}
	}
}

func TestAPageOfAProxyDropsNoCachedValue(t *testing.T) {
	harness.InBubble(t, func(t *harness.Bubble) {
		for _, status := range []int{401, 403, 404} {
			now := &harness.Clock{}
			d := harness.Start(t, harness.Options{MaxStale: time.Hour, Now: now.Now})
			d.Store.Hold(t, map[string]string{"s": `{"v":"1"}`})
			m := harness.Mount{Objects: "- secretPath: s"}
			d.MustMount(t, m, "s", `{"v":"1"}`)
			repair := d.Store.Break(t, emulator.Fault{Status: status, ContentType: "text/html", Body: "<html>no</html>"})
			d.MustMount(t, m, "s", `{"v":"1"}`)
			repair()
			now.Advance(time.Minute)
			repair = d.Store.Break(t, emulator.Fault{Status: status}) // OKMS's own
			if _, err := d.Do(t.Context(), m); err == nil {
				t.Errorf("%d: a refused secret was served", status)
			}
			repair()
			now.Advance(time.Minute)
			d.Store.Break(t, emulator.Fault{Status: status, ContentType: "text/html", Body: "<html>no</html>"})
			if _, err := d.Do(t.Context(), m); err == nil {
				t.Errorf("%d: what was refused is still there", status)
			}
		}
	})
}

func TestErrorsOfTheServersCertificate(t *testing.T) {
	t.Parallel()
	past, future := time.Date(1999, 3, 4, 5, 6, 7, 0, time.UTC), time.Date(2120, 3, 4, 5, 6, 7, 0, time.UTC)
	expired := func(c *x509.Certificate) { c.NotBefore, c.NotAfter = past.Add(-time.Hour), past }
	for name, c := range map[string]struct {
		change  func(*x509.Certificate)
		unknown bool
		words   []string
	}{
		"unknown authority": {nil, true,
			[]string{"the certificate is signed by an unknown authority; ", "give its certificate authority in caBundle"}},
		"expired": {expired, false,
			[]string{"the certificate expired on 1999-03-04 05:06:07 UTC; renew it on the server, or set the node's clock"}},
		"expired, unknown authority": {expired, true,
			[]string{"the certificate expired on 1999-03-04 05:06:07 UTC; renew it on the server, or set the node's clock"}},
		"not yet valid": {func(c *x509.Certificate) { c.NotBefore, c.NotAfter = future, future.Add(time.Hour) }, false,
			[]string{"the certificate is not valid before 2120-03-04 05:06:07 UTC; set the node's clock"}},
		"another name": {func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"planted.example"} }, false,
			[]string{"the certificate is not for 127.0.0.1; check endpoint and region"}},
	} {
		harness.RunInBubble(t, name, func(t *harness.Bubble) {
			d := harness.Start(t, harness.Options{Emulator: storeOf(t, c.change, http.NotFound)})
			m := harness.Mount{Objects: "- secretPath: s", Attributes: map[string]string{}}
			if c.unknown {
				m.Attributes["caBundle"] = ""
			}
			_, err := d.Do(t.Context(), m)
			harness.WantError(t, err, codes.Internal, append(c.words, "the server's certificate is not trusted: 127.0.0.1")...)
			if strings.Contains(err.Error(), "planted") || !c.unknown && strings.Contains(err.Error(), "caBundle") {
				t.Errorf("the message is %v", err)
			}
		})
	}
}

// The token endpoint repeats the client's secret in every part of an answer that a library
// could quote.
func TestNoMessageRepeatsTheClientSecret(t *testing.T) {
	t.Parallel()
	const secret = "planted_client_secret_abcdefgh"
	for name, answer := range map[string]func(w http.ResponseWriter, secret string){
		"a redirect that is no URL": func(w http.ResponseWriter, secret string) {
			w.Header().Set("Location", "https://["+secret)
			w.WriteHeader(http.StatusFound)
		},
		"a redirect": func(w http.ResponseWriter, secret string) {
			w.Header().Set("Location", "https://x.example/"+url.QueryEscape(secret))
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
		"an error code": func(w http.ResponseWriter, secret string) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"error":%q,"error_description":%[1]q}`, secret)
		},
		"a page": func(w http.ResponseWriter, secret string) {
			w.Header().Set("Content-Type", "text/"+secret)
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprint(w, secret)
		},
		"a success": func(w http.ResponseWriter, secret string) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"access_token":"x","token_type":%q,"expires_in":%[1]q}`, secret)
		},
		"a token, and OKMS repeats the secret": func(w http.ResponseWriter, _ string) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprint(w, `{"access_token":"x","token_type":"bearer"}`)
		},
	} {
		harness.RunInBubble(t, name, func(t *harness.Bubble) {
			store := storeOf(t, nil, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, emulator.TokenPath) {
					answer(w, r.PostFormValue("client_secret"))
					return
				}
				w.WriteHeader(http.StatusForbidden)
				_, _ = fmt.Fprintf(w, `{"errors":[%q],"request_id":%[1]q,"error_code":16924673}`, secret)
			})
			d := harness.Start(t, harness.Options{Emulator: store})
			_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s", Secrets: map[string]string{
				"clientId": "EU.x", "clientSecret": secret, "tokenUrl": store.URL + emulator.TokenPath}})
			if err == nil {
				t.Fatal("the mount succeeded")
			}
			for i := 0; i+12 <= len(secret); i++ {
				if strings.Contains(err.Error(), secret[i:i+12]) {
					t.Fatalf("the message repeats the secret: %v", err)
				}
			}
			if page := harness.Page(t, d.Admin+"/metrics"); strings.Contains(page, "planted") {
				t.Error("the metrics repeat the secret")
			}
		})
	}
}
