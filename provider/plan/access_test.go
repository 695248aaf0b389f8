// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/plan/plantest"
)

// FuzzConnection: a pod overrides two attributes that are not kubelet's. For any values, the
// connection's credential is sent only to the connection's domain and reads only allowed paths.
func FuzzConnection(f *testing.F) {
	for _, seed := range [][4]string{
		{"connection", "team", "objects", "- secretPath: prod/shop/db"},
		{"connection", " team\n", "objects", "- secretPath: prod/shop/../pay/db"},
		{"endpoint", "https://evil.example", "objects", "- secretPath: prod/pay/db"},
		{"region", "eu-west-par", "okmsId", plantest.TestDomain},
		{"caBundle", "x", "connection", ""},
		{"connection", "team", "objects", "- secretPath: prod%2Fshop\n- secretPath: prod/shop/a\n  allKeys: true"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], false)
		f.Add(seed[0], seed[1], seed[2], seed[3], true)
	}
	connections := heldConnections(f)
	held, err := connections.Find("team").Credential()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string, brings bool) {
		r := plantest.Request(plantest.Without("region"), plantest.Without("okmsId"), plantest.With("connection", "team"))
		for name, value := range map[string]string{name1: value1, name2: value2} {
			if !strings.HasPrefix(name, class.AttributePrefix) {
				r.Attributes[name] = value
			}
		}
		if !brings {
			r.Credentials = nil
		}
		pl, failures := plantest.Of(r, connections, time.Now())
		if len(failures) > 0 {
			return
		}
		if pl.Credential.ID() != held.ID() {
			if !brings || pl.Connection != "" {
				t.Fatalf("the plan uses %s, which the mount did not bring", pl.Credential)
			}
			return
		}
		want := place.Domain{Endpoint: "https://okms.held.example", ID: plantest.TestDomain}
		if brings || pl.Domain != want {
			t.Fatalf("the connection's credential is sent to %+v, want %+v", pl.Domain, want)
		}
		for _, ref := range pl.Reads {
			below := strings.HasPrefix(ref.Ref.Path, "prod/shop/")
			if !below || strings.Contains(ref.Ref.Path, "/../") || strings.Contains(ref.Ref.Path, "%") {
				t.Fatalf("the connection's credential reads %q", ref.Ref.Path)
			}
		}
	})
}

// TestAConnectionAndItsFieldsAreOneError: a connection is added to a class with an own domain or
// credential. That is one mistake, so it is one error.
func TestAConnectionAndItsFieldsAreOneError(t *testing.T) {
	for name, c := range map[string]struct {
		change changes
		want   string
	}{
		"a region":          {changes{plantest.Credentials(nil), plantest.Without("okmsId")}, "region"},
		"region and okmsId": {changes{plantest.Credentials(nil)}, "region and okmsId"},
		"all fields": {changes{plantest.With("endpoint", "https://x.example"), plantest.With("caBundle", "no PEM")},
			"region, endpoint, okmsId, caBundle and nodePublishSecretRef"},
		"a credential": {changes{plantest.Without("region"), plantest.Without("okmsId")},
			"nodePublishSecretRef"},
		"an invalid region": {
			changes{plantest.With("region", "GRA11"), plantest.Without("okmsId"), plantest.Credentials(nil)},
			"region"},
	} {
		kind, got := plantest.Refused(t, plantest.Request(append(c.change, plantest.With("connection", "team"))...))
		want := "parameters.connection: cannot be combined with " + c.want +
			": a connection has its own; drop connection, or drop " + c.want
		if got != want || kind != failure.Invalid {
			t.Errorf("%s: got  %s\nwant %s", name, got, want)
		}
	}
}
