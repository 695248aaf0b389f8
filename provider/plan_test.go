package provider

import (
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/sensitive"
)

const testDomain = "734b9b45-8b1a-469c-b140-b10bd6540017"

// request is a valid one, as the driver makes it, changed by the given functions.
func request(change ...func(*Request)) Request {
	r := Request{
		Attributes: map[string]string{
			"region":  "eu-west-par",
			"okmsId":  testDomain,
			"objects": "- secretPath: prod/shop/db\n",

			"secretProviderClass":                      "shop",
			"csi.storage.k8s.io/pod.name":              "web-0",
			"csi.storage.k8s.io/pod.namespace":         "store",
			"csi.storage.k8s.io/pod.uid":               "11111111-2222-3333-4444-555555555555",
			"csi.storage.k8s.io/serviceAccount.name":   "web",
			"csi.storage.k8s.io/ephemeral":             "true",
			"csi.storage.k8s.io/something.new.in.2027": "x",
		},
		Credentials: credential.Material{"token": sensitive.New([]byte("eyJ.planted.token"))},
	}
	for _, f := range change {
		f(&r)
	}
	return r
}

func with(name, value string) func(*Request) {
	return func(r *Request) { r.Attributes[name] = value }
}

func without(name string) func(*Request) {
	return func(r *Request) { delete(r.Attributes, name) }
}

func objects(lines ...string) func(*Request) {
	return with("objects", strings.Join(lines, "\n")+"\n")
}

func credentials(data map[string]string) func(*Request) {
	return func(r *Request) {
		r.Credentials = nil
		for key, value := range data {
			if r.Credentials == nil {
				r.Credentials = credential.Material{}
			}
			r.Credentials[key] = sensitive.New([]byte(value))
		}
	}
}

func planned(t *testing.T, r Request) plan {
	t.Helper()
	p, failures := makePlan(r, place.Endpoints{}, nil, time.Now())
	if len(failures) > 0 {
		t.Fatalf("a valid request was refused: %v", (&failure.Error{Class: r.Class(), Failures: failures}).Error())
	}
	return p
}

func TestPlanOfTheContractsExample(t *testing.T) {
	p := planned(t, request(objects(
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
	want := []okms.Ref{{Path: "prod/va1/dockerconfigjson"}, {Path: "prod/shop/db"}, {Path: "prod/shop/tls"}, {Path: "prod/shop/flags", Version: 3}}
	if !reflect.DeepEqual(p.reads, want) {
		t.Errorf("reads = %v, want %v: one for each secret and version", p.reads, want)
	}
	var files []string
	var modes []fs.FileMode
	for _, o := range p.objects {
		files, modes = append(files, o.file()), append(modes, o.mode)
	}
	if want := []string{".dockerconfigjson", "db/password", "tls", "flags", "tls.crt"}; !reflect.DeepEqual(files, want) {
		t.Errorf("files = %q, want %q", files, want)
	}
	if want := []fs.FileMode{0o644, 0o440, 0o644, 0o644, 0o644}; !reflect.DeepEqual(modes, want) {
		t.Errorf("modes = %o, want %o", modes, want)
	}
	if !p.objects[3].optional || !p.objects[2].allKeys || p.objects[4].encoding != base64Std {
		t.Errorf("fields were lost: %+v", p.objects)
	}
}

func TestWhereTheDomainIs(t *testing.T) {
	cases := []struct {
		name   string
		change []func(*Request)
		want   place.Domain
	}{
		{"region", nil, place.Domain{Endpoint: "https://eu-west-par.okms.ovh.net", ID: testDomain}},
		{"region of the United States", []func(*Request){with("region", "us-east-vin")}, place.Domain{Endpoint: "https://us-east-vin.okms.ovh.us", ID: testDomain}},
		{"region in capitals with space", []func(*Request){with("region", " EU-West-PAR ")}, place.Domain{Endpoint: "https://eu-west-par.okms.ovh.net", ID: testDomain}},
		{"okmsId in capitals", []func(*Request){with("okmsId", strings.ToUpper(testDomain))}, place.Domain{Endpoint: "https://eu-west-par.okms.ovh.net", ID: testDomain}},
		{"endpoint", []func(*Request){without("region"), with("endpoint", "https://EU-west-par.okms.ovh.net:443/")}, place.Domain{Endpoint: "https://eu-west-par.okms.ovh.net", ID: testDomain}},
		{"endpoint as the guides print it", []func(*Request){without("region"), without("okmsId"), with("endpoint", "https://eu-west-par.okms.ovh.net/api/"+testDomain)},
			place.Domain{Endpoint: "https://eu-west-par.okms.ovh.net", ID: testDomain}},
		{"endpoint and okmsId that agree", []func(*Request){without("region"), with("endpoint", "https://eu-west-par.okms.ovh.net/api/"+strings.ToUpper(testDomain)+"/")},
			place.Domain{Endpoint: "https://eu-west-par.okms.ovh.net", ID: testDomain}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := planned(t, request(c.change...)).domain; got != c.want {
				t.Errorf("domain = %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestSpellingsThatMeanTheSame(t *testing.T) {
	for _, mode := range []string{"0440", "440", `"0440"`, "'440'", "0o440", `"00440"`} {
		if p := planned(t, request(objects("- secretPath: a", "  filePermission: "+mode))); p.objects[0].mode != 0o440 {
			t.Errorf("filePermission: %s is %o", mode, p.objects[0].mode)
		}
	}
	for text, want := range map[string]int{"3": 3, `"3"`: 3, "latest": 0, "24000": 24000} {
		if p := planned(t, request(objects("- secretPath: a", "  objectVersion: "+text))); p.objects[0].version != want {
			t.Errorf("objectVersion: %s is %d", text, p.objects[0].version)
		}
	}
	for text, want := range map[string]bool{"true": true, `"true"`: true, "false": false} {
		if p := planned(t, request(objects("- secretPath: a", "  optional: "+text))); p.objects[0].optional != want {
			t.Errorf("optional: %s is %v", text, p.objects[0].optional)
		}
	}
	// A key is taken as it is written, whatever YAML would make of it.
	for _, key := range []string{"2024", "1.0", "yes", "0x10", "2026-01-02", "1e3"} {
		if p := planned(t, request(objects("- secretPath: a", "  secretKey: "+key))); p.objects[0].secretKey != key || p.objects[0].file() != key {
			t.Errorf("secretKey: %s is %q, file %q", key, p.objects[0].secretKey, p.objects[0].file())
		}
	}
}

func TestModeOfTheDriverIsTheDefault(t *testing.T) {
	p := planned(t, request(func(r *Request) { r.Mode = 0o600 }, objects("- secretPath: a", "- secretPath: b", "  filePermission: 0400")))
	if p.objects[0].mode != 0o600 || p.objects[1].mode != 0o400 {
		t.Errorf("modes = %o, %o", p.objects[0].mode, p.objects[1].mode)
	}
}

func TestFoldersMayBeShared(t *testing.T) {
	planned(t, request(objects(
		"- secretPath: a", "  allKeys: true", "  objectName: x",
		"- secretPath: b", "  allKeys: true", "  objectName: x",
		"- secretPath: c", "  objectName: x/extra",
		"- secretPath: d", "  allKeys: true", "  objectName: x/y",
		"- secretPath: e", "  allKeys: true",
		"- secretPath: f", "  allKeys: true",
	)))
}
