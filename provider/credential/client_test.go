package credential

import (
	"testing"

	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/sensitive"
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
			t.Errorf("%s: %v", url, err)
		}
	}
	for endpoint, want := range map[string]string{
		"https://eu-west-par.okms.ovh.net": "https://auth.eu.ovhcloud.com/oauth2/token",
		"https://ca-east-bhs.okms.ovh.net": "https://auth.ca.ovhcloud.com/oauth2/token",
		"https://us-east-vin.okms.ovh.us":  "",
	} {
		c, _ := Parse(material(KeyClientID, "EU.id", KeyClientSecret, "planted-secret"), "x", now)
		if at, err := c.At(endpoint); err != nil || at.Client().Successor() != want {
			t.Errorf("%s: %s, %v", endpoint, at.Client().Successor(), err)
		}
	}
}

func TestTokenURLs(t *testing.T) {
	parse := func(url string) (Credential, error) {
		m := material(KeyClientID, " id\n", KeyClientSecret, "secret\n")
		if url != "" {
			m[KeyTokenURL] = sensitive.New([]byte(url))
		}
		return Parse(m, "x", now)
	}
	for endpoint, want := range map[string]string{
		"https://eu-west-par.okms.ovh.net":       "https://www.ovh.com/auth/oauth2/token",
		"https://ca-east-bhs.okms.ovh.net":       "https://ca.ovh.com/auth/oauth2/token",
		"https://ap-southeast-sgp.okms.ovh.net":  "https://ca.ovh.com/auth/oauth2/token",
		"https://us-east-vin.okms.ovh.us":        "https://us.ovhcloud.com/auth/oauth2/token",
		"https://okms.example":                   "",
		"https://eu-west-par.okms.ovh.net.x.com": "",
	} {
		c, err := parse("")
		if err != nil {
			t.Fatal(err)
		}
		at, err := c.At(endpoint)
		if at.Client().TokenURL != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", endpoint, at.Client().TokenURL, err)
		}
		if want != "" && (at.ID() == c.ID() || at.Fingerprint() != c.Fingerprint()) {
			t.Error("the token URL must change the ID and not the fingerprint")
		}
	}
	for url, want := range map[string]string{
		"HTTPS://Auth.Example:443/a/token\n": "https://auth.example/a/token",
		"http://127.0.0.1:8080/token":        "http://127.0.0.1:8080/token",
	} {
		if c, err := parse(url); err != nil || c.Client().TokenURL != want {
			t.Errorf("%q: %q, %v", url, c.Client().TokenURL, err)
		}
	}
	const form = "; write https://<host>/<path>"
	for url, want := range map[string]string{
		"auth.example/token":               "tokenUrl: does not begin with https://" + form,
		"http://auth.example/token":        "tokenUrl: plain http is for loopback addresses only",
		"https://u:planted@auth.example/t": "tokenUrl: holds a user name or password; drop it" + form,
		"https://auth.example/t?planted":   "tokenUrl: has a query or fragment" + form,
	} {
		if _, err := parse(url); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", url, err, want)
		}
	}
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
			t.Errorf("%s: %v", url, err)
		}
	}
}
