// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"context"
	"strings"
	"sync"
	"testing"

	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// Two connections share an OAuth2 client. One of them gets another credential, and the
// mount that began a read gives up, while another mount waits for that read.
func TestAJoinedReadKeepsItsClient(t *testing.T) {
	t.Parallel()
	store := harness.StartStore(t)
	store.Hold(t, map[string]string{"own": `{"a":"1"}`, "warm": `{"a":"1"}`})
	if err := store.AddClient(harness.ClientID, harness.ClientSecret, emulator.Identity{Name: "service"}); err != nil {
		t.Fatal(err)
	}
	shared := map[string]string{"clientId": harness.ClientID, "clientSecret": harness.ClientSecret,
		"tokenUrl": store.URL + emulator.TokenPath}
	config := "connections:\n"
	for _, name := range []string{"one", "two"} {
		config += "  " + name + ":\n" + store.Placed() + "    credentialsDir: ROOT/" + name +
			"\n    allow: [{namespaces: ['*'], serviceAccounts: ['*'], paths: ['**']}]\n"
	}
	ids := harness.NewIdentities(t, config, map[string]map[string]string{"one": shared, "two": shared})
	d := harness.Start(t, harness.Options{Emulator: store, Connections: ids.Connections})
	mount := func(ctx context.Context, connection, path string) error {
		_, err := d.Do(ctx, harness.OverConnection(connection, "- secretPath: "+path, nil))
		return err
	}
	if err := mount(t.Context(), "one", "warm"); err != nil {
		t.Fatal(err)
	}
	store.RevokeAccessTokens(harness.ClientID) // the read will need another token
	repair := store.Break(t, emulator.Fault{Path: "/own", Hang: true})
	store.ResetRequests()
	leaving, leave := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { _ = mount(leaving, "two", "own") })
	store.AwaitRequests(t, 1)
	before := ids.Reloads()
	ids.Credential(t, "one", map[string]string{"token": harness.Token})
	ids.Await(t, before, func(r connections.Reload) bool { return r.Connection == "one" && r.Err == nil })
	if err := mount(t.Context(), "one", "warm"); err != nil {
		t.Fatal(err)
	}
	all.Go(func() {
		if err := mount(t.Context(), "two", "own"); err != nil {
			t.Errorf("the mount that joined: %v", err)
		}
	})
	harness.Await(t, "the second mount to join the read", func() bool {
		return strings.Contains(harness.Page(t, d.Admin+"/metrics"), `{served="joined"} 1`)
	})
	leave()
	repair()
	all.Wait()
}
