// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// rule returns a rule for lists that are separated by spaces.
func rule(t *testing.T, namespaces, accounts, paths string) Rule {
	t.Helper()
	r := Rule{Namespaces: strings.Fields(namespaces), Accounts: strings.Fields(accounts)}
	for path := range strings.FieldsSeq(paths) {
		p, err := ParsePattern(path)
		if err != nil {
			t.Fatal(err)
		}
		r.Paths = append(r.Paths, p)
	}
	return r
}

func TestAGrantIsTheRulesOfACaller(t *testing.T) {
	all := []Rule{
		rule(t, "shop team-*", "*", "prod/shop/**"),
		rule(t, "pay", "teller", "prod/pay/card"),
		rule(t, "*", "web", "public"),
	}
	for _, c := range []struct {
		namespace, account string
		want               string
	}{
		{"shop", "web", "[prod/shop/** public]"},
		{"shop", "", "[prod/shop/**]"},
		{"team-a", "x", "[prod/shop/**]"},
		{"Shop", "x", "[]"},
		{"pay", "teller", "[prod/pay/card]"},
		{"pay", "teller-7", "[]"},
		{"", "web", "[]"},
		{"", "teller", "[]"},
	} {
		g := For(all, c.namespace, c.account)
		if got := fmt.Sprint(g.Paths()); got != c.want {
			t.Errorf("%s in %s: got %s, want %s", c.account, c.namespace, got, c.want)
		}
		if g.Any() != (c.want != "[]") || g.Allows("prod/shop/db") != strings.Contains(c.want, "shop") ||
			g.Allows("prod/pay/card") != strings.Contains(c.want, "card") || g.Allows("other") {
			t.Errorf("%s in %s: Any and Allows disagree with %s", c.account, c.namespace, c.want)
		}
	}
}

// TestBothGrantsMustAllow: while a connection waits for its new folder, the new rules and the old
// ones apply.
func TestBothGrantsMustAllow(t *testing.T) {
	wide, narrow := For([]Rule{rule(t, "*", "*", "prod/**")}, "shop", ""),
		For([]Rule{rule(t, "*", "*", "prod/shop/*")}, "shop", "")
	none := For(nil, "shop", "")
	for _, both := range []Grant{wide.And(narrow), narrow.And(wide)} {
		if !both.Any() || !both.Allows("prod/shop/db") || both.Allows("prod/pay/card") {
			t.Errorf("both allow %v", both.Paths())
		}
	}
	if wide.And(none).Any() || wide.And(none).Allows("prod/shop/db") || none.And(wide).Any() {
		t.Error("one that allows nothing and one that allows something allow something")
	}
}

func TestPatternsThatMatchNothingAreErrors(t *testing.T) {
	long := strings.Repeat("a", 63)
	for glob, valid := range map[string]bool{"shop": true, "*": true, "team-*": true, long: true, long + "*": true,
		long + "a": false, "Shop": false, "a.b": false, "-a": false, "": false} {
		if err := CheckNamespace(glob); (err == nil) != valid {
			t.Errorf("namespace %q: %v", glob, err)
		}
	}
	longest := strings.Repeat("a", 253)
	for glob, valid := range map[string]bool{"web": true, "a.b": true, "*": true, longest: true, longest + "*": true,
		longest + "a": false, "Web": false, "a..b": false, "": false} {
		if err := CheckAccount(glob); (err == nil) != valid {
			t.Errorf("service account %q: %v", glob, err)
		}
	}
	for path, want := range map[string]string{"prod/db": "", "prod/*/x": "", "**": "", "prod/ü": "can match no path",
		"/prod": "slash", "prod/": "slash", "a//b": "slash", "a/../b": "segment", "./a": "segment", "a/b**": "of its own",
		"**/**": "twice in a row", strings.Repeat("a", 256): "256 characters", strings.Repeat("a", 255): ""} {
		if _, err := ParsePattern(path); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("path %q: %v, want %q", path, err, want)
		}
	}
}

func TestRulesThatCoverAnother(t *testing.T) {
	one := rule(t, "shop", "web", "prod/shop/db")
	for name, c := range map[string]struct {
		others []Rule
		want   bool
	}{
		"the same":               {[]Rule{one}, true},
		"everything":             {[]Rule{rule(t, "*", "*", "**")}, true},
		"patterns":               {[]Rule{rule(t, "sh*", "w*", "prod/*/db")}, true},
		"another namespace":      {[]Rule{rule(t, "pay", "*", "**")}, false},
		"another account":        {[]Rule{rule(t, "*", "api", "**")}, false},
		"another path":           {[]Rule{rule(t, "*", "*", "prod/pay/*")}, false},
		"parts of several rules": {[]Rule{rule(t, "shop", "api", "**"), rule(t, "pay", "web", "**")}, false},
		"none":                   {nil, false},
	} {
		if got := one.CoveredBy(c.others); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	wild := rule(t, "team-*", "*", "prod/**")
	if wild.CoveredBy([]Rule{rule(t, "team-a", "*", "prod/**")}) ||
		!wild.CoveredBy([]Rule{rule(t, "team-*", "*", "prod/**")}) {
		t.Error("a pattern is covered by one of its matches, or not by itself")
	}
}

func TestTheExampleOfARuleIsAllowed(t *testing.T) {
	for _, path := range []string{"prod/shop/db", "prod/*/db", "prod/**", "**", "a*b/**/c"} {
		r := rule(t, "shop", "web", path)
		if example := r.Example(); !r.Allows(example) || strings.Contains(example, "*") {
			t.Errorf("%s: %s", path, example)
		}
	}
	if got := rule(t, "shop pay", "*", "a b").String(); !slices.Equal(strings.Split(got, "; "),
		[]string{"namespaces shop, pay", "service accounts *", "paths a, b"}) {
		t.Errorf("got %s", got)
	}
}

// TestAFolderIsAllowedIfAllBelowIs: a find reads secrets whose names the rules have not seen.
func TestAFolderIsAllowedIfAllBelowIs(t *testing.T) {
	for _, c := range []struct {
		paths   string
		allowed string // folders; . is the root
		refused string
	}{
		{"team/**", "team team/a team/a/b", ". tea teams other other/team"},
		{"prod/*/db/**", "prod/shop/db prod/pay/db/x", ". prod prod/shop prod/shop/web prod/a/b/db"},
		{"**", ". a a/b", ""},
		{"team/* team", "", ". team team/a"},
		{"prod/a/** prod/b/**", "prod/a prod/b/c", ". prod prod/c"},
		{"", "", ". a"},
	} {
		g := For([]Rule{rule(t, "*", "*", c.paths)}, "shop", "")
		for folders, want := range map[string]bool{c.allowed: true, c.refused: false} {
			for folder := range strings.FieldsSeq(folders) {
				folder = strings.TrimPrefix(folder, ".")
				if got := g.AllowsBelow(folder); got != want {
					t.Errorf("%s: all below %q: got %v", c.paths, folder, got)
				}
				for _, name := range []string{"x", "x/y", "x/y/z"} {
					if path := strings.TrimPrefix(folder+"/"+name, "/"); want && !g.Allows(path) {
						t.Errorf("%s allows all below %q, but not %s", c.paths, folder, path)
					}
				}
			}
		}
	}
	all := For([]Rule{rule(t, "*", "*", "**")}, "shop", "")
	some := For([]Rule{rule(t, "*", "*", "prod/**")}, "shop", "")
	for _, both := range []Grant{all.And(some), some.And(all)} {
		if !both.AllowsBelow("prod") || both.AllowsBelow("dev") {
			t.Error("two grants together do not allow what both allow")
		}
	}
}
