// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"os"
	"path"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/plan/plantest"
)

// noCredentials is the message for a mount without credentials and without a connection.
const noCredentials = "no credentials came with the mount; name a Secret with a token, with tls.crt and tls.key, " +
	"or with clientId and clientSecret in nodePublishSecretRef of the pod's volume"

// changes are changes of the valid request of plantest.
type changes = []func(*plan.Request)

// endpoint replaces the region of a request by an endpoint.
func endpoint(url string) func(*plan.Request) {
	return func(r *plan.Request) {
		plantest.Without("region")(r)
		plantest.With("endpoint", url)(r)
	}
}

// refused returns the kind and text of the failures of a changed request.
func refused(t *testing.T, change ...func(*plan.Request)) (kind failure.Kind, text string) {
	t.Helper()
	return plantest.Refused(t, plantest.Request(change...))
}

// planned returns the plan of a valid request with these lines of objects.
func planned(t *testing.T, objects ...string) plan.Plan {
	t.Helper()
	return plantest.Planned(t, plantest.Request(plantest.Objects(objects...)))
}

// heldToken is the token of the connection team.
const heldToken = "eyJ.planted.held-token"

// heldConnections returns a set with one connection, team. It allows prod/shop/** to the service
// account web of the namespace store.
func heldConnections(t testing.TB) *connections.Set {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"token": heldToken,
		"config.yaml": "connections:\n  team:\n    endpoint: https://okms.held.example\n" +
			"    okmsId: " + plantest.TestDomain + "\n    credentialsDir: " + dir +
			"\n    allow: [{namespaces: [store], serviceAccounts: [web], paths: ['prod/shop/**']}]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return connections.Open(connections.Options{File: filepath.Join(dir, "config.yaml")})
}

// fixedAlloc is the limit in bytes of the allocations that do not depend on the input: the texts of
// failures.
const fixedAlloc = 4 << 20

// allocated returns the bytes that the program has allocated so far.
func allocated() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

// checkFiles fails the test for a file that the driver refuses, or for two that collide.
func checkFiles(t *testing.T, p plan.Plan) {
	seen := map[string]bool{}
	for _, o := range p.Objects {
		if o.Mode > 0o777 {
			t.Errorf("mode %o", o.Mode)
		}
		if o.AllKeys {
			continue
		}
		name := o.File()
		clean := path.Clean(name) == name && !strings.Contains("/"+name+"/", "/../")
		if name == "" || name[0] == '/' || strings.HasPrefix(name, "..") || !clean {
			t.Errorf("the driver refuses the file name %q", name)
		}
		if seen[name] {
			t.Errorf("two objects write the file %q", name)
		}
		seen[name] = true
	}
	for name := range seen {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if seen[dir] {
				t.Errorf("%q is a file and the folder of %q", dir, name)
			}
		}
	}
}
