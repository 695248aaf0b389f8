// SPDX-License-Identifier: Apache-2.0

package place

import "testing"

func TestEndpointsThatCredentialsMayBeSentTo(t *testing.T) {
	e, err := ParseEndpoints([]string{"okms.corp.example", "other.example:8443", "https://third.example",
		"http://127.0.0.1:8200", "https://[::1]:9000"})
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{
		"https://eu-west-par.okms.ovh.net", "https://EU-WEST-PAR.OKMS.OVH.NET:443/", "https://us-east-vin.okms.ovh.us",
		"https://okms.corp.example", "https://other.example:8443", "https://third.example:443", "http://127.0.0.1:8200",
		"https://[::1]:9000", "https://[0:0:0:0:0:0:0:1]:9000",
	}
	for _, endpoint := range allowed {
		if err := e.Check(endpoint); err != nil {
			t.Errorf("%s is refused: %v", endpoint, err)
		}
	}
	refused := []string{
		"https://okms.ovh.net", "https://okms.ovh.net.evil.example", "https://evil-okms.ovh.net",
		"https://a.b.okms.ovh.net", "https://-x.okms.ovh.net",
		"https://eu-west-par.okms.ovh.net.", "https://eu-west-par.okms.ovh.net:8443", "http://eu-west-par.okms.ovh.net",
		"https://eu-west-par.okms.ovh.com",
		"https://eu-west-par.okms.ovh.net@evil.example", "https://evil.example#.okms.ovh.net",
		"https://evil.example/.okms.ovh.net", "https://evil.example?x=.okms.ovh.net",
		"https://evil.example\\.okms.ovh.net", "https://evil.example%2f.okms.ovh.net", "https://ｅu.okms.ovh.net",
		"https://a\u3002okms.ovh.net",
		"https://okms.corp.example:8443", "http://okms.corp.example", "https://other.example", "https://sub.third.example",
		"http://127.0.0.1", "https://127.0.0.1:8200", "http://127.0.0.2:8200",
		"http://localhost:8200", "https://", "//eu-west-par.okms.ovh.net", "ftp://eu-west-par.okms.ovh.net", "",
		"https://[fe80::1%25eth0]", "https://eu-west-par.okms.ovh.net:99999999",
	}
	for _, endpoint := range refused {
		if err := e.Check(endpoint); err == nil {
			t.Errorf("%s is allowed", endpoint)
		}
	}
}

func TestTheZeroValueAllowsOVHcloudOnly(t *testing.T) {
	var e Endpoints
	if err := e.Check("https://eu-west-par.okms.ovh.net"); err != nil {
		t.Errorf("a host of OVHcloud is refused: %v", err)
	}
	if err := e.Check("https://127.0.0.1"); err == nil {
		t.Error("loopback is allowed")
	}
}

func TestNormalize(t *testing.T) {
	for text, want := range map[string]string{
		"https://EU.okms.ovh.net:443/": "https://eu.okms.ovh.net", "https://x.example:8443": "https://x.example:8443",
		"http://127.0.0.1:80": "http://127.0.0.1", "https://[0:0::1]:1": "https://[::1]:1",
	} {
		if got, err := Normalize(text); got != want || err != nil {
			t.Errorf("%s: got %s, error %v; want %s", text, got, err, want)
		}
	}
}

func TestInvalidValuesOfAllowEndpoint(t *testing.T) {
	const form = "is not a host, host:port or URL: "
	for value, want := range map[string]string{
		"":                       `"" ` + form + `the host is not a valid name or address`,
		"http://okms.example":    `"http://okms.example": plain http is for loopback addresses only`,
		"http://localhost":       `"http://localhost": plain http is for loopback addresses only`,
		"https://x.example/path": `"https://x.example/path" ` + form + `has a path after the host`,
		"*.example":              `"*.example" ` + form + `the host is not a valid name or address`,
		"x.example:0":            `"x.example:0" ` + form + `the port is not a number from 1 to 65535`,
		"x.example:0443":         `"x.example:0443" ` + form + `the port is not a number from 1 to 65535`,
		"x.example:65536":        `"x.example:65536" ` + form + `the port is not a number from 1 to 65535`,
		"unix:///x":              `"unix:///x" ` + form + `does not begin with https://`,
	} {
		if _, err := ParseEndpoints([]string{value}); err == nil || err.Error() != want {
			t.Errorf("%q: got %v\nwant %s", value, err, want)
		}
	}
}
