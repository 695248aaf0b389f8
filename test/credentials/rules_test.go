// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

func TestAConnectionReadsWhatItsRulesAllow(t *testing.T) {
	t.Parallel()
	d, _ := harness.StartWithConnections(t)
	for name, c := range map[string]struct {
		objects string
		change  map[string]string
	}{
		"its own path": {"- secretPath: prod/shop/db", nil},
		"a namespace by glob": {"- secretPath: prod/shared",
			map[string]string{harness.NamespaceKey: "team-7", harness.AccountKey: "any"}},
		"no service account, where any may": {"- secretPath: prod/shared",
			map[string]string{harness.NamespaceKey: "team-7", harness.AccountKey: ""}},
		"secrets-store-sync-controller's way": {"- secretPath: prod/shared",
			map[string]string{harness.NamespaceKey: "team-7", "csi.storage.k8s.io/pod.name": "sync-controller-0"}},
	} {
		if files, err := d.Do(t.Context(), harness.OverConnection("team", c.objects, c.change)); err != nil ||
			len(files) != 1 {
			t.Errorf("%s: %v, %v", name, files, err)
		}
	}
	for _, r := range d.Store.Requests() {
		if r.Identity != "held" {
			t.Errorf("a request came from %q", r.Identity)
		}
	}
}

// A pod's author writes the class of its namespace, and overrides each parameter in the
// pod. The attributes of kubelet cannot be overridden (see the test with the real driver).
func TestTheRulesCannotBeBypassed(t *testing.T) {
	t.Parallel()
	d, _ := harness.StartWithConnections(t)
	elsewhere := harness.StartStore(t)
	const own = "- secretPath: prod/shop/db"
	unknown := `parameters.connection: there is no connection "NAME" that service account "web" of namespace "store" ` +
		`may use; check the name, or ask the cluster's administrator to allow it`
	cases := []struct {
		name  string
		mount harness.Mount
		code  codes.Code
		want  string // of the message
	}{
		{"another connection", harness.OverConnection("other", own, nil), codes.PermissionDenied,
			strings.Replace(unknown, "NAME", "other", 1)},
		{"a connection that does not exist", harness.OverConnection("nosuch", own, nil), codes.PermissionDenied,
			strings.Replace(unknown, "NAME", "nosuch", 1)},
		{"the name in capitals", harness.OverConnection("TEAM", own, nil), codes.PermissionDenied,
			strings.Replace(unknown, "NAME", "TEAM", 1)},
		{"the name with a space", harness.OverConnection("te am", own, nil), codes.PermissionDenied,
			strings.Replace(unknown, "NAME", "te am", 1)},
		{"the name as a path", harness.OverConnection("../team", own, nil), codes.PermissionDenied,
			strings.Replace(unknown, "NAME", "../team", 1)},
		{"no connection named, and none called default", harness.OverConnection("", own, nil), codes.PermissionDenied,
			`neither region nor endpoint nor credentials are given, and there is no connection "default" that service ` +
				`account "web" of namespace "store" may use`},
		{"another namespace", harness.OverConnection("team", own, map[string]string{harness.NamespaceKey: "thief"}),
			codes.PermissionDenied, `there is no connection "team" that service account "web" of namespace "thief" may use`},
		{"a namespace with more in front", harness.OverConnection("team", own,
			map[string]string{harness.NamespaceKey: "xteam-a"}), codes.PermissionDenied, "may use"},
		{"no namespace", harness.OverConnection("team", own, map[string]string{harness.NamespaceKey: ""}),
			codes.PermissionDenied, "of a namespace that is not stated may use"},
		{"another service account", harness.OverConnection("team", own, map[string]string{harness.AccountKey: "thief"}),
			codes.PermissionDenied, `service account "thief" of namespace "store" may use`},
		{"no service account", harness.OverConnection("team", own, map[string]string{harness.AccountKey: ""}),
			codes.PermissionDenied, "a service account that is not stated of namespace"},
		{"a star as service account", harness.OverConnection("team", own, map[string]string{harness.AccountKey: "*"}),
			codes.PermissionDenied, "may use"},
		{"the path of another", harness.OverConnection("team", "- secretPath: prod/pay/card", nil), codes.PermissionDenied,
			`objects[0].secretPath: connection "team" does not allow "prod/pay/card" to service account "web" of namespace ` +
				`"store"; it allows prod/shop/**`},
		{"one path of two", harness.OverConnection("team", own+"\n- secretPath: prod/pay/card", nil), codes.PermissionDenied,
			"objects[1].secretPath: connection"},
		{"an optional path", harness.OverConnection("team", "- secretPath: prod/pay/card\n  optional: true", nil),
			codes.PermissionDenied, "does not allow"},
		{"a path of another rule", harness.OverConnection("team", "- secretPath: prod/shared", nil), codes.PermissionDenied,
			"does not allow"},
		{"the path in capitals", harness.OverConnection("team", "- secretPath: Prod/Shop/db", nil), codes.PermissionDenied,
			"does not allow"},
		{"dots", harness.OverConnection("team", "- secretPath: prod/shop/../pay/card", nil), codes.InvalidArgument,
			`must not hold the segment ".."`},
		{"dots in percent form", harness.OverConnection("team", "- secretPath: prod/shop/%2e%2e/pay/card", nil),
			codes.InvalidArgument, "may hold only"},
		{"slash in percent form", harness.OverConnection("team", "- secretPath: prod/shop%2F..%2Fpay", nil),
			codes.InvalidArgument, "may hold only"},
		{"slashes in a row", harness.OverConnection("team", "- secretPath: prod/shop//db", nil), codes.InvalidArgument,
			"two in a row"},
		{"a question mark", harness.OverConnection("team", "- secretPath: prod/shop/db?version=1", nil),
			codes.InvalidArgument, "may hold only"},
		{"a pattern as path", harness.OverConnection("team", "- secretPath: prod/shop/**", nil), codes.InvalidArgument,
			"may hold only"},
		{"another endpoint in addition", harness.OverConnection("team", own, map[string]string{"endpoint": elsewhere.URL}),
			codes.InvalidArgument, "parameters.connection: cannot be combined with endpoint: a connection has its own; drop " +
				"connection, or drop endpoint"},
		{"another endpoint and its CA", harness.OverConnection("team", own,
			map[string]string{"endpoint": elsewhere.URL, "caBundle": string(elsewhere.Server.CA),
				"okmsId": elsewhere.OKMSID()}), codes.InvalidArgument,
			"parameters.connection: cannot be combined with endpoint, okmsId and caBundle: a connection has its own; drop " +
				"connection, or drop endpoint, okmsId and caBundle"},
		{"another endpoint in place of the connection", harness.OverConnection("", own,
			map[string]string{"endpoint": elsewhere.URL, "caBundle": string(elsewhere.Server.CA), "okmsId": elsewhere.OKMSID()}),
			codes.PermissionDenied, "parameters.endpoint: no credential is sent there"},
		{"a token endpoint", harness.OverConnection("team", own, map[string]string{"tokenUrl": elsewhere.URL}),
			codes.InvalidArgument, "parameters.tokenUrl: unknown parameter"},
		{"another CA alone", harness.OverConnection("team", own, map[string]string{"caBundle": string(elsewhere.Server.CA)}),
			codes.InvalidArgument, "parameters.connection: cannot be combined with caBundle: a connection has its own"},
		{"another region", harness.OverConnection("team", own, map[string]string{"region": "eu-west-par"}),
			codes.InvalidArgument, "parameters.connection: cannot be combined with region: a connection has its own"},
		{"another okmsId", harness.OverConnection("team", own,
			map[string]string{"okmsId": "00000000-0000-0000-0000-000000000000"}), codes.InvalidArgument,
			"parameters.connection: cannot be combined with okmsId: a connection has its own"},
		{"allow as a parameter", harness.OverConnection("team", own, map[string]string{"allow": "**"}), codes.InvalidArgument,
			"parameters.allow: unknown parameter"},
		{"credentialsDir as a parameter", harness.OverConnection("team", own, map[string]string{"credentialsDir": "/etc"}),
			codes.InvalidArgument, "parameters.credentialsDir: unknown parameter"},
		{"credentials in addition", harness.Mount{Objects: own, Attributes: harness.OverConnection("team", own,
			nil).Attributes}, codes.InvalidArgument,
			"parameters.connection: cannot be combined with nodePublishSecretRef: a connection has its own; drop connection, " +
				"or drop nodePublishSecretRef"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := d.Do(t.Context(), c.mount)
			harness.WantError(t, err, c.code, c.want)
			if err != nil && (strings.Contains(err.Error(), harness.HeldToken) || strings.Contains(err.Error(), d.Store.URL)) {
				t.Errorf("the message shows too much: %v", err)
			}
		})
	}
	if got := append(d.Store.Requests(), elsewhere.Requests()...); len(got) > 0 {
		t.Errorf("requests were made: %+v", got)
	}
}

// A store in the hands of an attacker, or a wrong endpoint, cannot redirect the provider.
func TestARedirectGetsNoCredentialOfAConnection(t *testing.T) {
	t.Parallel()
	r := newRotating(t)
	elsewhere := harness.StartStore(t)
	r.store.Server.CA = append(r.store.Server.CA, elsewhere.Server.CA...) // trusted, so that a redirect could be followed
	for name, credential := range map[string]map[string]string{
		"token":         {"token": firstToken},
		"certificate":   r.certificates["first"],
		"OAuth2 client": r.client(t, "planted-secret", "first"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ids := harness.NewIdentities(t, r.of("team"), map[string]map[string]string{"team": credential})
			d := harness.Start(t, harness.Options{Emulator: r.store, Connections: ids.Connections})
			repair := r.store.Break(t, emulator.Fault{Redirect: elsewhere.URL + "/"})
			_, err := d.Do(t.Context(), harness.OverConnection("team", "- secretPath: prod/shop/db", nil))
			repair()
			if err == nil || len(elsewhere.Requests()) > 0 {
				t.Errorf("%v; the other store was asked: %+v", err, elsewhere.Requests())
			}
		})
	}
}

func TestTheConnectionDefault(t *testing.T) {
	t.Parallel()
	store := harness.StartStore(t)
	store.Hold(t, map[string]string{"prod/shop/db": `{"a":"1"}`})
	ids := harness.NewIdentities(t, strings.Replace(store.TwoConnections(), "  team:", "  default:", 1),
		map[string]map[string]string{"team": {"token": harness.Token}, "other": {"token": harness.Token}})
	d := harness.Start(t, harness.Options{Emulator: store, Connections: ids.Connections})
	for name, connection := range map[string]string{"nothing": "", "its name": "default",
		"its name as a block of YAML": "default\n"} {
		if _, err := d.Do(t.Context(), harness.OverConnection(connection, "- secretPath: prod/shop/db", nil)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// With any other parameter, even the connection's own endpoint, the connection is not
	// used.
	_, err := d.Do(t.Context(), harness.OverConnection("", "- secretPath: prod/shop/db",
		map[string]string{"endpoint": store.URL, "okmsId": store.OKMSID(), "caBundle": string(store.Server.CA)}))
	harness.WantError(t, err, codes.Unauthenticated, "no credentials came with the mount")
	_, err = d.Do(t.Context(), harness.OverConnection("", "- secretPath: prod/shop/db",
		map[string]string{"region": "eu-west-par"}))
	harness.WantError(t, err, codes.InvalidArgument, "parameters.okmsId: is missing", "no credentials came with the mount")
	// A mount with credentials uses them, not the connection.
	d.Store.ResetRequests()
	_, err = d.Do(t.Context(), harness.Mount{Objects: "- secretPath: prod/shop/db",
		Attributes: harness.OverConnection("", "", nil).Attributes})
	harness.WantError(t, err, codes.InvalidArgument, "parameters.okmsId: is missing")
	if n := len(d.Store.Requests()); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}
