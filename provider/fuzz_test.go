package provider

import (
	"context"
	"path"
	"runtime/metrics"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
)

// FuzzPlan holds what "if a plan exists it is correct" means: every file is one
// that the driver accepts, no two are the same or in one another's way, every
// read is one that OKMS's rules allow, and the credential's way is OVHcloud's.
func FuzzPlan(f *testing.F) {
	f.Add("eu-west-par", "", "- secretPath: a\n  objectName: b/c\n- secretPath: d\n  allKeys: true\n")
	f.Add("", "https://eu-west-par.okms.ovh.net/api/"+testDomain, "- {secretPath: a, secretKey: x/y, filePermission: '0400'}")
	f.Add("", "https://eu-west-par.okms.ovh.net.evil.example", "- &a {secretPath: x}\n- *a\n")
	f.Add("x", "", "- secretPath: a/../b\n  objectName: ../x\n")
	f.Add("us-east-vin", "", "\t- ]")
	f.Fuzz(func(t *testing.T, region, endpoint, objects string) {
		r := request(with("objects", objects), without("region"))
		for name, value := range map[string]string{"region": region, "endpoint": endpoint} {
			if value != "" {
				r.Attributes[name] = value
			}
		}
		before := allocated()
		p, failures := makePlan(r, place.Endpoints{}, nil, time.Now())
		if took, most := allocated()-before, parsingTakes(objects)*3+fixedAlloc; took > most {
			t.Errorf("%d bytes of objects took %d bytes, more than %d", len(objects), took, most)
		}
		if len(failures) > 0 {
			text := (&failure.Error{Class: r.Class(), Failures: failures}).Error()
			if !utf8.ValidString(text) || len(text) > 2*failure.MaxText || strings.Contains(text, "planted") {
				t.Fatalf("message of %d bytes: %.200q", len(text), text)
			}
			return
		}
		if !strings.HasSuffix(p.domain.Endpoint, ".okms.ovh.net") && !strings.HasSuffix(p.domain.Endpoint, ".okms.ovh.us") {
			t.Errorf("the credential goes to %q", p.domain.Endpoint)
		}
		for _, ref := range p.reads {
			if checkSecretPath(ref.Path) != nil || path.Clean("/"+ref.Path) != "/"+ref.Path || ref.Version < 0 || ref.Version > okms.MaxVersion {
				t.Errorf("read %+v", ref)
			}
		}
		checkFiles(t, p)
	})
}

// fixedAlloc is what a plan may allocate whatever its input is: the texts of failures.
const fixedAlloc = 4 << 20

// allocated is how many bytes the program has allocated so far.
func allocated() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

func checkFiles(t *testing.T, p plan) {
	seen := map[string]bool{}
	for _, o := range p.objects {
		if o.mode > 0o777 {
			t.Errorf("mode %o", o.mode)
		}
		if o.allKeys {
			continue
		}
		name := o.file()
		if name == "" || name[0] == '/' || strings.HasPrefix(name, "..") || path.Clean(name) != name || strings.Contains("/"+name+"/", "/../") {
			t.Errorf("file %q", name)
		}
		if seen[name] {
			t.Errorf("file %q twice", name)
		}
		seen[name] = true
	}
	for name := range seen {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if seen[dir] {
				t.Errorf("%q is a file and the folder of %q", dir, name)
			}
		}
	}
}

// FuzzRender holds that whatever a secret's JSON is, a mount makes all its files
// or none, and no message of a failure holds any of the values.
func FuzzRender(f *testing.F) {
	f.Add(`{"b":1.0,"a":12345678901234567890,"h":"<&>"}`, "a")
	f.Add(`{"a":{"b":["x","\ud83d\ude00"]}}`, "a.b.1")
	f.Add(`{"a":"\ud83d"}`, "#(a==1)#|@this")
	f.Add(`{"a":[1,2]}`, "[a,a]|[@this,@this]|[@this,@this]|[@this,@this]|[@this,@this]")
	f.Add("{\"\xff\":\"\xff\"}", "*")
	f.Fuzz(func(t *testing.T, data, key string) {
		p := planned(t, request(objects("- secretPath: s", "  objectName: whole", "- secretPath: s", "  allKeys: true", "  objectName: d")))
		if key != "" {
			one := object{number: 2, secretPath: "s", objectName: "one", secretKey: key, encoding: utf8Text}
			p.objects = append(p.objects, one)
		}
		resp, _, failures := render(context.Background(), p, secrets{"s": data}.fetch(p))
		if len(failures) > 0 {
			if len(resp.Files)+len(resp.Versions) > 0 {
				t.Error("a failed mount delivers something")
			}
			return
		}
		if string(resp.Files[0].Contents.Reveal()) != data {
			t.Error("the whole secret is not what the store holds")
		}
		if len(resp.Versions) != len(resp.Files) {
			t.Errorf("%d versions for %d files", len(resp.Versions), len(resp.Files))
		}
		for _, file := range resp.Files {
			if file.Contents.Len() > len(data)+32 {
				t.Errorf("%d bytes of JSON became a file of %d", len(data), file.Contents.Len())
			}
			if checkFileName(file.Path) != nil {
				t.Errorf("file %q", file.Path)
			}
		}
	})
}
