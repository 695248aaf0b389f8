// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const classText = `apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: shop, namespace: shop}
spec:
  provider: ovhcloud
  parameters:
    region: eu-west-par
    okmsId: 734b9b45-8b1a-469c-b140-b10bd6540017
    objects: |
      - secretPath: prod/shop/db
        secretKey: password
      - secretPath: prod/shop/flags
        optional: true
  secretObjects:
    - secretName: db
      type: Opaque
      data:
        - {objectName: password, key: password}
---
`

const podText = `apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  containers:
    - {name: web, image: nginx}
  volumes:
    - name: secrets
      csi:
        driver: secrets-store.csi.k8s.io
        readOnly: true
        volumeAttributes: {secretProviderClass: shop}
        nodePublishSecretRef: {name: okms}
`

func TestFindings(t *testing.T) {
	for name, c := range map[string]struct {
		change, by string // in the class and the pod above
		want       []string
	}{
		"nothing": {"", "", nil},
		"a misspelt parameter": {"region:", "regoin:",
			[]string{`7:5 OVH101 parameters.regoin: unknown parameter; did you mean "region"?`}},
		"a Public Cloud region": {"eu-west-par", "GRA11", []string{"7:5 OVH101 parameters.region:"}},
		"a misspelt field": {"secretKey:", "secretKy:",
			[]string{`11:9 OVH102 objects[0].secretKy: unknown field; did you mean "secretKey"?`}},
		"a bad path": {"prod/shop/flags", "prod//flags",
			[]string{`12:9 OVH102 objects[1].secretPath: "prod//flags"`}},
		"a bad value": {"optional: true", "optional: yes",
			[]string{`13:9 OVH102 objects[1].optional: "yes" is neither`}},
		"no okmsId": {"    okmsId: 734b9b45-8b1a-469c-b140-b10bd6540017\n", "",
			[]string{"7:5 OVH101 parameters.okmsId: is missing"}},
		"a file that is not made": {"objectName: password", "objectName: pasword",
			[]string{`18:24 OVH201 the class makes no file "pasword"`}},
		"an optional file": {"objectName: password", "objectName: flags", []string{"18:24 OVH202 objects[1] is optional"}},
		"a key of TLS": {"type: Opaque", "type: kubernetes.io/tls",
			[]string{"15:7 OVH203 Kubernetes refuses a Secret of the type kubernetes.io/tls without tls.crt and tls.key",
				"18:39 OVH203 the driver mirrors tls.crt and tls.key only"}},
		"another class": {"secretProviderClass: shop", "secretProviderClass: shp",
			[]string{"3:18 OVH401", `31:49 OVH301 there is no class "shp" in these files; did you mean "shop"?`}},
		"another namespace": {"name: web, namespace: shop", "name: web, namespace: web",
			[]string{"3:18 OVH401", `31:49 OVH302 class "shop" is in namespace "shop"`}},
		"not readOnly": {"        readOnly: true\n", "", []string{"29:9 OVH303 set readOnly: true"}},
		"no credentials": {"        nodePublishSecretRef: {name: okms}\n", "",
			[]string{"29:9 OVH304 name a Secret with a login"}},
		"both": {"    region: eu-west-par\n    okmsId: 734b9b45-8b1a-469c-b140-b10bd6540017\n", "    connection: team\n",
			[]string{"7:5 OVH101 parameters.connection: cannot be combined with nodePublishSecretRef",
				"31:31 OVH305 drop nodePublishSecretRef"}},
		"an override": {"{secretProviderClass: shop}", "{secretProviderClass: shop, region: eu-west-rbx}",
			[]string{`31:55 OVH306 replaces the parameter "region" of class "shop"`}},
		"a mode": {"- {name: web, image: nginx}",
			"- {name: web, image: nginx, securityContext: {runAsUser: 1000}}", nil},
		"broken YAML":        {"kind: Pod", "kind: [Pod", []string{"OVH001"}},
		"a template of Helm": {"kind: Pod", "{{- if .Values.web }}\nkind: Pod", []string{"lint the output of helm template"}},
	} {
		text := classText + podText
		if c.change != "" {
			if text = strings.Replace(text, c.change, c.by, 1); text == classText+podText {
				t.Fatalf("%s: nothing was replaced", name)
			}
		}
		var got []string
		for _, f := range Run([]Source{{"x.yaml", text}}) {
			got = append(got, fmt.Sprintf("%d:%d %s %s", f.Line, f.Column, f.ID, f.Message))
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %d findings, want %d:\n%s", name, len(got), len(c.want), strings.Join(got, "\n"))
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(got[i], want) {
				t.Errorf("%s:\ngot  %s\nwant %s", name, got[i], want)
			}
		}
	}
}

func TestModesAndWorkloads(t *testing.T) {
	text := strings.Replace(classText, "secretKey: password\n", "secretKey: password\n        filePermission: 0400\n", 1)
	spec := strings.ReplaceAll(strings.SplitN(podText, "spec:\n", 2)[1], "\n", "\n    ")
	workload := "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec:\n  template:\n    " +
		"spec:\n      securityContext: {runAsNonRoot: true}\n    " + spec
	got := Run([]Source{{"class.yaml", text}, {"web.yaml", workload}})
	if len(got) != 1 || got[0].ID != "OVH307" || got[0].File != "web.yaml" || got[0].Line != 7 ||
		!strings.Contains(got[0].Message, "mode 0400") {
		t.Errorf("the findings are %+v", got)
	}
}

func TestAnAnnotationAcceptsAFinding(t *testing.T) {
	override := strings.Replace(classText+podText, "{secretProviderClass: shop}",
		"{secretProviderClass: shop, region: eu-west-rbx}", 1)
	for annotation, accepted := range map[string]bool{"OVH306: two regions": true, "OVH301, OVH306: two regions": true,
		"OVH306": false, "OVH306:": false, "OVH301: x": false} {
		text := strings.Replace(override, "{name: web, namespace: shop}",
			"{name: web, namespace: shop, annotations: {ovhcsi.lint/ignore: \""+annotation+"\"}}", 1)
		if got := Run([]Source{{"x", text}}); (len(got) == 0) != accepted {
			t.Errorf("%s: %+v", annotation, got)
		}
	}
}

// TestNothingIsWrongWithTheExamples: each by itself, and all together.
func TestNothingIsWrongWithTheExamples(t *testing.T) {
	files, err := filepath.Glob("../../../manifests/examples/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	var all []Source
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, Source{file, string(text)})
		if got := Run(all[len(all)-1:]); len(got) > 0 {
			t.Errorf("%s: %+v", file, got)
		}
	}
	if got := Run(all); len(got) > 0 {
		t.Errorf("all: %+v", got)
	}
}

func TestOutputs(t *testing.T) {
	findings := Run([]Source{{"a,b.yaml", strings.Replace(classText+podText, "secretKey:", "secretKy:", 1)}})
	for output, want := range map[string][]string{
		"text":   {"a,b.yaml:11:9: error OVH102: objects[0].secretKy: unknown field", "1 file: 1 error, 0 warnings, 0 notes"},
		"json":   {`"id": "OVH102"`, `"line": 11`},
		"sarif":  {`"ruleId": "OVH102"`, `"startLine": 11`, `"version": "2.1.0"`},
		"github": {"::error file=a%2Cb.yaml,line=11,col=9,title=OVH102::objects[0].secretKy"},
		"junit":  {`<testsuite name="ovhcsi lint" tests="1" failures="1">`, `type="OVH102"`},
	} {
		var out strings.Builder
		if err := Write(&out, output, "1.0.0", 1, findings); err != nil {
			t.Fatal(err)
		}
		for _, part := range want {
			if !strings.Contains(out.String(), part) {
				t.Errorf("%s lacks %s:\n%s", output, part, out.String())
			}
		}
		out.Reset()
		if err := Write(&out, output, "1.0.0", 1, nil); err != nil ||
			output == "json" && !strings.Contains(out.String(), `"findings": []`) {
			t.Errorf("%s of nothing: %v\n%s", output, err, out.String())
		}
	}
}

// TestThePageHasEachRule: docs/lint.md has a section for each.
func TestThePageHasEachRule(t *testing.T) {
	text, err := os.ReadFile("../../../docs/lint.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Rules() {
		if !strings.Contains(string(text), "\n## "+r.ID+"\n\n"+string(r.Severity)+": "+r.Title) {
			t.Errorf("docs/lint.md lacks a section %s, %s: %s", r.ID, r.Severity, r.Title)
		}
	}
}
