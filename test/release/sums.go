// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// sumsFile is in the form of sha256sum.
const sumsFile = "SHA256SUMS"

// sums writes the checksums of all files, and a provenance statement about the same files. The statement is not
// signed: the release workflow signs it.
func (r release) sums() error {
	files, err := os.ReadDir(r.to)
	if err != nil {
		return err
	}
	var list strings.Builder
	var subjects []subject
	for _, f := range files {
		sum, err := r.sum(f.Name())
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "%s  %s\n", sum, f.Name())
		subjects = append(subjects, subject{f.Name(), map[string]string{"sha256": sum}})
	}
	if err := r.write(sumsFile, []byte(list.String())); err != nil {
		return err
	}
	content, err := json.MarshalIndent(r.provenance(subjects), "", "  ")
	if err != nil {
		return err
	}
	return r.write("provenance.intoto.json", append(content, '\n'))
}

// subject is a file that a statement is about.
type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// provenance returns a statement in the forms of in-toto v1 and SLSA v1. It has nothing that differs between two
// builds of a commit with the same Go.
func (r release) provenance(subjects []subject) map[string]any {
	return map[string]any{
		"_type":         "https://in-toto.io/Statement/v1",
		"subject":       subjects,
		"predicateType": "https://slsa.dev/provenance/v1",
		"predicate": map[string]any{
			"buildDefinition": map[string]any{
				"buildType":          r.url[:strings.LastIndex(r.url, "/")] + "/docs/releasing.md",
				"externalParameters": map[string]string{"version": r.version},
				"internalParameters": map[string]string{"go": runtime.Version()},
				"resolvedDependencies": []map[string]any{{
					"name": "source", "digest": map[string]string{"gitCommit": r.commit},
					"annotations": map[string]string{"committed": r.at.Format(time.RFC3339)},
				}},
			},
			"runDetails": map[string]any{"builder": map[string]string{"id": "make release"}},
		},
	}
}
