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
		"https://auth.eu.ovhcloud.com.evil.example/oauth2/token": false, "https://auth.eu.ovhcloud.com:8443/oauth2/token": false,
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
		"https://eu-west-par.okms.ovh.net": "https://auth.eu.ovhcloud.com/oauth2/token", "https://ca-east-bhs.okms.ovh.net": "https://auth.ca.ovhcloud.com/oauth2/token", "https://us-east-vin.okms.ovh.us": "",
	} {
		c, _ := Parse(material(KeyClientID, "EU.id", KeyClientSecret, "planted-secret"), "x", now)
		if at, err := c.At(endpoint); err != nil || at.Client().Successor() != want {
			t.Errorf("%s: %s, %v", endpoint, at.Client().Successor(), err)
		}
	}
}
