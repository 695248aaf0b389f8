// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"crypto/x509"
	"encoding/pem"
	"strconv"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

func TestMetricsHaveTheExpiryOfACertificate(t *testing.T) {
	t.Parallel()
	d, ids := harness.StartWithConnections(t)
	cert, key, err := d.Store.IssueCertificate(emulator.Identity{})
	if err != nil {
		t.Fatal(err)
	}
	before := ids.Reloads()
	ids.Credential(t, "team", map[string]string{"tls.crt": string(cert), "tls.key": string(key)})
	ids.Await(t, before, func(r connections.Reload) bool { return r.Connection == "team" && r.Err == nil })
	block, _ := pem.Decode(cert)
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	d.WantLines(t, `ovhcloud_csi_config_reloads_total{result="ok"} 1`,
		`ovhcloud_csi_config_reloads_total{result="broken"} 0`,
		`ovhcloud_csi_credential_expiry_timestamp_seconds{connection="team"} `+
			strconv.FormatFloat(float64(parsed.NotAfter.Unix()), 'g', -1, 64))
	if strings.Contains(harness.Page(t, d.Admin+"/metrics"), `expiry_timestamp_seconds{connection="other"}`) {
		t.Error("a token without an expiry has one")
	}
}

func TestAnInvalidCredentialIsReportedAndTheLastValidOneKept(t *testing.T) {
	t.Parallel()
	d, ids := harness.StartWithConnections(t)
	before := ids.Reloads()
	ids.Credential(t, "team", map[string]string{"token": harness.HeldToken + "\nsecond line"})
	r := ids.Await(t, before, func(r connections.Reload) bool { return r.Connection == "team" && r.Err != nil })
	if !strings.Contains(r.Credential, "token ") || strings.Contains(r.Err.Error(), harness.HeldToken) {
		t.Errorf("reported as %+v", r)
	}
	if _, err := d.Do(t.Context(), harness.OverConnection("team", "- secretPath: prod/shop/db", nil)); err != nil {
		t.Errorf("the last good credential is not in use: %v", err)
	}
	page := harness.Page(t, d.Admin+"/readyz")
	if want := `503 connection "team": ` + ids.Root + "/team: token has white space"; !strings.HasPrefix(page, want) {
		t.Errorf("/readyz: %s, want %s", page, want)
	}
	d.WantLines(t, `ovhcloud_csi_credential_reloads_total{connection="team",result="broken"} 1`,
		`ovhcloud_csi_credential_reloads_total{connection="team",result="ok"} 1`,
		`ovhcloud_csi_credential_current{connection="team"} 0`, `ovhcloud_csi_credential_usable{connection="team"} 1`,
		`ovhcloud_csi_credential_current{connection="other"} 1`, "ovhcloud_csi_config_current 1")
	before = ids.Reloads()
	ids.Credential(t, "team", map[string]string{"token": harness.HeldToken})
	ids.Await(t, before, func(r connections.Reload) bool { return r.Connection == "team" && r.Err == nil })
	if page := harness.Page(t, d.Admin+"/readyz"); page != "200 ok\n" {
		t.Errorf("/readyz after the repair: %s", page)
	}
}
