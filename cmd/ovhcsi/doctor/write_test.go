// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// sample has a result of each severity.
func sample() *Report {
	r := &Report{}
	r.pass(kubernetes, "version 1.35")
	r.find(notPermitted, "", "Ask for the permissions in docs/doctor.md", "not checked: you may not read nodes")
	r.find(noRotation, "DaemonSet a/b", "Set it", "rotation\x1b[2J is off")
	r.find(providerNotReady, "Pod a/c", "", "it is not ready")
	return r
}

func TestTextHasCategoriesMarksAndFixes(t *testing.T) {
	const want = `Kubernetes
  ✓ version 1.35
  ? OVH602 not checked: you may not read nodes
      Ask for the permissions in docs/doctor.md. See docs/doctor.md#ovh602
Driver
  ! OVH615 DaemonSet a/b: rotation?[2J is off
      Set it. See docs/doctor.md#ovh615
Provider
  ✗ OVH624 Pod a/c: it is not ready
      See docs/doctor.md#ovh624
1 error, 1 warning, 1 not checked
`
	var plain, coloured strings.Builder
	if err := sample().Write(&plain, "text", "0.1.0", false); err != nil || plain.String() != want {
		t.Errorf("got\n%s%v", plain.String(), err)
	}
	if err := sample().Write(&coloured, "text", "0.1.0", true); err != nil ||
		!strings.Contains(coloured.String(), "  \x1b[31m✗\x1b[0m OVH624") {
		t.Errorf("got %q", coloured.String())
	}
}

func TestJSONHasEveryResult(t *testing.T) {
	var out strings.Builder
	if err := sample().Write(&out, "json", "0.1.0", false); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Version string
		Results []Result
	}
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil || got.Version != "0.1.0" || len(got.Results) != 4 {
		t.Fatalf("got %s %v", out.String(), err)
	}
	if r := got.Results[2]; r.ID != "OVH615" || r.Severity != "warning" || r.Category != driver ||
		r.Object != "DaemonSet a/b" || r.Page != "docs/doctor.md#ovh615" {
		t.Errorf("got %+v", r)
	}
}

func TestATextShowsTwentyFindingsOfARule(t *testing.T) {
	r := &Report{}
	for i := range 33 {
		r.find(providerNotReady, fmt.Sprint("Pod a/", i), "", "it is not ready")
	}
	var text, short strings.Builder
	if err := r.Write(&text, "text", "0.1.0", false); err != nil || strings.Count(text.String(), "✗ OVH624") != 20 ||
		!strings.Contains(text.String(), "OVH624: 13 more; -o short or -o json lists all\n33 errors, 0 warnings\n") {
		t.Errorf("got %s %v", text.String(), err)
	}
	if err := r.Write(&short, "short", "0.1.0", false); err != nil || strings.Count(short.String(), "\n") != 33 {
		t.Errorf("got %s %v", short.String(), err)
	}
}

func TestWhatMayBeACredentialIsRedacted(t *testing.T) {
	for text, want := range map[string]string{
		"token eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln is bad":               "token [redacted] is bad",
		"Authorization: Bearer abcdefgh12":                                     "Authorization: [redacted]",
		"https://me:secret@proxy.example:3128":                                 "https[redacted]proxy.example:3128",
		"-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY----- x": "[redacted] x",
		"driver name secrets-store.csi.k8s.io not found": "driver name secrets-store.csi.k8s.io " +
			"not found",
	} {
		if got := redact(text); got != want {
			t.Errorf("%q: got %q", text, got)
		}
	}
	if got := redact(strings.Repeat("word ", 200)); len(got) > 310 {
		t.Errorf("%d bytes", len(got))
	}
}
