// SPDX-License-Identifier: Apache-2.0

package test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ovhcloudFlags are the commands of OVHcloud's CLI that pages use, and the flags that its documentation gives them
// (doc/ of github.com/ovh/ovhcloud-cli, read in November 2026). Commands of cloud also have --cloud-project, and
// all have --output.
var ovhcloudFlags = map[string][]string{
	"cloud kube create":                {"--cloud-project", "--name", "--region", "--version"},
	"cloud kube nodepool create":       {"--cloud-project", "--name", "--flavor-name", "--desired-nodes"},
	"cloud kube kubeconfig generate":   {"--cloud-project"},
	"okms list":                        nil,
	"api call":                         {"--from-file", "--dry-run"},
	"iam user create":                  {"--login", "--email", "--group", "--password", "--description", "--type"},
	"iam user token create":            {"--name", "--description", "--expiresIn", "--expiredAt", "--output"},
	"iam policy create":                {"--name", "--identity", "--resource", "--allow", "--deny", "--expiredAt"},
	"account api oauth2 client create": {"--name", "--description", "--flow", "--callback-urls"},
}

// checkOVHcloud checks the commands of OVHcloud's CLI in a block against ovhcloudFlags.
func checkOVHcloud(t *testing.T, b block) {
	for _, m := range regexp.MustCompile(`(?m)^ovhcloud ((?:[a-z0-9-]+ ?)+)(.*)$`).FindAllStringSubmatch(strings.ReplaceAll(b.text, "\\\n", " "), -1) {
		command, flags := "", m[2]
		for known := range ovhcloudFlags {
			if strings.HasPrefix(m[1]+" ", known+" ") && len(known) > len(command) {
				command = known
			}
		}
		if command == "" {
			t.Errorf("%s: ovhcloud %s is not a command of ovhcloudFlags", b, m[1])
		}
		for _, flag := range regexp.MustCompile(`(?:^| )(--[A-Za-z-]+)`).FindAllStringSubmatch(" "+m[1]+flags, -1) {
			if !slices.Contains(ovhcloudFlags[command], flag[1]) {
				t.Errorf("%s: ovhcloud %s has no flag %s in ovhcloudFlags", b, command, flag[1])
			}
		}
	}
}

// terraformArguments are the resources of OVHcloud's Terraform provider that pages use, with arguments of its
// documentation (docs/resources of github.com/ovh/terraform-provider-ovh, read in November 2026).
var terraformArguments = map[string][]string{
	"ovh_cloud_project_kube":          {"service_name", "name", "region", "version"},
	"ovh_cloud_project_kube_nodepool": {"service_name", "kube_id", "name", "flavor_name", "desired_nodes"},
	"ovh_okms":                        {"ovh_subsidiary", "region", "display_name"},
	"ovh_okms_secret":                 {"okms_id", "path", "version", "metadata", "cas"},
	"ovh_me_identity_user":            {"login", "description", "email", "group", "password"},
	"ovh_me_identity_user_token":      {"user_login", "name", "description", "expires_at", "expires_in"},
	"ovh_iam_policy":                  {"name", "description", "identities", "resources", "allow", "deny", "expired_at"},
}

// checkTerraform checks the resources of a block against terraformArguments, and that what they refer to is in the
// block.
func checkTerraform(t *testing.T, b block) {
	count := func(s string) int { return strings.Count(b.text, s) }
	if count("{") != count("}") || count("[") != count("]") {
		t.Errorf("%s: brackets do not match", b)
	}
	for _, r := range regexp.MustCompile(`(?ms)^resource "(\w+)" "\w+" \{\n(.*?)^\}`).FindAllStringSubmatch(b.text, -1) {
		known, exists := terraformArguments[r[1]]
		if !exists {
			t.Errorf("%s: %s is not in terraformArguments", b, r[1])
		}
		for _, argument := range regexp.MustCompile(`(?m)^  (\w+) +=`).FindAllStringSubmatch(r[2], -1) {
			if !slices.Contains(known, argument[1]) {
				t.Errorf("%s: %s has no argument %s in terraformArguments", b, r[1], argument[1])
			}
		}
	}
	for _, ref := range regexp.MustCompile(`\b(?:(ovh_\w+)\.(\w+)|var\.(\w+))`).FindAllStringSubmatch(b.text, -1) {
		declared := `resource "` + ref[1] + `" "` + ref[2] + `"`
		if ref[3] != "" {
			declared = `variable "` + ref[3] + `"`
		}
		if !strings.Contains(b.text, declared) {
			t.Errorf("%s: there is no %s", b, declared)
		}
	}
}
