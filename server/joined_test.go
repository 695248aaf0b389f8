package server_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"ovhcloud-csi-provider/provider/auth"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// TestAReadKeepsItsClientForThoseWhoJoinedIt: two connections share an OAuth2
// client; one of them gets another credential, and the mount that began a read
// leaves, while another mount waits for that read.
func TestAReadKeepsItsClientForThoseWhoJoinedIt(t *testing.T) {
	store := harness.StartStore(t)
	store.Hold(t, map[string]string{"own": `{"a":"1"}`, "warm": `{"a":"1"}`})
	if err := store.AddClient(oauthID, oauthSecret, emulator.Identity{Name: "service"}); err != nil {
		t.Fatal(err)
	}
	shared := map[string]string{"clientId": oauthID, "clientSecret": oauthSecret, "tokenUrl": store.URL + emulator.TokenPath}
	config := "connections:\n"
	for _, name := range []string{"one", "two"} {
		config += "  " + name + ":\n" + placed(store) + "    credentialsDir: ROOT/" + name + "\n    allow: [{namespaces: ['*'], serviceAccounts: ['*'], paths: ['**']}]\n"
	}
	ids := harness.NewIdentities(t, config, map[string]map[string]string{"one": shared, "two": shared})
	d := harness.Start(t, harness.Options{Emulator: store, Connections: ids.Connections})
	mount := func(ctx context.Context, connection, path string) error {
		_, err := d.Do(ctx, overConnection(connection, "- secretPath: "+path, nil))
		return err
	}
	if err := mount(t.Context(), "one", "warm"); err != nil {
		t.Fatal(err)
	}
	store.RevokeAccessTokens(oauthID) // the read will want another token
	mend := store.Break(t, emulator.Fault{Path: "/own", Hang: true})
	store.ResetRequests()
	leaving, leave := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { _ = mount(leaving, "two", "own") })
	if err := store.Await(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	before := ids.Reloads()
	ids.Credential(t, "one", map[string]string{"token": harness.Token})
	ids.Await(t, before, func(r auth.Reload) bool { return r.Connection == "one" && r.Err == nil })
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
	mend()
	all.Wait()
}

// TestASmallMountDoesNotWaitInTheQueueOfALargeOne: it wants one of thirty
// secrets that another mount has begun to read, one at a time.
func TestASmallMountDoesNotWaitInTheQueueOfALargeOne(t *testing.T) {
	const many = 30
	d := harness.Start(t, harness.Options{MaxReads: 1})
	hold(t, d.Store, "shop", many)
	mend := d.Store.Break(t, emulator.Fault{Hang: true, Times: 1})
	var all sync.WaitGroup
	all.Go(func() { mustMount(t, d, harness.Mount{Objects: objects("shop", many)}, "s0", `{"v":"shop 0"}`) })
	awaitServed := func(line string) {
		t.Helper()
		harness.Await(t, line, func() bool { return strings.Contains(harness.Page(t, d.Admin+"/metrics"), line) })
	}
	awaitServed(`{served="miss"} 30`)
	var before int
	all.Go(func() {
		mustMount(t, d, harness.Mount{Objects: "- secretPath: shop/s20"}, "s20", `{"v":"shop 20"}`)
	})
	awaitServed(`{served="joined"} 1`)
	mend()
	all.Wait()
	for _, r := range d.Store.Requests() {
		if strings.HasSuffix(r.URI, "/shop/s20") {
			break
		}
		before++
	}
	if before > many/10 {
		t.Errorf("%d reads of the large mount came first", before)
	}
}
