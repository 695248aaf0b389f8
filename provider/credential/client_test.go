// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"testing"

	"ovhcloud-csi-provider/provider/place"
)

func TestTheNewTokenEndpoints(t *testing.T) {
	var endpoints place.Endpoints
	for url, allowed := range map[string]bool{
		"https://auth.eu.ovhcloud.com/oauth2/token": true, "https://auth.ca.ovhcloud.com/oauth2/token": true,
		"https://auth.us.ovhcloud.com/oauth2/token": false, "https://auth.eu.ovhcloud.com/elsewhere": false,
		"https://auth.eu.ovhcloud.com.evil.example/oauth2/token": false,
		"https://auth.eu.ovhcloud.com:8443/oauth2/token":         false,
	} {
		c, err := Parse(material(KeyClientID, "EU.id", KeyClientSecret, "planted-secret", KeyTokenURL, url), "x", now)
		if err != nil {
			t.Fatal(err)
		}
		if err := endpoints.CheckTokenURL(c.Client().TokenURL); (err == nil) != allowed {
			t.Errorf("%s: got error %v, want allowed: %v", url, err, allowed)
		}
	}
	for endpoint, want := range map[string]string{
		"https://eu-west-par.okms.ovh.net": "https://auth.eu.ovhcloud.com/oauth2/token",
		"https://ca-east-bhs.okms.ovh.net": "https://auth.ca.ovhcloud.com/oauth2/token",
		"https://us-east-vin.okms.ovh.us":  "",
	} {
		c, _ := Parse(material(KeyClientID, "EU.id", KeyClientSecret, "planted-secret"), "x", now)
		if at, err := c.At(endpoint); err != nil || at.Client().Successor() != want {
			t.Errorf("%s: got the successor %q, error %v; want %q", endpoint, at.Client().Successor(), err, want)
		}
	}
}

func TestTheDefaultTokenURLOfAnEndpoint(t *testing.T) {
	for endpoint, want := range map[string]string{
		"https://eu-west-par.okms.ovh.net":       "https://www.ovh.com/auth/oauth2/token",
		"https://ca-east-bhs.okms.ovh.net":       "https://ca.ovh.com/auth/oauth2/token",
		"https://ap-southeast-sgp.okms.ovh.net":  "https://ca.ovh.com/auth/oauth2/token",
		"https://us-east-vin.okms.ovh.us":        "https://us.ovhcloud.com/auth/oauth2/token",
		"https://okms.example":                   "",
		"https://eu-west-par.okms.ovh.net.x.com": "",
	} {
		c, err := parseClientWith("")
		if err != nil {
			t.Fatal(err)
		}
		at, err := c.At(endpoint)
		if got := at.Client().TokenURL; got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got the token URL %q, error %v; want %q", endpoint, got, err, want)
		}
		if want != "" && (at.ID() == c.ID() || at.Fingerprint() != c.Fingerprint()) {
			t.Error("the token URL must change the ID and not the fingerprint")
		}
	}
}

func TestTokenURLsOfAClient(t *testing.T) {
	for url, want := range map[string]string{
		"HTTPS://Auth.Example:443/a/token\n": "https://auth.example/a/token",
		"http://127.0.0.1:8080/token":        "http://127.0.0.1:8080/token",
	} {
		if c, err := parseClientWith(url); err != nil || c.Client().TokenURL != want {
			t.Errorf("%q: got the token URL %q, error %v; want %q", url, c.Client().TokenURL, err, want)
		}
	}
	const form = "; write https://<host>/<path>"
	for url, want := range map[string]string{
		"auth.example/token":               "tokenUrl: does not begin with https://" + form,
		"http://auth.example/token":        "tokenUrl: plain http is for loopback addresses only",
		"https://u:planted@auth.example/t": "tokenUrl: holds a user name or password; drop it" + form,
		"https://auth.example/t?planted":   "tokenUrl: has a query or fragment" + form,
	} {
		if _, err := parseClientWith(url); err == nil || err.Error() != want {
			t.Errorf("%q: got error %v, want %s", url, err, want)
		}
	}
}

func TestTokenURLsThatSecretsMayBeSentTo(t *testing.T) {
	endpoints, err := place.ParseEndpoints([]string{"auth.example"})
	if err != nil {
		t.Fatal(err)
	}
	for url, allowed := range map[string]bool{
		"https://www.ovh.com/auth/oauth2/token": true, "https://ca.ovh.com/auth/oauth2/token": true,
		"https://us.ovhcloud.com/auth/oauth2/token": true, "https://auth.example/any": true,
		"https://www.ovh.com/elsewhere": false, "https://evil.example/auth/oauth2/token": false,
		"https://auth.example:8443/any": false,
	} {
		if err := endpoints.CheckTokenURL(url); (err == nil) != allowed {
			t.Errorf("%s: got error %v, want allowed: %v", url, err, allowed)
		}
	}
}
