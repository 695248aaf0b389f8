// SPDX-License-Identifier: Apache-2.0

package test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pages returns the text of each Markdown page of the project, by its path from the top.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "test/*/*.md", "charts/*/*.md"} {
		names, err := filepath.Glob("../" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all[strings.TrimPrefix(name, "../")] = string(text)
		}
	}
	if len(all) < 25 {
		t.Fatalf("only %d pages were found", len(all))
	}
	return all
}

var (
	link     = regexp.MustCompile(`\]\(([^)#\s]*)(#[^)\s]+)?\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInURL = regexp.MustCompile(`[^\w\- ]`)
)

// anchors returns those that a page has: of its headings, as GitHub makes them, and its own.
func anchors(text string) (all []string) {
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		plain := notInURL.ReplaceAllString(strings.ToLower(h[1]), "")
		all = append(all, strings.ReplaceAll(plain, " ", "-"))
	}
	for _, own := range regexp.MustCompile(`id="([^"]+)"`).FindAllStringSubmatch(text, -1) {
		all = append(all, own[1])
	}
	return all
}

func TestLinksOfPagesLeadSomewhere(t *testing.T) {
	all, links := pages(t), 0
	for name, text := range all {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], ":") { // of another site
				continue
			}
			links++
			to := name
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(name), m[1])
			}
			if _, err := os.Stat("../" + to); err != nil {
				t.Errorf("%s: %s does not exist", name, m[0])
			} else if target, page := all[to]; page && m[2] != "" && !slices.Contains(anchors(target), m[2][1:]) {
				t.Errorf("%s: %s has no such heading", name, m[0])
			}
		}
	}
	t.Logf("%d links of %d pages", links, len(all))
}

// TestVersionsOfPagesAreBuilt compares the table of docs/versions.md with the modules from which the node of the
// scenarios is built.
func TestVersionsOfPagesAreBuilt(t *testing.T) {
	page, built := "", ""
	for _, name := range []string{"docs/versions.md", "test/cluster/kubernetes/go.mod",
		"test/cluster/containerd/go.mod", "test/cluster/tools/go.mod"} {
		text, err := os.ReadFile("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		if built += string(text) + "\n"; page == "" {
			page = built
		}
	}
	for name, module := range map[string]string{"Kubernetes": "k8s.io/kubernetes", "etcd": "go.etcd.io/etcd/server/v3",
		"containerd": "github.com/containerd/containerd/v2", "Helm": "helm.sh/helm/v3",
		"Secrets Store CSI driver": "sigs.k8s.io/secrets-store-csi-driver"} {
		shown := regexp.MustCompile(`\n\| ` + name + ` \| (\S+) \|`).FindStringSubmatch(page)
		if shown == nil || !regexp.MustCompile(regexp.QuoteMeta(module+" v"+shown[1])+`\s`).MatchString(built) {
			t.Errorf("docs/versions.md has %q for %s, which is not the version of %s in test/cluster", shown, name, module)
		}
	}
}
