package clients

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ovh/okms-sdk-go/types"

	"ovhcloud-csi-provider/test/emulator"
)

// OVHcloud's guide for External Secrets Operator has this secret; both
// clients, and both forms of its path, give the same.
func TestSecretOfTheGuide(t *testing.T) {
	const path = "prod/va1/dockerconfigjson"
	const data = `{"auths":{"abcdefgh.c1.de1.container-registry.ovh.net":{"auth":"dXNlcjpwYXNz","password":"pass","username":"user"}}}`
	d := start(t, emulator.Options{})
	d.put(path, data)
	for name, withCertificate := range credentials() {
		byVault, err := d.vaultClient(withCertificate).KVv2("secret").Get(t.Context(), path)
		ok(t, err)
		wantJSON(t, byVault.Data, data)
		if uri := d.last().URI; !strings.HasSuffix(uri, "/v1/secret/data/"+path) {
			t.Errorf("%s: the Vault client asks for %s", name, uri)
		}
		bySDK, err := d.sdkClient(withCertificate).GetSecretRequest(t.Context(), d.okmsID, path, nil)
		ok(t, err)
		wantJSON(t, bySDK.Data.Data, data)
		if uri := d.last().URI; !strings.HasSuffix(uri, "/v1/secret/data/prod%2Fva1%2Fdockerconfigjson") {
			t.Errorf("%s: the SDK asks for %s", name, uri)
		}
	}
}

// The sequence OVHcloud's own CI plays against the live service, and the other
// facts marked CONFIRMED in okms-api.md that the Vault-compatible family shows.
func TestConfirmedFacts(t *testing.T) {
	d := start(t, emulator.Options{})
	client, ctx, id := d.sdkClient(true), t.Context(), d.okmsID
	const path = "facts/one"
	data := map[string]any{"key": "value"}
	write := func() uint32 {
		t.Helper()
		got, err := client.PostSecretRequest(ctx, id, path, types.PostSecretRequest{Data: &data})
		ok(t, err)
		return *got.Data.Version
	}
	metadata := func() *types.SecretMetadata {
		t.Helper()
		got, err := client.GetSecretsMetadata(ctx, id, path, false)
		ok(t, err)
		return got.Data
	}

	_, err := client.GetSecretRequest(ctx, id, path, nil)
	wantKMS(t, err, http.StatusNotFound, 17125377) // a missing secret

	for range 3 {
		write()
	}
	if got := write(); got != 4 { // identical data makes a version too
		t.Errorf("wrote version %d, want 4", got)
	}
	if m := metadata(); *m.CurrentVersion != 4 || *m.OldestVersion != 0 || *m.MaxVersions != 10 {
		t.Errorf("after four versions: current %d, oldest %d, at most %d", *m.CurrentVersion, *m.OldestVersion, *m.MaxVersions)
	}
	day := "1d"
	ok(t, client.PostSecretMetadata(ctx, id, path, types.SecretUpdatableMetadata{DeleteVersionAfter: &day}))
	if m := metadata(); *m.DeleteVersionAfter != "1d" || *m.CurrentVersion != 4 {
		t.Errorf("metadata makes no version and is echoed: %+v", m)
	}
	two := uint32(2)
	got, err := client.GetSecretRequest(ctx, id, path, &two) // an older version, the current stays
	ok(t, err)
	if *got.Data.Metadata.Version != 2 || *metadata().CurrentVersion != 4 {
		t.Errorf("version 2 is %+v", got.Data.Metadata)
	}
	nine := uint32(9)
	_, err = client.GetSecretRequest(ctx, id, path, &nine)
	wantKMS(t, err, http.StatusNotFound, 17125378) // a missing version

	ok(t, client.DeleteSecretRequest(ctx, id, path)) // deactivates the current one, which stays current
	_, err = client.GetSecretRequest(ctx, id, path, nil)
	wantKMS(t, err, http.StatusNotFound, 17125378)
	if m := metadata(); *m.CurrentVersion != 4 {
		t.Errorf("current is %d", *m.CurrentVersion)
	}
	ok(t, client.PostSecretUndelete(ctx, id, path, []uint32{4}))
	ok(t, client.PutSecretDestroy(ctx, id, path, []uint32{1})) // gone for good, still listed
	if m := metadata(); len(*m.Versions) != 4 || !*(*m.Versions)["1"].Destroyed {
		t.Errorf("versions are %+v", *m.Versions)
	}
	for range 7 {
		write()
	}
	if m := metadata(); *m.OldestVersion != 2 || len(*m.Versions) != 10 { // the oldest went, unlisted
		t.Errorf("oldest %d of %d versions", *m.OldestVersion, len(*m.Versions))
	}
}

// The path order is secret/data/{path}; the other way round is 404, seen live.
func TestNoRouteForDataAtTheEnd(t *testing.T) {
	d := start(t, emulator.Options{})
	d.put("prod/x", `{"k":"v"}`)
	secret, err := d.vaultClient(false).Logical().ReadWithContext(t.Context(), "secret/prod/x/data")
	if err != nil || secret != nil || d.last().Status != http.StatusNotFound {
		t.Errorf("it is %v, %v, %d", secret, err, d.last().Status)
	}
}

// A caller without a right on some secrets gets a shorter list, not an error.
func TestListIsShorterWithoutRights(t *testing.T) {
	d := start(t, emulator.Options{})
	d.put("dev/x", `{}`)
	d.put("prod/x", `{}`)
	ok(t, d.AddToken("dev-only", emulator.Identity{Paths: []string{"dev/"}}))
	client := d.sdkClient(false).WithCustomHeader("Authorization", "Bearer dev-only")
	listed, err := client.GetSecretsMetadata(t.Context(), d.okmsID, "", true)
	ok(t, err)
	wantSame(t, *listed.Data.Keys, []string{"dev/"})
}
