// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/plan/plantest"
	"ovhcloud-csi-provider/test/pki"
)

// ofContent has two objects for each field that can change the content of a file, apart from
// what is read: they differ in this field only, and so do the files.
var ofContent = map[string][2]string{
	"secretKey": {"{secretPath: s, objectName: f, secretKey: a}", "{secretPath: s, objectName: f, secretKey: b}"},
	"keys": {"{secretPath: s, objectName: f, format: json, keys: [a]}",
		"{secretPath: s, objectName: f, format: json, keys: [b]}"},
	"format": {"{secretPath: s, objectName: f, keys: [a], format: json}",
		"{secretPath: s, objectName: f, keys: [a], format: yaml}"},
	"encoding": {"{secretPath: s, objectName: f, secretKey: a}",
		"{secretPath: s, objectName: f, secretKey: a, encoding: hex}"},
	"template": {"{secrets: {s: s}, objectName: f, template: 'x{{ .s.a }}'}",
		"{secrets: {s: s}, objectName: f, template: 'y{{ .s.a }}'}"},
	"certificate": {"{secretPath: s, objectName: f, secretKey: p, certificate: {part: leaf}}",
		"{secretPath: s, objectName: f, secretKey: p, certificate: {part: key}}"},
}

// ofNoContent are the fields that say what is read, where the file is, and how and when it is
// written. Their part in the version is that of the secret, if they have one.
const ofNoContent = "secretPath find secrets objectName allKeys objectVersion objectVersionHistory " +
	"filePermission optional refreshInterval connection"

// Whoever adds a field must say whether it changes the content. If it does, the version must
// change with it: programs that restart on a change look at versions only.
func TestEachFieldOfTheContentChangesTheVersion(t *testing.T) {
	certificate, key := pki.Pair(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	data, err := json.Marshal(map[string]string{"a": "00", "b": "01", "p": certificate + key})
	if err != nil {
		t.Fatal(err)
	}
	made := func(object string) (content, version string) {
		t.Helper()
		p := plantest.Planned(t, plantest.Request(plantest.Objects("- "+object)))
		resp, _, failures := Make(t.Context(), p, secrets{"s": string(data)}.fetch(p))
		if len(failures) > 0 {
			t.Fatal(&failure.Error{Failures: failures})
		}
		return string(resp.Files[0].Contents.Reveal()), resp.Versions[0].Version
	}
	for _, f := range class.Fields() {
		objects, changes := ofContent[f.Name]
		if !changes {
			if !strings.Contains(" "+ofNoContent+" ", " "+f.Name+" ") {
				t.Errorf("add the field %s to ofContent or ofNoContent", f.Name)
			}
			continue
		}
		content, version := made(objects[0])
		otherContent, otherVersion := made(objects[1])
		if content == otherContent || version == otherVersion {
			t.Errorf("%s: the content changes: %v; the version is %s and %s", f.Name, content != otherContent, version,
				otherVersion)
		}
	}
}
