// SPDX-License-Identifier: Apache-2.0

package render

import (
	"context"
	"testing"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/encoding"
	"ovhcloud-csi-provider/provider/plan/plantest"
	"ovhcloud-csi-provider/provider/volume"
)

// FuzzRender holds that whatever a secret's JSON is, a mount makes all its files
// or none, and no message of a failure holds any of the values.
func FuzzRender(f *testing.F) {
	f.Add(`{"b":1.0,"a":12345678901234567890,"h":"<&>"}`, "a")
	f.Add(`{"a":{"b":["x","\ud83d\ude00"]}}`, "a.b.1")
	f.Add(`{"a":"\ud83d"}`, "#(a==1)#|@this")
	f.Add(`{"a":[1,2]}`, "[a,a]|[@this,@this]|[@this,@this]|[@this,@this]|[@this,@this]")
	f.Add("{\"\xff\":\"\xff\"}", "*")
	f.Fuzz(func(t *testing.T, data, key string) {
		p := plantest.Planned(t,
			plantest.Request(plantest.Objects("- secretPath: s", "  objectName: whole", "- secretPath: s", "  allKeys: true",
				"  objectName: d")))
		if key != "" {
			one := class.Object{Number: 2, SecretPath: "s", ObjectName: "one", SecretKey: key, Encoding: encoding.UTF8}
			p.Objects = append(p.Objects, one)
		}
		resp, _, failures := Make(context.Background(), p, secrets{"s": data}.fetch(p))
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
			if volume.CheckName(file.Path) != nil {
				t.Errorf("file %q", file.Path)
			}
		}
	})
}
