// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/sensitive"
)

// client is a service account of a region, with the token endpoint by default.
func client(t *testing.T, secret, endpoint string) credential.Credential {
	t.Helper()
	c, err := credential.Parse(credential.Material{credential.KeyClientID: sensitive.New([]byte("EU.id")),
		credential.KeyClientSecret: sensitive.New([]byte(secret))}, "x", time.Now())
	if err == nil {
		c, err = c.At(endpoint)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestATokenEndpointThatIsGoneSaysWhatToSet(t *testing.T) {
	const moved = "; if this persists, OVHcloud may have moved it: set tokenUrl to "
	for _, c := range []struct {
		endpoint string
		status   int
		want     string
	}{
		{"https://eu-west-par.okms.ovh.net", 404, moved + "https://auth.eu.ovhcloud.com/oauth2/token"},
		{"https://eu-west-par.okms.ovh.net", 308, moved + "https://auth.eu.ovhcloud.com/oauth2/token"},
		{"https://ca-east-bhs.okms.ovh.net", 410, moved + "https://auth.ca.ovhcloud.com/oauth2/token"},
		{"https://ca-east-bhs.okms.ovh.net", 0, moved + "https://auth.ca.ovhcloud.com/oauth2/token"},
		{"https://us-east-vin.okms.ovh.us", 404, ""},
		{"https://eu-west-par.okms.ovh.net", 503, ""},
		{"https://eu-west-par.okms.ovh.net", 429, ""},
	} {
		from := plan.Origin{Credential: client(t, "planted-secret", c.endpoint)}
		if _, advice := explainToken(from, &okms.Error{Kind: failure.TokenFailing, Status: c.status},
			failure.TriesAgain); advice != failure.TriesAgain+c.want+"; OKMS was not asked" {
			t.Errorf("%s, HTTP %d: %s", c.endpoint, c.status, advice)
		}
	}
}

func TestARefusedClientSecretThatLooksWrongIsExplained(t *testing.T) {
	from := plan.Origin{Credential: client(t, "cGxhbnRlZC1jbGllbnQtc2VjcmV0", "https://eu-west-par.okms.ovh.net")}
	const want = "clientSecret looks base64-encoded twice: store it as it is, since kubectl create secret and " +
		"stringData encode it for you; " +
		"OKMS was not asked"
	if _, advice := explainToken(from, &okms.Error{Kind: failure.ClientRefused, Status: 401},
		failure.TriesAgain); advice != want {
		t.Error(advice)
	}
}

// A secret that exists is at the right path, whatever the path looks like.
func TestNoPathIsSuggestedForASecretThatExists(t *testing.T) {
	for _, kind := range []failure.Kind{failure.VersionAbsent, failure.Deactivated, failure.Deleted} {
		f := Read(plan.Origin{}, class.Object{SecretPath: "secret/data/x"}, &okms.Error{Kind: kind}, "again")
		if strings.Contains(f.Text(), "drop secret/data/") {
			t.Errorf("%s: %s", kind, f.Text())
		}
	}
}
