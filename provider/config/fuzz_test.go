// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"testing"

	"ovhcloud-csi-provider/provider/rules"
)

// FuzzConfig: each connection of an accepted file has a domain, a folder and rules that allow at
// least one path, and a path to probe.
func FuzzConfig(f *testing.F) {
	f.Add(goodConfig)
	f.Add("connections: {a: {endpoint: https://x.example/api/734b9b45-8b1a-469c-b140-b10bd6540017, credentialsDir: /x, " +
		"allow: [{namespaces: ['*'], serviceAccounts: ['*'], paths: ['**']}]}}\n")
	f.Add("connections: &a {b: *a}\n")
	f.Fuzz(func(t *testing.T, text string) {
		specs, err := Parse(text, 0)
		if err != nil {
			if err.Error() == "" || specs != nil {
				t.Fatalf("refused with the error %q, but returned %v", err, specs)
			}
			return
		}
		for name, s := range specs {
			named := s.Name == name && connectionName.MatchString(name)
			if !named || s.Place.Endpoint == "" || s.Place.ID == "" || s.Dir == "" || len(s.Rules) == 0 {
				t.Fatalf("connection %s is incomplete: %+v", name, s)
			}
			for _, r := range s.Rules {
				if len(r.Namespaces) == 0 || len(r.Accounts) == 0 || len(r.Paths) == 0 {
					t.Fatalf("an empty rule: %+v", r)
				}
			}
			probe := s.Rules[0].Example()
			if !slices.ContainsFunc(s.Rules, func(r rules.Rule) bool { return r.Allows(probe) }) {
				t.Fatalf("the rules %v do not allow the probe path %s", s.Rules, probe)
			}
		}
	})
}
