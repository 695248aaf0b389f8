// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/encoding"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/plan/plantest"
)

func TestPlanOfTheExampleInTheContract(t *testing.T) {
	p := plantest.Planned(t, plantest.Request(plantest.Objects(
		"- secretPath: prod/va1/dockerconfigjson",
		"  objectName: .dockerconfigjson",
		"- secretPath: prod/shop/db",
		"  secretKey: password",
		"  objectName: db/password",
		"  filePermission: 0440",
		"- secretPath: prod/shop/tls",
		"  allKeys: true",
		"  objectName: tls",
		"- secretPath: prod/shop/flags",
		"  objectVersion: 3",
		"  optional: true",
		"- secretPath: prod/shop/db",
		"  secretKey: tls.crt",
		"  encoding: base64",
	)))
	var want []plan.Read
	for _, ref := range []okms.Ref{
		{Path: "prod/va1/dockerconfigjson"}, {Path: "prod/shop/db"}, {Path: "prod/shop/tls"},
		{Path: "prod/shop/flags", Version: 3},
	} {
		want = append(want, plan.Read{Ref: ref})
	}
	if !reflect.DeepEqual(p.Reads, want) {
		t.Errorf("reads = %v, want %v: one for each secret and version", p.Reads, want)
	}
	var files []string
	var modes []fs.FileMode
	for _, o := range p.Objects {
		files, modes = append(files, o.File()), append(modes, o.Mode)
	}
	if want := []string{".dockerconfigjson", "db/password", "tls", "flags", "tls.crt"}; !reflect.DeepEqual(files, want) {
		t.Errorf("files = %q, want %q", files, want)
	}
	if want := []fs.FileMode{0o644, 0o440, 0o644, 0o644, 0o644}; !reflect.DeepEqual(modes, want) {
		t.Errorf("modes = %o, want %o", modes, want)
	}
	if !p.Objects[3].Optional || !p.Objects[2].AllKeys || p.Objects[4].Encoding != encoding.Base64 {
		t.Errorf("optional, allKeys or encoding is missing: %+v", p.Objects)
	}
}

func TestWhereTheDomainIs(t *testing.T) {
	cases := []struct {
		name   string
		change changes
		want   place.Domain
	}{
		{"region", nil, place.Domain{Endpoint: "https://eu-west-par.okms.ovh.net", ID: plantest.TestDomain}},
		{"region of the United States", changes{plantest.With("region", "us-east-vin")},
			place.Domain{Endpoint: "https://us-east-vin.okms.ovh.us", ID: plantest.TestDomain}},
		{"region in capitals with space", changes{plantest.With("region", " EU-West-PAR ")},
			place.Domain{Endpoint: "https://eu-west-par.okms.ovh.net", ID: plantest.TestDomain}},
		{"okmsId in capitals", changes{plantest.With("okmsId", strings.ToUpper(plantest.TestDomain))},
			place.Domain{Endpoint: "https://eu-west-par.okms.ovh.net", ID: plantest.TestDomain}},
		{"endpoint",
			changes{endpoint("https://EU-west-par.okms.ovh.net:443/")},
			place.Domain{Endpoint: "https://eu-west-par.okms.ovh.net", ID: plantest.TestDomain}},
		{"endpoint as the guides print it",
			changes{endpoint("https://eu-west-par.okms.ovh.net/api/" + plantest.TestDomain), plantest.Without("okmsId")},
			place.Domain{Endpoint: "https://eu-west-par.okms.ovh.net", ID: plantest.TestDomain}},
		{"endpoint and okmsId that agree",
			changes{endpoint("https://eu-west-par.okms.ovh.net/api/" + strings.ToUpper(plantest.TestDomain) + "/")},
			place.Domain{Endpoint: "https://eu-west-par.okms.ovh.net", ID: plantest.TestDomain}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := plantest.Planned(t, plantest.Request(c.change...)).Domain; got != c.want {
				t.Errorf("domain = %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestSpellingsThatMeanTheSame(t *testing.T) {
	for _, mode := range []string{"0440", "440", `"0440"`, "'440'", "0o440", `"00440"`} {
		if o := planned(t, "- secretPath: a", "  filePermission: "+mode).Objects[0]; o.Mode != 0o440 {
			t.Errorf("filePermission: %s is %o, want 440", mode, o.Mode)
		}
	}
	for text, want := range map[string]int{"3": 3, `"3"`: 3, "latest": 0, "24000": 24000} {
		if o := planned(t, "- secretPath: a", "  objectVersion: "+text).Objects[0]; o.Version != want {
			t.Errorf("objectVersion: %s is %d, want %d", text, o.Version, want)
		}
	}
	for text, want := range map[string]bool{"true": true, `"true"`: true, "false": false} {
		if o := planned(t, "- secretPath: a", "  optional: "+text).Objects[0]; o.Optional != want {
			t.Errorf("optional: %s is %v, want %v", text, o.Optional, want)
		}
	}
	// A key is read as text, whatever its type is in YAML.
	for _, key := range []string{"2024", "1.0", "yes", "0x10", "2026-01-02", "1e3"} {
		if o := planned(t, "- secretPath: a", "  secretKey: "+key).Objects[0]; o.SecretKey != key || o.File() != key {
			t.Errorf("secretKey: %s is %q, file %q", key, o.SecretKey, o.File())
		}
	}
}

func TestModeOfTheDriverIsTheDefault(t *testing.T) {
	p := plantest.Planned(t, plantest.Request(func(r *plan.Request) { r.Mode = 0o600 },
		plantest.Objects("- secretPath: a", "- secretPath: b", "  filePermission: 0400")))
	if p.Objects[0].Mode != 0o600 || p.Objects[1].Mode != 0o400 {
		t.Errorf("modes = %o, %o", p.Objects[0].Mode, p.Objects[1].Mode)
	}
}

func TestFoldersMayBeShared(t *testing.T) {
	plantest.Planned(t, plantest.Request(plantest.Objects(
		"- secretPath: a", "  allKeys: true", "  objectName: x",
		"- secretPath: b", "  allKeys: true", "  objectName: x",
		"- secretPath: c", "  objectName: x/extra",
		"- secretPath: d", "  allKeys: true", "  objectName: x/y",
		"- secretPath: e", "  allKeys: true",
		"- secretPath: f", "  allKeys: true",
	)))
}

func TestAClassWithoutANameIsNamedByItsNamespace(t *testing.T) {
	const want = `SecretProviderClass in namespace "store": ` +
		"parameters.okmsId: is missing; it is the UUID of the OKMS domain"
	r := plantest.Request(plantest.Without("okmsId"), plantest.Without(class.AttributeClass))
	_, failures := plantest.Of(r, nil, time.Now())
	if got := (&failure.Error{Class: r.Class(), Failures: failures}).Error(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
