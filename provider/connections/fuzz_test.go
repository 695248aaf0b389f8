package connections

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
		specs, err := parseConfig(text, 0)
		if err != nil {
			if err.Error() == "" || specs != nil {
				t.Fatalf("refused with the error %q, but returned %v", err, specs)
			}
			return
		}
		for name, s := range specs {
			named := s.name == name && connectionName.MatchString(name)
			if !named || s.place.Endpoint == "" || s.place.ID == "" || s.dir == "" || len(s.rules) == 0 {
				t.Fatalf("connection %s is incomplete: %+v", name, s)
			}
			for _, r := range s.rules {
				if len(r.Namespaces) == 0 || len(r.Accounts) == 0 || len(r.Paths) == 0 {
					t.Fatalf("an empty rule: %+v", r)
				}
			}
			c := &Connection{spec: s}
			if !slices.ContainsFunc(s.rules, func(r rules.Rule) bool { return r.Allows(c.ProbePath()) }) {
				t.Fatalf("the rules %v do not allow the probe path %s", c.Rules(), c.ProbePath())
			}
		}
	})
}
