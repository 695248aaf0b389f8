// SPDX-License-Identifier: Apache-2.0

package main

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// bills writes a bill of materials for each program and platform in CycloneDX's form. It is made from the program
// itself.
func (r release) bills() error {
	if err := os.MkdirAll(r.to, 0o755); err != nil {
		return err
	}
	for _, p := range platforms {
		for _, program := range []string{daemon, tool} {
			bill := r.path(program + "-" + p.String() + ".cdx.json")
			_, err := output(filepath.Join(r.root, "test/release"), nil, "go", "tool", "cyclonedx-gomod", "bin", "-json", "-std",
				"-noserial", "-notimestamp", "-version", "v"+r.version, "-output", bill, r.binary(program, p))
			if err != nil {
				return err
			}
			if err := checkBill(bill, r.binary(program, p)); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkBill fails if a bill does not list exactly the modules that Go wrote into the program, and the standard library.
func checkBill(bill, program string) error {
	content, err := os.ReadFile(bill)
	if err != nil {
		return err
	}
	var listed struct {
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal(content, &listed); err != nil {
		return err
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return err
	}
	want := map[string]string{"std": info.GoVersion}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		want[m.Path] = m.Version
	}
	got := map[string]string{}
	for _, c := range listed.Components {
		got[c.Name] = c.Version
	}
	if !maps.Equal(got, want) {
		return fmt.Errorf("%s lists %q, the program is linked with %q", filepath.Base(bill), sorted(got), sorted(want))
	}
	return nil
}

// sorted returns the members of a map as name@version, in the order of their names.
func sorted(m map[string]string) (all []string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		all = append(all, name+"@"+m[name])
	}
	return all
}
