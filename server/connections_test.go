package server_test

import (
	"crypto/x509"
	"encoding/pem"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// held is a token that only the provider has.
const held = "eyJhbGciOiJFZERTQSJ9.held-by-the.provider"

// placed is where the store is, as fields of a connection.
func placed(s *harness.Store) string {
	return "    endpoint: " + s.URL + "\n    okmsId: " + s.OKMSID() + "\n    caBundle: |\n      " +
		strings.ReplaceAll(strings.TrimSpace(string(s.Server.CA)), "\n", "\n      ") + "\n"
}

// rules of the connection "team": namespace store with account web, and any of
// namespaces team-*.
const teamRules = `    allow:
      - {namespaces: [store], serviceAccounts: [web], paths: ["prod/shop/**"]}
      - {namespaces: ["team-*"], serviceAccounts: ["*"], paths: [prod/shared]}
`

func twoConnections(s *harness.Store) string {
	return "connections:\n  team:\n" + placed(s) + "    credentialsDir: ROOT/team\n" + teamRules +
		"  other:\n" + placed(s) + "    credentialsDir: ROOT/other\n" +
		"    allow: [{namespaces: [elsewhere], serviceAccounts: ['*'], paths: ['**']}]\n"
}

// overConnection is a mount with connection alone: no place, no credentials.
func overConnection(name, objects string, change map[string]string) harness.Mount {
	m := harness.Mount{Objects: objects, Secrets: map[string]string{}, Attributes: map[string]string{
		"connection": name, "endpoint": "", "okmsId": "", "caBundle": ""}}
	for k, v := range change {
		m.Attributes[k] = v
	}
	return m
}

const (
	namespaceKey = "csi.storage.k8s.io/pod.namespace"
	accountKey   = "csi.storage.k8s.io/serviceAccount.name"
)

func startWithConnections(t *testing.T) (*harness.Daemon, *harness.Identities) {
	t.Helper()
	store := harness.StartStore(t)
	if err := store.AddToken(held, emulator.Identity{Name: "held"}); err != nil {
		t.Fatal(err)
	}
	store.Hold(t, map[string]string{"prod/shop/db": `{"a":"1"}`, "prod/shared": `{"a":"2"}`, "prod/pay/card": `{"a":"3"}`})
	ids := harness.NewIdentities(t, twoConnections(store), map[string]map[string]string{"team": {"token": held}, "other": {"token": held}})
	return harness.Start(t, harness.Options{Emulator: store, Connections: ids.Connections}), ids
}

func TestAConnectionGivesWhatItsRulesAllow(t *testing.T) {
	d, _ := startWithConnections(t)
	for name, c := range map[string]struct {
		objects string
		change  map[string]string
	}{
		"its own path":                        {"- secretPath: prod/shop/db", nil},
		"a namespace by glob":                 {"- secretPath: prod/shared", map[string]string{namespaceKey: "team-7", accountKey: "any"}},
		"no service account, where any may":   {"- secretPath: prod/shared", map[string]string{namespaceKey: "team-7", accountKey: ""}},
		"secrets-store-sync-controller's way": {"- secretPath: prod/shared", map[string]string{namespaceKey: "team-7", "csi.storage.k8s.io/pod.name": "sync-controller-0"}},
	} {
		if files, err := d.Do(t.Context(), overConnection("team", c.objects, c.change)); err != nil || len(files) != 1 {
			t.Errorf("%s: %v, %v", name, files, err)
		}
	}
	for _, r := range d.Store.Requests() {
		if r.Identity != "held" {
			t.Errorf("a request came from %q", r.Identity)
		}
	}
}

// A pod's author writes the class of its namespace, and overrides each parameter
// in the pod. What kubelet states of the pod is out of reach (see the test with
// the real driver).
func TestWhoTriesToGetAroundTheRules(t *testing.T) {
	d, _ := startWithConnections(t)
	elsewhere := harness.StartStore(t)
	const own = "- secretPath: prod/shop/db"
	unknown := `parameters.connection: there is no connection "NAME" that service account "web" of namespace "store" may use; check the name, or ask who runs the provider to allow it`
	cases := []struct {
		name  string
		mount harness.Mount
		code  codes.Code
		want  string // of the message
	}{
		{"another connection", overConnection("other", own, nil), codes.PermissionDenied, strings.Replace(unknown, "NAME", "other", 1)},
		{"a connection that does not exist", overConnection("nosuch", own, nil), codes.PermissionDenied, strings.Replace(unknown, "NAME", "nosuch", 1)},
		{"the name in capitals", overConnection("TEAM", own, nil), codes.PermissionDenied, strings.Replace(unknown, "NAME", "TEAM", 1)},
		{"the name with a space", overConnection("te am", own, nil), codes.PermissionDenied, strings.Replace(unknown, "NAME", "te am", 1)},
		{"the name as a path", overConnection("../team", own, nil), codes.PermissionDenied, strings.Replace(unknown, "NAME", "../team", 1)},
		{"no connection named, and none called default", overConnection("", own, nil), codes.PermissionDenied,
			`neither region nor endpoint nor credentials are given, and there is no connection "default" that service account "web" of namespace "store" may use`},
		{"another namespace", overConnection("team", own, map[string]string{namespaceKey: "thief"}), codes.PermissionDenied, `there is no connection "team" that service account "web" of namespace "thief" may use`},
		{"a namespace with more in front", overConnection("team", own, map[string]string{namespaceKey: "xteam-a"}), codes.PermissionDenied, "may use"},
		{"no namespace", overConnection("team", own, map[string]string{namespaceKey: ""}), codes.PermissionDenied, "of a namespace that is not stated may use"},
		{"another service account", overConnection("team", own, map[string]string{accountKey: "thief"}), codes.PermissionDenied, `service account "thief" of namespace "store" may use`},
		{"no service account", overConnection("team", own, map[string]string{accountKey: ""}), codes.PermissionDenied, "a service account that is not stated of namespace"},
		{"a star as service account", overConnection("team", own, map[string]string{accountKey: "*"}), codes.PermissionDenied, "may use"},
		{"the path of another", overConnection("team", "- secretPath: prod/pay/card", nil), codes.PermissionDenied,
			`objects[0].secretPath: connection "team" does not allow "prod/pay/card" to service account "web" of namespace "store"; it allows prod/shop/**`},
		{"one path of two", overConnection("team", own+"\n- secretPath: prod/pay/card", nil), codes.PermissionDenied, "objects[1].secretPath: connection"},
		{"an optional path", overConnection("team", "- secretPath: prod/pay/card\n  optional: true", nil), codes.PermissionDenied, "does not allow"},
		{"a path of another rule", overConnection("team", "- secretPath: prod/shared", nil), codes.PermissionDenied, "does not allow"},
		{"the path in capitals", overConnection("team", "- secretPath: Prod/Shop/db", nil), codes.PermissionDenied, "does not allow"},
		{"dots", overConnection("team", "- secretPath: prod/shop/../pay/card", nil), codes.InvalidArgument, `must not hold the segment ".."`},
		{"dots in percent form", overConnection("team", "- secretPath: prod/shop/%2e%2e/pay/card", nil), codes.InvalidArgument, "may hold only"},
		{"slash in percent form", overConnection("team", "- secretPath: prod/shop%2F..%2Fpay", nil), codes.InvalidArgument, "may hold only"},
		{"slashes in a row", overConnection("team", "- secretPath: prod/shop//db", nil), codes.InvalidArgument, "two in a row"},
		{"a question mark", overConnection("team", "- secretPath: prod/shop/db?version=1", nil), codes.InvalidArgument, "may hold only"},
		{"a pattern as path", overConnection("team", "- secretPath: prod/shop/**", nil), codes.InvalidArgument, "may hold only"},
		{"another endpoint beside", overConnection("team", own, map[string]string{"endpoint": elsewhere.URL}), codes.InvalidArgument, "parameters.connection: cannot be combined with endpoint: a connection has its own; drop connection, or drop endpoint"},
		{"another endpoint and its CA", overConnection("team", own, map[string]string{"endpoint": elsewhere.URL, "caBundle": string(elsewhere.Server.CA), "okmsId": elsewhere.OKMSID()}), codes.InvalidArgument,
			"parameters.connection: cannot be combined with endpoint, okmsId and caBundle: a connection has its own; drop connection, or drop endpoint, okmsId and caBundle"},
		{"another endpoint in place of the connection", overConnection("", own, map[string]string{"endpoint": elsewhere.URL, "caBundle": string(elsewhere.Server.CA), "okmsId": elsewhere.OKMSID()}),
			codes.PermissionDenied, "parameters.endpoint: no credential is sent there"},
		{"a token endpoint", overConnection("team", own, map[string]string{"tokenUrl": elsewhere.URL}), codes.InvalidArgument, "parameters.tokenUrl: unknown parameter"},
		{"another CA alone", overConnection("team", own, map[string]string{"caBundle": string(elsewhere.Server.CA)}), codes.InvalidArgument, "parameters.connection: cannot be combined with caBundle: a connection has its own"},
		{"another region", overConnection("team", own, map[string]string{"region": "eu-west-par"}), codes.InvalidArgument, "parameters.connection: cannot be combined with region: a connection has its own"},
		{"another okmsId", overConnection("team", own, map[string]string{"okmsId": "00000000-0000-0000-0000-000000000000"}), codes.InvalidArgument, "parameters.connection: cannot be combined with okmsId: a connection has its own"},
		{"allow as a parameter", overConnection("team", own, map[string]string{"allow": "**"}), codes.InvalidArgument, "parameters.allow: unknown parameter"},
		{"credentialsDir as a parameter", overConnection("team", own, map[string]string{"credentialsDir": "/etc"}), codes.InvalidArgument, "parameters.credentialsDir: unknown parameter"},
		{"credentials beside", harness.Mount{Objects: own, Attributes: overConnection("team", own, nil).Attributes}, codes.InvalidArgument,
			"parameters.connection: cannot be combined with nodePublishSecretRef: a connection has its own; drop connection, or drop nodePublishSecretRef"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := d.Do(t.Context(), c.mount)
			want(t, err, c.code, c.want)
			if err != nil && (strings.Contains(err.Error(), held) || strings.Contains(err.Error(), d.Store.URL)) {
				t.Errorf("the message tells too much: %v", err)
			}
		})
	}
	if got := append(d.Store.Requests(), elsewhere.Requests()...); len(got) > 0 {
		t.Errorf("requests were made: %+v", got)
	}
}

// A store that was taken over, or a wrong endpoint, cannot send the provider on.
func TestAHeldCredentialDoesNotFollowTheStoreElsewhere(t *testing.T) {
	r := newRotating(t)
	elsewhere := harness.StartStore(t)
	r.store.Server.CA = append(r.store.Server.CA, elsewhere.Server.CA...) // trusted, so that it would be asked
	for name, credential := range map[string]map[string]string{
		"token":         {"token": firstToken},
		"certificate":   r.certificates["first"],
		"OAuth2 client": r.client(t, "planted-secret", "first"),
	} {
		t.Run(name, func(t *testing.T) {
			ids := harness.NewIdentities(t, r.of("team"), map[string]map[string]string{"team": credential})
			d := harness.Start(t, harness.Options{Emulator: r.store, Connections: ids.Connections})
			mend := r.store.Break(t, emulator.Fault{Redirect: elsewhere.URL + "/"})
			_, err := d.Do(t.Context(), overConnection("team", "- secretPath: prod/shop/db", nil))
			mend()
			if err == nil || len(elsewhere.Requests()) > 0 {
				t.Errorf("%v; the other store was asked: %+v", err, elsewhere.Requests())
			}
		})
	}
}

func TestTheConnectionDefaultIsUsedWhereNothingIsStated(t *testing.T) {
	store := harness.StartStore(t)
	store.Hold(t, map[string]string{"prod/shop/db": `{"a":"1"}`})
	ids := harness.NewIdentities(t, strings.Replace(twoConnections(store), "  team:", "  default:", 1),
		map[string]map[string]string{"team": {"token": harness.Token}, "other": {"token": harness.Token}})
	d := harness.Start(t, harness.Options{Emulator: store, Connections: ids.Connections})
	for name, connection := range map[string]string{"nothing": "", "its name": "default", "its name as a block of YAML": "default\n"} {
		if _, err := d.Do(t.Context(), overConnection(connection, "- secretPath: prod/shop/db", nil)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Whatever else is stated, the connection is not what is meant: not even the
	// connection's own endpoint.
	_, err := d.Do(t.Context(), overConnection("", "- secretPath: prod/shop/db", map[string]string{"endpoint": store.URL, "okmsId": store.OKMSID(), "caBundle": string(store.Server.CA)}))
	want(t, err, codes.Unauthenticated, "no credentials came with the mount")
	_, err = d.Do(t.Context(), overConnection("", "- secretPath: prod/shop/db", map[string]string{"region": "eu-west-par"}))
	want(t, err, codes.InvalidArgument, "parameters.okmsId: is missing", "no credentials came with the mount")
	// Who brings credentials means these.
	d.Store.ResetRequests()
	_, err = d.Do(t.Context(), harness.Mount{Objects: "- secretPath: prod/shop/db", Attributes: overConnection("", "", nil).Attributes})
	want(t, err, codes.InvalidArgument, "parameters.okmsId: is missing")
	if n := len(d.Store.Requests()); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestMetricsTellWhenACertificateEnds(t *testing.T) {
	d, ids := startWithConnections(t)
	cert, key, err := d.Store.IssueCertificate(emulator.Identity{})
	if err != nil {
		t.Fatal(err)
	}
	before := ids.Reloads()
	ids.Credential(t, "team", map[string]string{"tls.crt": string(cert), "tls.key": string(key)})
	ids.Await(t, before, func(r connections.Reload) bool { return r.Connection == "team" && r.Err == nil })
	block, _ := pem.Decode(cert)
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	metrics := harness.Page(t, d.Admin+"/metrics")
	for _, line := range []string{`ovhcloud_csi_config_reloads_total{result="ok"} 1`, `ovhcloud_csi_config_reloads_total{result="broken"} 0`,
		`ovhcloud_csi_credential_expiry_timestamp_seconds{connection="team"} ` + strconv.FormatFloat(float64(parsed.NotAfter.Unix()), 'g', -1, 64)} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("/metrics lacks %s", line)
		}
	}
	if strings.Contains(metrics, `expiry_timestamp_seconds{connection="other"}`) {
		t.Error("a token that tells no end has one")
	}
}

func TestOneConnectionThatIsBrokenShowsAndKeepsTheLastGoodCredential(t *testing.T) {
	d, ids := startWithConnections(t)
	before := ids.Reloads()
	ids.Credential(t, "team", map[string]string{"token": held + "\nsecond line"})
	r := ids.Await(t, before, func(r connections.Reload) bool { return r.Connection == "team" && r.Err != nil })
	if !strings.Contains(r.Credential, "token ") || strings.Contains(r.Err.Error(), held) {
		t.Errorf("told as %+v", r)
	}
	if _, err := d.Do(t.Context(), overConnection("team", "- secretPath: prod/shop/db", nil)); err != nil {
		t.Errorf("the last good credential is not in use: %v", err)
	}
	page := harness.Page(t, d.Admin+"/readyz")
	if wanted := "503 connection \"team\": " + ids.Root + "/team: token holds white space"; !strings.HasPrefix(page, wanted) {
		t.Errorf("/readyz: %s, want %s", page, wanted)
	}
	metrics := harness.Page(t, d.Admin+"/metrics")
	for _, line := range []string{`ovhcloud_csi_credential_reloads_total{connection="team",result="broken"} 1`, `ovhcloud_csi_credential_reloads_total{connection="team",result="ok"} 1`,
		`ovhcloud_csi_credential_current{connection="team"} 0`, `ovhcloud_csi_credential_usable{connection="team"} 1`, `ovhcloud_csi_credential_current{connection="other"} 1`, "ovhcloud_csi_config_current 1"} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("/metrics lacks %s", line)
		}
	}
	before = ids.Reloads()
	ids.Credential(t, "team", map[string]string{"token": held})
	ids.Await(t, before, func(r connections.Reload) bool { return r.Connection == "team" && r.Err == nil })
	if page := harness.Page(t, d.Admin+"/readyz"); page != "200 ok\n" {
		t.Errorf("/readyz after the repair: %s", page)
	}
}
