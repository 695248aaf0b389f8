// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"ovhcloud-csi-provider/cmd/ovhcsi/cluster"
)

// testedDriver is the first version of the driver that the provider is tested with.
var testedDriver = version{1, 6}

// checkDriver checks that the driver is there.
func checkDriver(f *facts, r *Report) {
	const install = "Install it: step 1 of docs/install.md"
	if errors.Is(f.Driver.Err, cluster.ErrAbsent) {
		r.find(noDriver, "", install, "the cluster has no CSI driver %s", cluster.DriverName)
		return
	}
	if errors.Is(f.Classes.Err, cluster.ErrAbsent) {
		r.find(noKind, "", "Install the driver's CRDs: step 1 of docs/install.md",
			"the cluster has no kind SecretProviderClass")
	}
	unread := r.unread(driver, "CSIDrivers", f.Driver.Err)
	if r.unread(driver, "DaemonSets", f.DaemonSets.Err) {
		return
	}
	if f.driver.set == nil {
		r.find(noDriver, "", install, "no DaemonSet runs the driver")
		return
	}
	number := f.driver.version()
	if is, known := parseVersion(number); known && is.before(testedDriver) {
		r.find(oldDriver, f.driver.name(), "Upgrade the driver to 1.6 or later",
			"the driver has the version %s: versions before 1.6 are not tested with the provider, "+
				"and renew a volume only if its Secret has the label %s=true", number, usedLabel)
	} else {
		r.pass(driver, "%s, version %s%s", f.driver.name(), cmp.Or(number, "unknown"), audiences(f))
	}
	if !unread {
		checkRotation(f, r)
	}
}

// usedLabel is the label of Secrets that a driver before 1.6 reads when it renews a volume.
const usedLabel = "secrets-store.csi.k8s.io/used"

// audiences says for whom the driver's service account tokens are; "" if it passes none.
func audiences(f *facts) string {
	var all []string
	for _, d := range f.Driver.Items {
		for _, request := range d.Spec.TokenRequests {
			all = append(all, cmp.Or(request.Audience, "the API server"))
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "; it passes service account tokens for " + strings.Join(all,
		", ") + " (tokenRequests), which the provider does not use"
}

// rotation returns whether the driver renews volumes. If it does not, lacks says what is missing.
func (f *facts) rotation() (on bool, lacks string) {
	if !f.driver.isOn("enable-secret-rotation") {
		return false, "the driver runs without --enable-secret-rotation=true"
	}
	is, known := parseVersion(f.driver.version())
	if asks := len(f.Driver.Items) > 0 && f.Driver.Items[0].Spec.RequiresRepublish; !asks &&
		!(known && is.before(testedDriver)) {
		return false, "requiresRepublish of CSIDriver " + cluster.DriverName +
			" is not true, so that kubelet does not ask for renewals"
	}
	return true, ""
}

// checkRotation checks that files get new versions.
func checkRotation(f *facts, r *Report) {
	on, lacks := f.rotation()
	if on {
		r.pass(driver, "rotation is on; files are renewed when kubelet asks and they are at least %s old",
			cmp.Or(f.driver.flag("rotation-poll-interval"), "2m"))
		return
	}
	const fix = "Set enableSecretRotation=true in the driver's release"
	r.find(noRotation, f.driver.name(), fix,
		"rotation is off: %s. Mounted files and mirrored Secrets keep the version of the pod's start", lacks)
	for _, c := range f.classes {
		if strings.Contains(c.Spec.Parameters["objects"], "refreshInterval") || c.Spec.Parameters["refreshInterval"] != "" {
			r.find(asksRotation, className(c), fix,
				"it has refreshInterval%s, and rotation is off: nothing is renewed", mirrors(c))
		}
	}
}

// mirrors says that a class also has secretObjects; "" if it has none.
func mirrors(c cluster.Class) string {
	if len(c.Spec.SecretObjects) == 0 {
		return ""
	}
	return " and secretObjects"
}

// className returns kind, namespace and name of a class.
func className(c cluster.Class) string {
	return "SecretProviderClass " + c.Metadata.Namespace + "/" + c.Metadata.Name
}

// checkDriverPods checks the pods of the driver.
func checkDriverPods(f *facts, r *Report) {
	if f.driver.set == nil || r.unread(driver, "pods", f.Pods.Err) {
		return
	}
	if checkPods(f, r, driverNotReady, f.driver) {
		r.pass(driver, "its pods are ready on %s", plural(len(f.driver.nodes()), "node"))
	}
}

// checkMirroring checks that the driver may create the Secrets of secretObjects.
func checkMirroring(f *facts, r *Report) {
	var mirroring []cluster.Class
	for _, c := range f.classes {
		if len(c.Spec.SecretObjects) > 0 {
			mirroring = append(mirroring, c)
		}
	}
	if len(mirroring) == 0 || f.driver.set == nil {
		return
	}
	if r.unread(driver, "roles and their bindings", errors.Join(f.Roles.Err, f.Bindings.Err)) {
		return
	}
	number := 0
	for _, c := range mirroring {
		if !f.mayCreateSecrets(c.Metadata.Namespace) {
			number++
			r.find(noMirroring, className(c), "Set syncSecret.enabled=true in the driver's release",
				"it has secretObjects, and the driver has no RBAC permission to create Secrets in namespace %s",
				c.Metadata.Namespace)
		}
	}
	if number == 0 {
		r.pass(driver, "it may create the Secrets of secretObjects (classes: %d)", len(mirroring))
	}
}

// mayCreateSecrets reports whether the driver may create Secrets in a namespace.
func (f *facts) mayCreateSecrets(namespace string) bool {
	for _, b := range f.Bindings.Items {
		if in := b.Metadata.Namespace; (in == "" || in == namespace) && f.bindsDriver(b) && f.createsSecrets(b) {
			return true
		}
	}
	return false
}

// bindsDriver reports whether a binding is for the driver's service account.
func (f *facts) bindsDriver(b cluster.Binding) bool {
	namespace, account := f.driver.set.Metadata.Namespace, f.driver.set.Spec.Template.Spec.ServiceAccountName
	groups := []string{"system:authenticated", "system:serviceaccounts", "system:serviceaccounts:" + namespace}
	for _, s := range b.Subjects {
		is := s.Kind == "ServiceAccount" && s.Namespace == namespace && s.Name == account
		if is || s.Kind == "Group" && slices.Contains(groups, s.Name) {
			return true
		}
	}
	return false
}

// createsSecrets reports whether the role of a binding allows to create Secrets.
func (f *facts) createsSecrets(b cluster.Binding) bool {
	has := func(list []string, value string) bool {
		return slices.Contains(list, value) || slices.Contains(list, "*")
	}
	for _, role := range f.Roles.Items {
		in := b.Metadata.Namespace
		if b.RoleRef.Kind == "ClusterRole" {
			in = ""
		}
		if role.Metadata.Name != b.RoleRef.Name || role.Metadata.Namespace != in {
			continue
		}
		for _, rule := range role.Rules {
			if has(rule.APIGroups, "") && has(rule.Resources, "secrets") && has(rule.Verbs, "create") &&
				len(rule.ResourceNames) == 0 {
				return true
			}
		}
	}
	return false
}
