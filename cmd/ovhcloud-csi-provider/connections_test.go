// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"syscall"
	"testing"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

const (
	plantedHeld   = "eyJhbGciOiJFZERTQSJ9.planted-held-token"
	plantedClient = "planted-client-secret-of-a-connection"
)

// configOf returns two connections: team with a token, and client with an OAuth2 client.
func configOf(s *harness.Store) string {
	var text strings.Builder
	text.WriteString("connections:\n")
	for _, name := range []string{"team", "client"} {
		text.WriteString(connectionOf(s, name))
	}
	return text.String()
}

func connectionOf(s *harness.Store, name string) string {
	return "  " + name + ":\n    endpoint: " + s.URL + "/api/" + s.OKMSID() + "\n    caBundle: |\n      " +
		strings.ReplaceAll(strings.TrimSpace(string(s.Server.CA)), "\n", "\n      ") + "\n    credentialsDir: ROOT/" + name +
		"\n    allow:\n      - {namespaces: [store], serviceAccounts: ['*'], paths: [s]}\n"
}

func overConnection(name, namespace string) harness.Mount {
	return harness.Mount{Objects: "- secretPath: s", Secrets: map[string]string{}, Attributes: map[string]string{
		"connection": name, "endpoint": "", "okmsId": "", "caBundle": "", "csi.storage.k8s.io/pod.namespace": namespace}}
}

func TestConnectionsOfTheBinary(t *testing.T) {
	store := harness.StartStore(t)
	store.Hold(t, map[string]string{"s": `{"a":"` + plantedValue + `"}`})
	if err := store.AddToken(plantedHeld, emulator.Identity{}); err != nil {
		t.Fatal(err)
	}
	if err := store.AddClient("EU.id", plantedClient, emulator.Identity{}); err != nil {
		t.Fatal(err)
	}
	ids := harness.NewIdentities(t, "connections: [", map[string]map[string]string{
		"client": {"clientId": "EU.id", "clientSecret": plantedClient, "tokenUrl": store.URL + emulator.TokenPath}})
	p := startDaemon(t, store, harness.SocketPath(t), []string{"GODEBUG=http2debug=2"}, "--config", ids.File(), "-v=10")

	// With an invalid configuration, mounts with their own credentials are served.
	shown := p.page(t, "/readyz", "503 "+ids.File()+": is not YAML: ")
	if _, err := p.client.Mount(t.Context(), store.Request(harness.Mount{Objects: "- secretPath: s"})); err != nil {
		t.Error(err)
	}
	mount := func(name, namespace string) error {
		_, err := p.client.Mount(t.Context(), store.Request(overConnection(name, namespace)))
		if err != nil {
			shown += err.Error() + "\n"
		}
		return err
	}
	if err := mount("team", "store"); err == nil || !strings.Contains(err.Error(), `there is no connection "team" that`) {
		t.Errorf("before there is a configuration: %v", err)
	}
	ids.Config(t, configOf(store))
	shown += p.page(t, "/readyz", `503 connection "team": `+ids.Root+"/team: no credential: there is no such folder")
	if err := mount("team", "store"); err == nil || !strings.Contains(err.Error(),
		`connection "team" has no usable credential at the moment`) {
		t.Errorf("before there is a credential: %v", err)
	}
	ids.Credential(t, "team", map[string]string{"token": plantedHeld})
	p.page(t, "/readyz", "200 ok")
	for _, name := range []string{"team", "client"} {
		if err := mount(name, "store"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// An invalid credential leaves the last valid one in use.
	ids.Credential(t, "team", map[string]string{"token": plantedHeld + "\n" + plantedHeld})
	shown += p.page(t, "/readyz", `503 connection "team": `+ids.Root+"/team: token has white space")
	if err := mount("team", "store"); err != nil {
		t.Errorf("with an invalid credential: %v", err)
	}
	denied, unknown := mount("team", "thief"), mount("nosuch", "thief")
	if denied == nil || unknown == nil || strings.ReplaceAll(unknown.Error(), "nosuch", "team") != denied.Error() {
		t.Errorf("the errors differ:\n%v\n%v", denied, unknown)
	}
	store.Break(t, emulator.Fault{Echo: true})
	for _, name := range []string{"team", "client"} {
		_ = mount(name, "store")
	}
	shown += p.page(t, "/metrics", "200")
	p.stop(t, syscall.SIGTERM)

	log := p.log.String()
	for _, line := range []string{
		`connection="team" credential="" secrets=null files=0`,
		`reason="the connection exists, and no rule of its allow matches the namespace and service account"`,
		`reason="there is no such connection"`,
		`reason="there is no such connection; the configuration's newest state is not in use: is not YAML: `,
		`reason="no credential: there is no such folder"`,
		`"connections: in use" connection="team" source="` + ids.Root + `/team" credential="token `,
		`connection="client" credential="OAuth2 client `,
		`"connections: not in use" connection="team" source="` + ids.Root +
			`/team" error="no credential: there is no such folder"`,
		`"connections: the newest version is invalid, the last valid one stays in use" connection="team" source="` +
			ids.Root + `/team" credential="token `,
	} {
		if !strings.Contains(log, line) {
			t.Errorf("the log lacks %s", line)
		}
	}
	lookFor(t, shown, plantedValue, plantedHeld, plantedClient)
	lookFor(t, log, plantedValue, plantedHeld, plantedClient, "oauth2.")
}

func TestTheAuditLineHasTheFallback(t *testing.T) {
	first, second := harness.StartStore(t), harness.StartStore(t)
	var config strings.Builder
	config.WriteString("connections:\n")
	for _, c := range []struct {
		name, token, more string
		store             *harness.Store
	}{
		{"par", plantedHeld, "    fallback: rbx\n    maxStale: 1h\n", first},
		{"rbx", plantedHeld + "-of-the-second", "", second},
	} {
		config.WriteString(connectionOf(c.store, c.name) + c.more)
		if err := c.store.AddToken(c.token, emulator.Identity{}); err != nil {
			t.Fatal(err)
		}
		c.store.Hold(t, map[string]string{"s": `{"a":"` + plantedValue + `"}`})
	}
	ids := harness.NewIdentities(t, config.String(), map[string]map[string]string{"par": {"token": plantedHeld},
		"rbx": {"token": plantedHeld + "-of-the-second"}})
	p := startDaemon(t, first, harness.SocketPath(t), nil, "--config", ids.File(), "--cache-ttl=0")
	mount := func() {
		if _, err := p.client.Mount(t.Context(), first.Request(overConnection("par", "store"))); err != nil {
			t.Error(err)
		}
	}
	mount()
	first.Break(t, emulator.Fault{Status: 501})
	mount()
	second.Break(t, emulator.Fault{Status: 403})
	mount()
	p.stop(t, syscall.SIGTERM)
	log := p.log.String()
	for _, line := range []string{
		`secrets=["s@1"] files=1`,
		` fallback=["s@1"] fallbackConnection="rbx" fallbackCredential="token `,
		` from connection \"rbx\"" fallbackBecause="`,
		` stale=["s@1 read 0s ago"] staleBecause="`,
		"; the fallback: ", "HTTP 501", "HTTP 403",
	} {
		if !strings.Contains(log, line) {
			t.Errorf("the log lacks %s:\n%s", line, log)
		}
	}
	if n := strings.Count(log, "fallbackBecause="); n != 1 {
		t.Errorf("%d lines have the fallback, want 1", n)
	}
	lookFor(t, log, plantedValue, plantedHeld)
}

// The reason why a fallback is not read is for the operator, not for the pod.
func TestTheAuditLineHasTheReasonAgainstAFallback(t *testing.T) {
	first, second := harness.StartStore(t), harness.StartStore(t)
	if err := first.AddToken(plantedHeld, emulator.Identity{}); err != nil {
		t.Fatal(err)
	}
	first.Hold(t, map[string]string{"s": `{"a":"` + plantedValue + `"}`})
	config := "connections:\n"
	credentials := map[string]map[string]string{}
	for name, fallback := range map[string]string{
		"bare":  connectionOf(second, "for-bare"),
		"other": strings.Replace(connectionOf(second, "for-other"), "[store]", "[pay]", 1),
		"path":  strings.Replace(connectionOf(second, "for-path"), "[s]", "[x]", 1),
		"stale": strings.Replace(connectionOf(second, "for-stale"), "[s]", "[x]", 1),
	} {
		config += connectionOf(first, name) + "    fallback: for-" + name + "\n" + fallback
		credentials[name] = map[string]string{"token": plantedHeld}
		if name != "bare" {
			credentials["for-"+name] = credentials[name]
		}
	}
	config = strings.Replace(config, "    fallback: for-stale\n", "    fallback: for-stale\n    maxStale: 1h\n", 1)
	ids := harness.NewIdentities(t, config, credentials)
	p := startDaemon(t, first, harness.SocketPath(t), nil, "--config", ids.File(), "--cache-ttl=0")
	mount := func(name string) error {
		m := overConnection(name, "store")
		m.Objects += "\n- {secretPath: s, objectName: again}"
		_, err := p.client.Mount(t.Context(), first.Request(m))
		return err
	}
	if err := mount("stale"); err != nil {
		t.Fatal(err)
	}
	first.Break(t, emulator.Fault{Status: 501})
	for _, name := range []string{"bare", "other", "path"} {
		if err := mount(name); err == nil || strings.Contains(err.Error(), "fallback") ||
			strings.Contains(err.Error(), "for-") {
			t.Errorf("%s: the error of the pod is %v", name, err)
		}
	}
	if err := mount("stale"); err != nil {
		t.Error(err)
	}
	p.stop(t, syscall.SIGTERM)
	log := p.log.String()
	for _, line := range []string{
		`reason="the fallback \"for-bare\" has no usable credential: no credential: there is no such folder"`,
		`reason="no rule of the fallback \"for-other\" matches the namespace and service account"`,
		`reason="the fallback \"for-path\" does not allow the path to the pod"`,
		`; the fallback \"for-stale\" does not allow the path to the pod"`,
	} {
		if strings.Count(log, line) != 1 {
			t.Errorf("the log lacks %s:\n%s", line, log)
		}
	}
	lookFor(t, log, plantedValue, plantedHeld)
	if n := len(second.Requests()); n > 0 {
		t.Errorf("the fallbacks were asked %d times", n)
	}
}
