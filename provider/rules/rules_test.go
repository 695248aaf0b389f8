// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// TestPathPatternsAgreeWithRegularExpressions compares many small patterns and paths with an
// equivalent regular expression.
func TestPathPatternsAgreeWithRegularExpressions(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	join := func(segments []string) string {
		n := 1 + random.IntN(5)
		chosen := make([]string, n)
		for i := range chosen {
			chosen[i] = segments[random.IntN(len(segments))]
		}
		return strings.Join(chosen, "/")
	}
	matched := 0
	for range 50000 {
		pattern, path := join([]string{"a", "b", "*", "a*", "**", "**"}), join([]string{"a", "b", "ab"})
		p, err := ParsePattern(pattern)
		if err != nil {
			continue // the pattern has ** twice in a row
		}
		parts := strings.Split(strings.ReplaceAll(pattern, "**", "#"), "/")
		var expression strings.Builder
		for i, part := range parts {
			last := i == len(parts)-1
			switch {
			case part == "#" && last:
				expression.WriteString(".+")
			case part == "#":
				expression.WriteString("([^/]+/)*")
			default:
				expression.WriteString(strings.ReplaceAll(part, "*", "[^/]*"))
				if !last {
					expression.WriteString("/")
				}
			}
		}
		want := regexp.MustCompile("^" + expression.String() + "$").MatchString(path)
		if got := p.matches(strings.Split(path, "/")); got != want {
			t.Fatalf("pattern %s matches path %s: got %v, want %v", pattern, path, got, want)
		}
		if want {
			matched++
		}
	}
	if matched < 1000 {
		t.Errorf("only %d patterns matched, want at least 1000", matched)
	}
}

func TestPathPatterns(t *testing.T) {
	cases := []struct {
		pattern         string
		allowed, denied []string
	}{
		{"prod/shop/db", []string{"prod/shop/db"},
			[]string{"prod/shop", "prod/shop/db/x", "Prod/shop/db", "prod/shop/dB", "xprod/shop/db", "prod/shop/dbx"}},
		{"prod/shop/*", []string{"prod/shop/db", "prod/shop/a.b"}, []string{"prod/shop", "prod/shop/a/b", "prod/shopx/db"}},
		{"prod/*/db", []string{"prod/shop/db"}, []string{"prod/db", "prod/a/b/db"}},
		{"prod/shop/db-*", []string{"prod/shop/db-", "prod/shop/db-1"}, []string{"prod/shop/db", "prod/shop/db-1/x"}},
		{"prod/shop/**", []string{"prod/shop/a", "prod/shop/a/b/c"},
			[]string{"prod/shop", "prod/shopping/a", "prod", "prod/Shop/a"}},
		{"**", []string{"a", "a/b/c"}, nil},
		{"**/db", []string{"db", "a/db", "a/b/db", "db/db"}, []string{"a/db/x", "adb", "a/dbx"}},
		{"prod/**/db", []string{"prod/db", "prod/a/db", "prod/a/b/db", "prod/db/db"},
			[]string{"prod", "prod/a", "x/prod/db", "prod/a/db/x"}},
		{"a/**/b/**", []string{"a/b/c", "a/x/b/y/z", "a/b/b"}, []string{"a/b", "a/x/b", "a/x"}},
		{"**/x/**/y", []string{"x/y", "a/x/b/y", "x/x/y/y"}, []string{"y/x", "x", "x/y/z"}},
	}
	for _, c := range cases {
		p, err := ParsePattern(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		g := Grant{rules: []Rule{{Paths: []Pattern{p}}}}
		for _, path := range c.allowed {
			if !g.Allows(path) {
				t.Errorf("%s denies %s", c.pattern, path)
			}
		}
		for _, path := range c.denied {
			if g.Allows(path) {
				t.Errorf("%s allows %s", c.pattern, path)
			}
		}
	}
}
