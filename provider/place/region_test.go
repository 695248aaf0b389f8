package place

import (
	"strings"
	"testing"
)

// placeOf reads a place, with everything that is wrong with it.
func placeOf(fields map[string]string) (Domain, string) {
	var wrong []string
	p := Parse(fields, MaxBundleOfMount, func(field string, err error) { wrong = append(wrong, field+": "+err.Error()) })
	return p, strings.Join(wrong, "\n")
}

const testID = "734b9b45-8b1a-469c-b140-b10bd6540017"

func TestRegionsOfPublicCloudAreTold(t *testing.T) {
	for region, meant := range map[string]string{
		"GRA11": "eu-west-gra", "gra": "eu-west-gra", "SBG5": "eu-west-sbg", "Europe (France - Paris)": "eu-west-par", "EU_WEST_PAR": "eu-west-par",
		"BHS5": "ca-east-bhs", "UK1": "eu-west-eri", "DE1": "eu-west-lim", "WAW1": "eu-central-waw", "RBX-A": "eu-west-rbx", "rbx": "eu-west-rbx",
		"AP-SOUTH-MUM-1": "ap-south-mum", "eu-west-par-a": "eu-west-par", "EU-WEST-PAR-A": "eu-west-par", "US-EAST-VA-1": "us-east-vin",
		"US_WEST_HIL": "us-west-hil", "Canada (East - Beauharnois)": "ca-east-bhs", "Paris": "eu-west-par", "eu_west_par": "eu-west-par",
		"eu west sbg": "eu-west-sbg", "Asia Pacific (Singapore)": "ap-southeast-sgp", "sgp1": "ap-southeast-sgp", "CA-EAST-TOR-A": "ca-east-tor",
	} {
		_, text := placeOf(map[string]string{FieldRegion: region, FieldOKMSID: testID})
		if !strings.Contains(text, `is not a region of OKMS; did you mean "`+meant+`"?`) || !strings.HasSuffix(text, "ap-southeast-syd, us-east-vin, us-west-hil") {
			t.Errorf("%s: %s", region, text)
		}
	}
	for _, region := range []string{"local", "eu-west", "XYZ7", "europe", "France", "eu/west/xyz", "eu.west.xyz", "", strings.Repeat("gra", 99)} {
		if _, text := placeOf(map[string]string{FieldRegion: region, FieldOKMSID: testID}); !strings.Contains(text, "is not the name of a region, such as eu-west-par; the known regions are eu-west-par, eu-west-rbx, ") {
			t.Errorf("%s: %s", region, text)
		}
	}
	for _, region := range []string{"{{ .Values.region }}", "${REGION}"} {
		if _, text := placeOf(map[string]string{FieldRegion: region, FieldOKMSID: region}); strings.Count(text, "a template that was not rendered") != 2 {
			t.Errorf("%s: %s", region, text)
		}
	}
	for region, host := range map[string]string{
		"eu-west-par": "eu-west-par.okms.ovh.net", "EU-WEST-PAR": "eu-west-par.okms.ovh.net", "eu-north-osl": "eu-north-osl.okms.ovh.net",
		"us-central-dal": "us-central-dal.okms.ovh.us", "us-east-vin": "us-east-vin.okms.ovh.us", "af-south-cpt2": "af-south-cpt2.okms.ovh.net",
	} {
		if p, text := placeOf(map[string]string{FieldRegion: region, FieldOKMSID: testID}); p.Endpoint != "https://"+host || text != "" {
			t.Errorf("%s: %s, %s", region, p.Endpoint, text)
		}
	}
}

func TestEndpointsWithTheAPIsPath(t *testing.T) {
	const head = "https://eu-west-par.okms.ovh.net/api/" + testID
	for behind, want := range map[string]string{
		"/v1/secret":           "endpoint: drop /v1/secret at its end",
		"/v1/secret/":          "endpoint: drop /v1/secret at its end",
		"/v1":                  "endpoint: drop /v1 at its end",
		"/v2/secret":           "endpoint: drop /v2/secret at its end",
		"/v1/secret/data":      "endpoint: drop /v1/secret and what follows it",
		"/v1/secret/data/a/db": "endpoint: drop /v1/secret and what follows it",
		"/v1/secret?version=1": "endpoint: drop /v1/secret and what follows it",
		"/swagger/":            "endpoint: drop /swagger at its end",
		"/planted":             "endpoint: drop what follows /api/<okmsId>",
		"?planted":             "endpoint: drop what follows /api/<okmsId>",
		"#planted":             "endpoint: drop what follows /api/<okmsId>",
		"/":                    "",
		"":                     "",
	} {
		for _, fields := range []map[string]string{{FieldEndpoint: head + behind}, {FieldEndpoint: head + behind, FieldOKMSID: testID}} {
			if _, text := placeOf(fields); text != want {
				t.Errorf("%s: got %q, want %q", behind, text, want)
			}
		}
	}
	const form = "; write https://<host>, or https://<host>/api/<okmsId>"
	for endpoint, want := range map[string]string{
		"https://eu-west-par.okms.ovh.net/v1/secret":                              "endpoint: drop /v1/secret at its end" + form,
		"https://eu-west-par.okms.ovh.net/swagger/":                               "endpoint: drop /swagger at its end" + form,
		"https://eu-west-par.okms.ovh.net/planted":                                "endpoint: drop what follows the host" + form,
		"https://eu-west-par.okms.ovh.net?planted":                                "endpoint: drop what follows the host" + form,
		"https://eu-west-par.okms.ovh.net/api/x/v1/secret":                        "endpoint: what follows /api/ is not a UUID; write https://<host>/api/<okmsId>",
		"https://u:planted@eu-west-par.okms.ovh.net/api/" + testID + "/v1/secret": "endpoint: drop /v1/secret at its end",
		"https://u:planted@eu-west-par.okms.ovh.net/v1/secret":                    "endpoint: holds a user name or password; drop it" + form,
		"eu-west-par.okms.ovh.net":                                                "endpoint: does not begin with https://" + form,
		"https://v1":                                                              "",
	} {
		if _, text := placeOf(map[string]string{FieldEndpoint: endpoint, FieldOKMSID: testID}); text != want {
			t.Errorf("%s: got %q, want %q", endpoint, text, want)
		}
	}
}
