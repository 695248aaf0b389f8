// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"strings"
	"testing"
)

const all = `
admissionPolicy:
  volumeAttributes: true
  endpoints: [eu-west-par, us-east-vin, "okms.example:8200", "https://vault.example/"]
  connectionsOnly: false
`

// pod returns a pod with the volumes, which are YAML in one line.
func pod(volumes string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n" +
		"spec: {containers: [{name: web, image: nginx}]" + volumes + "}\n"
}

// volume returns a volume of the driver with the further fields of its csi.
func volume(name, fields string) string {
	return "{name: " + name + ", csi: {driver: secrets-store.csi.k8s.io, readOnly: true" + fields + "}}"
}

var (
	good = ", volumes: [" +
		volume("a", ", volumeAttributes: {secretProviderClass: shop}, nodePublishSecretRef: {name: okms}") + "]"
	wrong = ", volumes: [" + volume("a", ", volumeAttributes: {secretProviderClass: shop}") + ", " +
		volume("b", `, volumeAttributes: {secretProviderClass: shop, endpoint: "https://evil.example"}`) + "]"
)

// workload returns an object with a template of pods.
func workload(kind string, replicas int, volumes string) string {
	template := "{metadata: {labels: {a: b}}, spec: {containers: [{name: web, image: nginx}]" + volumes + "}}"
	head := "kind: " + kind + "\nmetadata: {name: web}\nspec: "
	switch kind {
	case "CronJob":
		return "apiVersion: batch/v1\n" + head + "{schedule: '* * * * *', jobTemplate: {spec: {template: " + template + "}}}"
	case "Job":
		return "apiVersion: batch/v1\n" + head + "{template: " + template + "}"
	case "ReplicationController":
		return "apiVersion: v1\n" + head + "{template: " + template + "}"
	case "DaemonSet":
		return "apiVersion: apps/v1\n" + head + "{selector: {matchLabels: {a: b}}, template: " + template + "}"
	}
	return "apiVersion: apps/v1\n" + head +
		fmt.Sprintf("{replicas: %d, selector: {matchLabels: {a: b}}, template: %s}", replicas, template)
}

// class returns a SecretProviderClass with the spec, which is YAML in one line.
func class(spec string) string {
	return "apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\nmetadata: {name: shop}\n" + spec
}

// ours returns a class of the provider with the parameters.
func ours(parameters string) string {
	return class("spec: {provider: ovhcloud, parameters: {" + parameters + "}}")
}

const replaced = `the volume "b" has volumeAttributes that replace parameters of its SecretProviderClass. Keep only secretProviderClass, ` +
	`and set the others in the class`

func TestAPodMayNotReplaceParametersOfItsClass(t *testing.T) {
	s := start(t, all)
	attributes := func(of string) string { return ", volumes: [" + volume("b", of) + "]" }
	other := ", volumes: [{name: a, csi: {driver: x.example, volumeAttributes: {a: b}}}]"
	for name, c := range map[string]struct{ object, want string }{
		"no volumes":                       {pod(""), ""},
		"an empty list of volumes":         {pod(", volumes: []"), ""},
		"another kind of volume":           {pod(", volumes: [{name: a, emptyDir: {}}]"), ""},
		"another driver":                   {pod(other), ""},
		"no attributes":                    {pod(attributes("")), ""},
		"only the class":                   {pod(good), ""},
		"an endpoint":                      {pod(wrong), replaced},
		"an attribute without the class":   {pod(attributes(", volumeAttributes: {objects: x}")), replaced},
		"a Deployment":                     {workload("Deployment", 1, wrong), replaced},
		"a good Deployment":                {workload("Deployment", 1, good), ""},
		"a Deployment without volumes":     {workload("Deployment", 1, ""), ""},
		"a StatefulSet":                    {workload("StatefulSet", 1, wrong), replaced},
		"a DaemonSet":                      {workload("DaemonSet", 1, wrong), replaced},
		"a Job":                            {workload("Job", 1, wrong), replaced},
		"a CronJob":                        {workload("CronJob", 1, wrong), replaced},
		"a good CronJob":                   {workload("CronJob", 1, good), ""},
		"a ReplicationController":          {workload("ReplicationController", 1, wrong), replaced},
		"a ReplicaSet, for its Deployment": {workload("ReplicaSet", 1, wrong), ""},
	} {
		check(t, name, s.send(t, request{object: c.object}), c.want)
	}
}

func TestWhatIsOlderThanThePolicyStays(t *testing.T) {
	s := start(t, all)
	old := workload("Deployment", 1, wrong)
	check(t, "the same", s.send(t, request{object: old, old: old}), "")
	check(t, "changed", s.send(t, request{object: workload("Deployment", 2, wrong), old: old}), replaced)
	check(t, "corrected", s.send(t, request{object: workload("Deployment", 1, good), old: old}), "")
	check(t, "a pod that loses its finalizers", s.send(t, request{object: pod(wrong), old: pod(wrong)}), "")
}

func TestAClassMayOnlyNameListedEndpoints(t *testing.T) {
	s := start(t, all)
	const help = " is not allowed in this cluster; allowed are eu-west-par, us-east-vin, okms.example:8200, " +
		"https://vault.example/. Use one of them, or ask the cluster's administrator to add it (admissionPolicy.endpoints)"
	for object, want := range map[string]string{
		class("spec: {provider: ovhcloud}"):                                         "",
		class("spec: {provider: vault, parameters: {endpoint: https://x.example}}"): "",
		class(""):                               "",
		class("spec: {}"):                       "",
		ours("objects: x"):                      "",
		ours("connection: default, objects: x"): "",
		ours("region: eu-west-par, okmsId: x, objects: x"):               "",
		ours("region: ' EU-West-Par '"):                                  "", // as the provider reads it
		ours("region: us-east-vin"):                                      "",
		ours("region: eu-west-rbx"):                                      "region",
		ours("region: ''"):                                               "region",
		ours("region: eu-west-par.okms.ovh.net"):                         "region",
		ours("endpoint: https://eu-west-par.okms.ovh.net"):               "",
		ours("endpoint: https://us-east-vin.okms.ovh.us:443/api/x"):      "",
		ours("endpoint: https://eu-west-par.okms.ovh.us"):                "endpoint",
		ours("endpoint: https://okms.example:8200/api/x"):                "",
		ours("endpoint: ' HTTPS://OKMS.example:8200/ '"):                 "",
		ours("endpoint: https://okms.example"):                           "endpoint",
		ours("endpoint: https://vault.example"):                          "",
		ours("endpoint: https://vault.example:443"):                      "",
		ours("endpoint: https://vault.example:8443"):                     "endpoint",
		ours("endpoint: http://vault.example"):                           "endpoint",
		ours("endpoint: vault.example"):                                  "endpoint",
		ours("endpoint: https://vault.example.evil.example"):             "endpoint",
		ours("endpoint: https://vault.example@evil.example/"):            "endpoint",
		ours(`endpoint: "https://vault.example\\@evil.example/"`):        "endpoint",
		ours("endpoint: 'https://evil.example/?https://vault.example/'"): "endpoint",
		ours("region: eu-west-rbx, endpoint: https://vault.example"):     "region",
	} {
		if want != "" {
			want = "the " + want + help
		}
		check(t, object, s.send(t, request{object: object}), want)
	}
	refused := ours("region: eu-west-rbx")
	check(t, "an older class", s.send(t, request{object: refused, old: refused}), "")
}

func TestClassesMayBeLimitedToConnections(t *testing.T) {
	s := start(t, "admissionPolicy: {volumeAttributes: true, connectionsOnly: true}\n")
	const want = `region, endpoint, okmsId, caBundle and api are not allowed in this cluster. Remove them, and set connection to the name of a ` +
		`connection of the provider; without it, the connection is "default"`
	for object, refused := range map[string]bool{
		ours("connection: pay, objects: x"):                            false,
		ours("objects: x"):                                             false,
		class("spec: {provider: vault, parameters: {region: x}}"):      false,
		class("spec: {provider: ovhcloud}"):                            false,
		ours("connection: pay, region: eu-west-par, objects: x"):       true,
		ours("region: eu-west-par"):                                    true,
		ours("endpoint: https://eu-west-par.okms.ovh.net/api/x"):       true,
		ours("okmsId: x"):                                              true,
		ours("caBundle: x"):                                            true,
		ours("api: rest"):                                              true,
		ours(`objects: "- {secretPath: a, connection: pay}"`):          false,
		ours(`refreshInterval: 30m, connection: pay, objects: "- {}"`): false,
	} {
		wants := ""
		if refused {
			wants = want
		}
		check(t, object, s.send(t, request{object: object}), wants)
	}
}

func TestPoliciesApplyInTheChosenNamespaces(t *testing.T) {
	s := start(t, "admissionPolicy: {volumeAttributes: true, endpoints: [eu-west-par], "+
		"namespaceSelector: {matchLabels: {team: shop}}}\n")
	for _, r := range []request{{object: pod(wrong)}, {object: ours("region: eu-west-rbx")}} {
		if r.namespace = "plain"; s.send(t, r) != nil {
			t.Errorf("a namespace without the label has the policy: %v", s.send(t, r))
		}
		if r.namespace = "shop"; s.send(t, r) == nil {
			t.Errorf("a namespace with the label does not have the policy for %s", r.object)
		}
	}
}

func TestAWarningRefusesNothing(t *testing.T) {
	s := start(t, "admissionPolicy: {volumeAttributes: true, validationActions: [Warn, Audit]}\n")
	check(t, "Warn", s.send(t, request{object: pod(wrong)}), "")
}

// The API server limits the cost of each expression. An object that exceeds it is refused, since the policies fail
// closed; so the largest objects that etcd stores, 1.5 MiB, must not exceed it.
func TestTheLargestObjectsAreDecided(t *testing.T) {
	s := start(t, all)
	const most = 3 << 19
	repeat := func(one string) string { return strings.Repeat(one, most/len(one)) }
	send := func(name, volumes, want string) {
		t.Helper()
		large := `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"volumes": [` + volumes + "]}}"
		check(t, name, s.send(t, request{object: large}), want)
	}
	one := func(name, attributes string) string {
		return `{"name": "` + name + `", "csi": {"driver": "secrets-store.csi.k8s.io", "volumeAttributes": {` + attributes + "}}}"
	}
	many := repeat(one("a", `"secretProviderClass": "s"`) + ",")
	const some = "a volume of secrets-store.csi.k8s.io has volumeAttributes that replace parameters of its " +
		"SecretProviderClass. Keep only secretProviderClass, and set the others in the class"
	send("many volumes", many+one("a", ""), "")
	send("the last of many volumes", many+one("b", `"objects": "s"`), some)
	send("many wrong volumes", repeat(one("b", `"o": "s"`)+",")+one("a", ""), some)
	long := repeat("x")
	send("a long attribute", one("b", `"objects": "`+long+`"`), replaced)
	for name, want := range map[string]string{
		"objects": "", "region": "the region is not", "endpoint": "the endpoint is not"} {
		err := s.send(t, request{
			object: `{"apiVersion": "secrets-store.csi.x-k8s.io/v1", "kind": "SecretProviderClass", "metadata": {"name": "shop"},
				"spec": {"provider": "ovhcloud", "parameters": {"` + name + `": "` + long + `"}}}`})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want+" allowed in this cluster") {
			t.Errorf("a long %s: %v", name, err)
		}
	}
}

// check compares an error of the admission, "" for none, with the end that it must have.
func check(t *testing.T, name string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%.300s: refused: %v", name, err)
	case want != "" && err == nil:
		t.Errorf("%.300s: admitted, want %s", name, want)
	case want != "" && !strings.HasSuffix(err.Error(), " denied request: "+want):
		t.Errorf("%.300s: got  %v\nwant … denied request: %s", name, err, want)
	case want != "" && !strings.Contains(err.Error(), " is forbidden: "):
		t.Errorf("%.300s: the reason is not Forbidden: %v", name, err)
	}
}
