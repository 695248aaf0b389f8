package plan_test

import (
	"path"
	"runtime/metrics"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/plan/plantest"
)

// FuzzPlan holds what "if a plan exists it is correct" means: every file is one
// that the driver accepts, no two are the same or in one another's way, every
// read is one that OKMS's rules allow, and the credential's way is OVHcloud's.
func FuzzPlan(f *testing.F) {
	f.Add("eu-west-par", "", "- secretPath: a\n  objectName: b/c\n- secretPath: d\n  allKeys: true\n")
	f.Add("", "https://eu-west-par.okms.ovh.net/api/"+plantest.TestDomain, "- {secretPath: a, secretKey: x/y, filePermission: '0400'}")
	f.Add("", "https://eu-west-par.okms.ovh.net.evil.example", "- &a {secretPath: x}\n- *a\n")
	f.Add("x", "", "- secretPath: a/../b\n  objectName: ../x\n")
	f.Add("us-east-vin", "", "\t- ]")
	f.Fuzz(func(t *testing.T, region, endpoint, objects string) {
		r := plantest.Request(plantest.With("objects", objects), plantest.Without("region"))
		for name, value := range map[string]string{"region": region, "endpoint": endpoint} {
			if value != "" {
				r.Attributes[name] = value
			}
		}
		before := allocated()
		p, failures := plantest.Of(r, nil, time.Now())
		if took, most := allocated()-before, class.ParsingTakes(objects)*3+fixedAlloc; took > most {
			t.Errorf("%d bytes of objects took %d bytes, more than %d", len(objects), took, most)
		}
		if len(failures) > 0 {
			text := (&failure.Error{Class: r.Class(), Failures: failures}).Error()
			if !utf8.ValidString(text) || len(text) > 2*failure.MaxText || strings.Contains(text, "planted") {
				t.Fatalf("message of %d bytes: %.200q", len(text), text)
			}
			return
		}
		if !strings.HasSuffix(p.Domain.Endpoint, ".okms.ovh.net") && !strings.HasSuffix(p.Domain.Endpoint, ".okms.ovh.us") {
			t.Errorf("the credential goes to %q", p.Domain.Endpoint)
		}
		for _, ref := range p.Reads {
			if class.CheckSecretPath(ref.Path) != nil || path.Clean("/"+ref.Path) != "/"+ref.Path || ref.Version < 0 || ref.Version > okms.MaxVersion {
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

func checkFiles(t *testing.T, p plan.Plan) {
	seen := map[string]bool{}
	for _, o := range p.Objects {
		if o.Mode > 0o777 {
			t.Errorf("mode %o", o.Mode)
		}
		if o.AllKeys {
			continue
		}
		name := o.File()
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
