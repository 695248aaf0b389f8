// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"path"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/plan/plantest"
)

// FuzzPlan: a plan without failures is correct. The driver accepts every file name, no two files are
// the same or a file and its folder, OKMS accepts every read, and the credential is sent to
// OVHcloud's hosts only. Planning needs bounded memory.
func FuzzPlan(f *testing.F) {
	f.Add("eu-west-par", "", "- secretPath: a\n  objectName: b/c\n- secretPath: d\n  allKeys: true\n")
	f.Add("", "https://eu-west-par.okms.ovh.net/api/"+plantest.TestDomain,
		"- {secretPath: a, secretKey: x/y, filePermission: '0400'}")
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
			t.Errorf("planning %d bytes of objects allocated %d bytes, want at most %d", len(objects), took, most)
		}
		if len(failures) > 0 {
			text := (&failure.Error{Class: r.Class(), Failures: failures}).Error()
			if !utf8.ValidString(text) || len(text) > 2*failure.MaxText || strings.Contains(text, "planted") {
				t.Fatalf("message of %d bytes: %.200q", len(text), text)
			}
			return
		}
		if !strings.HasSuffix(p.Domain.Endpoint, ".okms.ovh.net") && !strings.HasSuffix(p.Domain.Endpoint, ".okms.ovh.us") {
			t.Errorf("the credential is sent to %q", p.Domain.Endpoint)
		}
		for _, ref := range p.Reads {
			validPath := class.CheckSecretPath(ref.Ref.Path) == nil && path.Clean("/"+ref.Ref.Path) == "/"+ref.Ref.Path
			if !validPath || ref.Ref.Version < 0 || ref.Ref.Version > okms.MaxVersion {
				t.Errorf("OKMS refuses the read %+v", ref)
			}
		}
		checkFiles(t, p)
	})
}
