// SPDX-License-Identifier: Apache-2.0

package test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
)

// workflow is the part of a workflow of GitHub's that the tests look at.
type workflow struct {
	Permissions map[string]string
	Jobs        map[string]struct {
		Permissions map[string]string
		Minutes     int `yaml:"timeout-minutes"`
		Steps       []struct {
			Uses, Run string
			With      map[string]any
		}
	}
}

// pinned matches an action by the digest of a commit. A tag can be moved to other code.
var pinned = regexp.MustCompile(`^[\w-]+/[\w-]+@[0-9a-f]{40}$`)

// TestWorkflowsHaveLeastRights: actions are pinned, jobs may only read unless they say why, no step has text of others
// in a script, and the token is not left in the work tree.
func TestWorkflowsHaveLeastRights(t *testing.T) {
	files, err := filepath.Glob("../.github/workflows/*")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d workflows: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var w workflow
		if err := yaml.Unmarshal(text, &w); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if len(w.Permissions) != 1 || w.Permissions["contents"] != "read" {
			t.Errorf("%s: the rights of all jobs are %v, want contents: read", file, w.Permissions)
		}
		for name, job := range w.Jobs {
			if job.Minutes == 0 {
				t.Errorf("%s: job %s has no timeout-minutes", file, name)
			}
			for right := range job.Permissions {
				if !slices.Contains([]string{"contents", "id-token"}, right) {
					t.Errorf("%s: job %s has the right %s", file, name, right)
				}
			}
			for _, step := range job.Steps {
				if step.Uses != "" && !pinned.MatchString(step.Uses) {
					t.Errorf("%s: %s is not pinned by digest", file, step.Uses)
				}
				if regexp.MustCompile(`^actions/checkout@`).MatchString(step.Uses) && step.With["persist-credentials"] != false {
					t.Errorf("%s: job %s leaves its token in the work tree", file, name)
				}
				if regexp.MustCompile(`\$\{\{`).MatchString(step.Run) {
					t.Errorf("%s: job %s has an expression in a script; pass it by env: %s", file, name, step.Run)
				}
			}
		}
	}
}
