package connections

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPathPatternsAgreeWithRegularExpressions compares many small patterns and
// paths with a regular expression that means the same.
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
		p, err := parsePathPattern(pattern)
		if err != nil {
			continue // ** twice in a row
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
			t.Fatalf("%s with %s: %v, want %v", pattern, path, got, want)
		}
		if want {
			matched++
		}
	}
	if matched < 1000 {
		t.Errorf("only %d matched", matched)
	}
}

func TestPathPatterns(t *testing.T) {
	cases := []struct {
		pattern     string
		yes, denied []string
	}{
		{"prod/shop/db", []string{"prod/shop/db"}, []string{"prod/shop", "prod/shop/db/x", "Prod/shop/db", "prod/shop/dB", "xprod/shop/db", "prod/shop/dbx"}},
		{"prod/shop/*", []string{"prod/shop/db", "prod/shop/a.b"}, []string{"prod/shop", "prod/shop/a/b", "prod/shopx/db"}},
		{"prod/*/db", []string{"prod/shop/db"}, []string{"prod/db", "prod/a/b/db"}},
		{"prod/shop/db-*", []string{"prod/shop/db-", "prod/shop/db-1"}, []string{"prod/shop/db", "prod/shop/db-1/x"}},
		{"prod/shop/**", []string{"prod/shop/a", "prod/shop/a/b/c"}, []string{"prod/shop", "prod/shopping/a", "prod", "prod/Shop/a"}},
		{"**", []string{"a", "a/b/c"}, nil},
		{"**/db", []string{"db", "a/db", "a/b/db", "db/db"}, []string{"a/db/x", "adb", "a/dbx"}},
		{"prod/**/db", []string{"prod/db", "prod/a/db", "prod/a/b/db", "prod/db/db"}, []string{"prod", "prod/a", "x/prod/db", "prod/a/db/x"}},
		{"a/**/b/**", []string{"a/b/c", "a/x/b/y/z", "a/b/b"}, []string{"a/b", "a/x/b", "a/x"}},
		{"**/x/**/y", []string{"x/y", "a/x/b/y", "x/x/y/y"}, []string{"y/x", "x", "x/y/z"}},
	}
	for _, c := range cases {
		p, err := parsePathPattern(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		g := Grant{rules: []rule{{paths: []pathPattern{p}}}}
		for _, path := range c.yes {
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

// Who is not known is nobody: not even a rule for all namespaces is for them.
func TestANamespaceThatIsNotStatedIsGrantedNothing(t *testing.T) {
	specs, err := parseConfig(strings.Replace(goodConfig, `["shop", "team-*"]`, `["*"]`, 1), 0)
	if err != nil {
		t.Fatal(err)
	}
	if !grant(specs["default"].rules, "any", "").Any() || grant(specs["default"].rules, "", "web").Any() {
		t.Error("every namespace is to be granted, and none that is not stated")
	}
}

func TestWhoIsGranted(t *testing.T) {
	specs, err := parseConfig(goodConfig, 0)
	if err != nil {
		t.Fatal(err)
	}
	rules := specs["default"].rules
	cases := []struct {
		namespace, account, path string
		want                     bool
	}{
		{"shop", "web", "prod/shop/db", true},
		{"shop", "", "prod/shop/db", true}, // serviceAccounts: ["*"]
		{"team-a", "anything", "prod/shop/db", true},
		{"team-", "web", "prod/shop/db", true},
		{"", "web", "prod/shop/db", false},
		{"Shop", "web", "prod/shop/db", false},
		{"shop2", "web", "prod/shop/db", false},
		{"xteam-a", "web", "prod/shop/db", false},
		{"pay", "teller", "prod/pay/card", true},
		{"pay", "teller-7", "prod/pay/card", false},
		{"pay", "", "prod/pay/card", false},
		{"pay", "teller", "prod/shop/db", false},   // of another rule
		{"shop", "teller", "prod/pay/card", false}, // of another rule
		{"shop", "web", "prod/shop", false},
	}
	for _, c := range cases {
		if got := grant(rules, c.namespace, c.account).Allows(c.path); got != c.want {
			t.Errorf("namespace %q, service account %q, path %s: allowed is %v, want %v", c.namespace, c.account, c.path, got, c.want)
		}
	}
}

func TestRulesOnlyAddToOneAnother(t *testing.T) {
	specs, err := parseConfig(strings.Replace(goodConfig, "      - namespaces: [pay]\n        serviceAccounts: [teller]\n        paths: [prod/pay/card]\n", `
      - {namespaces: [shop], serviceAccounts: [web], paths: [prod/pay/card]}
      - {namespaces: ["*"], serviceAccounts: ["*"], paths: [public]}
`, 1), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		namespace, account string
		want               []string
	}{
		{"shop", "web", []string{"prod/shop/**", "prod/pay/card", "public"}},
		{"shop", "other", []string{"prod/shop/**", "public"}},
		{"shop", "", []string{"prod/shop/**", "public"}},
		{"any", "web", []string{"public"}},
		{"", "web", nil}, // what is not stated is not "any"
	} {
		if got := grant(specs["default"].rules, c.namespace, c.account).Paths(); !slices.Equal(got, c.want) {
			t.Errorf("namespace %q, service account %q: %v, want %v", c.namespace, c.account, got, c.want)
		}
	}
}
