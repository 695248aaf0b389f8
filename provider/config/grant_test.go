// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/rules"
)

// TestAnUnknownNamespaceIsGrantedNothing: not even a rule for all namespaces matches it.
func TestAnUnknownNamespaceIsGrantedNothing(t *testing.T) {
	specs, err := Parse(strings.Replace(goodConfig, `["shop", "team-*"]`, `["*"]`, 1), 0)
	if err != nil {
		t.Fatal(err)
	}
	if !rules.For(specs["default"].Rules, "any", "").Any() || rules.For(specs["default"].Rules, "", "web").Any() {
		t.Error("the rule must match every known namespace, and not an unknown one")
	}
}

func TestGrants(t *testing.T) {
	specs, err := Parse(goodConfig, 0)
	if err != nil {
		t.Fatal(err)
	}
	stated := specs["default"].Rules
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
		if got := rules.For(stated, c.namespace, c.account).Allows(c.path); got != c.want {
			t.Errorf("namespace %q, service account %q, path %s: allowed is %v, want %v",
				c.namespace, c.account, c.path, got, c.want)
		}
	}
}

func TestAGrantHasThePathsOfAllMatchingRules(t *testing.T) {
	const second = "      - namespaces: [pay]\n        serviceAccounts: [teller]\n        paths: [prod/pay/card]\n"
	specs, err := Parse(strings.Replace(goodConfig, second, `
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
		{"", "web", nil}, // an unknown namespace matches no pattern
	} {
		if got := rules.For(specs["default"].Rules, c.namespace, c.account).Paths(); !slices.Equal(got, c.want) {
			t.Errorf("namespace %q, service account %q: got %v, want %v", c.namespace, c.account, got, c.want)
		}
	}
}
