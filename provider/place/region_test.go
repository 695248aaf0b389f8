// SPDX-License-Identifier: Apache-2.0

package place

import (
	"strings"
	"testing"
)

func TestRegions(t *testing.T) {
	for region, meant := range map[string]string{
		"GRA11": "eu-west-gra", "gra": "eu-west-gra", "SBG5": "eu-west-sbg", "Europe (France - Paris)": "eu-west-par",
		"EU_WEST_PAR": "eu-west-par",
		"BHS5":        "ca-east-bhs", "UK1": "eu-west-eri", "DE1": "eu-west-lim", "WAW1": "eu-central-waw",
		"RBX-A": "eu-west-rbx", "rbx": "eu-west-rbx",
		"AP-SOUTH-MUM-1": "ap-south-mum", "eu-west-par-a": "eu-west-par", "EU-WEST-PAR-A": "eu-west-par",
		"US-EAST-VA-1": "us-east-vin",
		"US_WEST_HIL":  "us-west-hil", "Canada (East - Beauharnois)": "ca-east-bhs", "Paris": "eu-west-par",
		"eu_west_par": "eu-west-par",
		"eu west sbg": "eu-west-sbg", "Asia Pacific (Singapore)": "ap-southeast-sgp", "sgp1": "ap-southeast-sgp",
		"CA-EAST-TOR-A": "ca-east-tor",
	} {
		_, text := placeOf(map[string]string{FieldRegion: region, FieldOKMSID: testID})
		suggests := strings.Contains(text, `is not a region of OKMS; did you mean "`+meant+`"?`)
		if !suggests || !strings.HasSuffix(text, "ap-southeast-syd, us-east-vin, us-west-hil") {
			t.Errorf("%s: got %s, want the suggestion %s and all regions", region, text, meant)
		}
	}
	for _, region := range []string{
		"local", "eu-west", "XYZ7", "europe", "France", "eu/west/xyz", "eu.west.xyz", "", strings.Repeat("gra", 99),
	} {
		const want = "is not the name of a region, such as eu-west-par; the known regions are eu-west-par, eu-west-rbx, "
		_, text := placeOf(map[string]string{FieldRegion: region, FieldOKMSID: testID})
		if !strings.Contains(text, want) {
			t.Errorf("%s: got %s, want %s", region, text, want)
		}
	}
	for _, region := range []string{"{{ .Values.region }}", "${REGION}"} {
		_, text := placeOf(map[string]string{FieldRegion: region, FieldOKMSID: region})
		if strings.Count(text, "a template that was not rendered") != 2 {
			t.Errorf("%s: got %s, want two errors about the template", region, text)
		}
	}
	for region, host := range map[string]string{
		"eu-west-par": "eu-west-par.okms.ovh.net", "EU-WEST-PAR": "eu-west-par.okms.ovh.net",
		"eu-north-osl":   "eu-north-osl.okms.ovh.net",
		"us-central-dal": "us-central-dal.okms.ovh.us", "us-east-vin": "us-east-vin.okms.ovh.us",
		"af-south-cpt2": "af-south-cpt2.okms.ovh.net",
	} {
		p, text := placeOf(map[string]string{FieldRegion: region, FieldOKMSID: testID})
		if p.Endpoint != "https://"+host || text != "" {
			t.Errorf("%s: got %s, errors %q; want host %s", region, p.Endpoint, text, host)
		}
	}
}

func TestEndpointsWithTheAPIsPath(t *testing.T) {
	const head = "https://eu-west-par.okms.ovh.net/api/" + testID
	for path, want := range map[string]string{
		"/v1/secret":           "endpoint: drop /v1/secret at its end",
		"/v1/secret/":          "endpoint: drop /v1/secret at its end",
		"/v1":                  "endpoint: drop /v1 at its end",
		"/v2/secret":           "endpoint: drop /v2/secret at its end",
		"/v1/secret/data":      "endpoint: drop /v1/secret and the text after it",
		"/v1/secret/data/a/db": "endpoint: drop /v1/secret and the text after it",
		"/v1/secret?version=1": "endpoint: drop /v1/secret and the text after it",
		"/swagger/":            "endpoint: drop /swagger at its end",
		"/planted":             "endpoint: drop the text after /api/<okmsId>",
		"?planted":             "endpoint: drop the text after /api/<okmsId>",
		"#planted":             "endpoint: drop the text after /api/<okmsId>",
		"/":                    "",
		"":                     "",
	} {
		for _, fields := range []map[string]string{
			{FieldEndpoint: head + path}, {FieldEndpoint: head + path, FieldOKMSID: testID},
		} {
			if _, text := placeOf(fields); text != want {
				t.Errorf("%s: got %q, want %q", path, text, want)
			}
		}
	}
	const host, withPassword = "https://eu-west-par.okms.ovh.net", "https://u:planted@eu-west-par.okms.ovh.net"
	const form = "; write https://<host>, or https://<host>/api/<okmsId>"
	for endpoint, want := range map[string]string{
		host + "/v1/secret": "endpoint: drop /v1/secret at its end" + form,
		host + "/swagger/":  "endpoint: drop /swagger at its end" + form,
		host + "/planted":   "endpoint: drop the text after the host" + form,
		host + "?planted":   "endpoint: drop the text after the host" + form,
		host + "/api/x/v1/secret": "endpoint: " +
			"the text after /api/ is not a UUID; write https://<host>/api/<okmsId>",
		withPassword + "/api/" + testID + "/v1/secret": "endpoint: drop /v1/secret at its end",
		withPassword + "/v1/secret":                    "endpoint: holds a user name or password; drop it" + form,
		"eu-west-par.okms.ovh.net":                     "endpoint: does not begin with https://" + form,
		"https://v1":                                   "",
	} {
		if _, text := placeOf(map[string]string{FieldEndpoint: endpoint, FieldOKMSID: testID}); text != want {
			t.Errorf("%s: got %q, want %q", endpoint, text, want)
		}
	}
}
