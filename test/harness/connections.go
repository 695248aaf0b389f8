// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"strings"
	"testing"

	"ovhcloud-csi-provider/test/emulator"
)

// HeldToken is a token that only the provider has, by its connections.
const HeldToken = "eyJhbGciOiJFZERTQSJ9.held-by-the.provider"

// Attributes of a mount that kubelet sets.
const (
	NamespaceKey = "csi.storage.k8s.io/pod.namespace"
	AccountKey   = "csi.storage.k8s.io/serviceAccount.name"
)

// Placed returns the fields of a connection that say where the store is.
func (s *Store) Placed() string {
	return "    endpoint: " + s.URL + "\n    okmsId: " + s.OKMSID() + "\n    caBundle: |\n      " +
		strings.ReplaceAll(strings.TrimSpace(string(s.Server.CA)), "\n", "\n      ") + "\n"
}

// TeamRules are the rules of the connection "team": service account web of namespace
// store, and any service account of the namespaces team-*.
const TeamRules = `    allow:
      - {namespaces: [store], serviceAccounts: [web], paths: ["prod/shop/**"]}
      - {namespaces: ["team-*"], serviceAccounts: ["*"], paths: [prod/shared]}
`

// TwoConnections returns a configuration with the connections "team" and "other".
func (s *Store) TwoConnections() string {
	return "connections:\n  team:\n" + s.Placed() + "    credentialsDir: ROOT/team\n" + TeamRules +
		"  other:\n" + s.Placed() + "    credentialsDir: ROOT/other\n" +
		"    allow: [{namespaces: [elsewhere], serviceAccounts: ['*'], paths: ['**']}]\n"
}

// OverConnection is a mount with a connection and without place and credentials. change
// is added to its attributes.
func OverConnection(name, objects string, change map[string]string) Mount {
	m := Mount{Objects: objects, Secrets: map[string]string{}, Attributes: map[string]string{
		"connection": name, "endpoint": "", "okmsId": "", "caBundle": ""}}
	for k, v := range change {
		m.Attributes[k] = v
	}
	return m
}

// StartWithConnections starts a daemon with TwoConnections, whose credential is
// HeldToken.
func StartWithConnections(t testing.TB) (*Daemon, *Identities) {
	t.Helper()
	store := StartStore(t)
	if err := store.AddToken(HeldToken, emulator.Identity{Name: "held"}); err != nil {
		t.Fatal(err)
	}
	store.Hold(t, map[string]string{"prod/shop/db": `{"a":"1"}`, "prod/shared": `{"a":"2"}`, "prod/pay/card": `{"a":"3"}`})
	ids := NewIdentities(t, store.TwoConnections(),
		map[string]map[string]string{"team": {"token": HeldToken}, "other": {"token": HeldToken}})
	return Start(t, Options{Emulator: store, Connections: ids.Connections}), ids
}

// ClientID and ClientSecret are those of the OAuth2 client of StartWithClient.
const (
	ClientID     = "EU.planted-client"
	ClientSecret = "planted-client-secret"
)

// StartWithClient starts a daemon whose store has the secret "s" and a service account of
// the identity "service". It also returns the Secret for it, with an end of line behind
// each value.
func StartWithClient(t testing.TB) (d *Daemon, secrets map[string]string) {
	t.Helper()
	d = Start(t, Options{})
	d.Store.Hold(t, map[string]string{"s": `{"a":"1"}`})
	if err := d.Store.AddClient(ClientID, ClientSecret, emulator.Identity{Name: "service"}); err != nil {
		t.Fatal(err)
	}
	secrets = map[string]string{"clientId": ClientID, "clientSecret": ClientSecret,
		"tokenUrl": d.Store.URL + emulator.TokenPath}
	for key := range secrets {
		secrets[key] += "\n"
	}
	return d, secrets
}

// TokenRequests returns how many requests the token endpoint got.
func (s *Store) TokenRequests() (n int) {
	for _, r := range s.Requests() {
		if r.URI == emulator.TokenPath {
			n++
		}
	}
	return n
}
