// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ovh/okms-sdk-go/types"

	"ovhcloud-csi-provider/test/emulator"
)

// The secret is from OVHcloud's guide for External Secrets Operator. Both clients
// return the same data, although they encode the path differently.
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
			t.Errorf("%s: the Vault client requests %s", name, uri)
		}
		bySDK, err := d.sdkClient(withCertificate).GetSecretRequest(t.Context(), d.okmsID, path, nil)
		ok(t, err)
		wantJSON(t, bySDK.Data.Data, data)
		if uri := d.last().URI; !strings.HasSuffix(uri, "/v1/secret/data/prod%2Fva1%2Fdockerconfigjson") {
			t.Errorf("%s: the SDK requests %s", name, uri)
		}
	}
}

// This is the sequence of OVHcloud's own CI against the real service, and other
// confirmed behaviour of the real service.
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
	wantKMS(t, err, http.StatusNotFound, 17125377) // the secret does not exist

	for range 3 {
		write()
	}
	if got := write(); got != 4 { // identical data creates a version too
		t.Errorf("wrote version %d, want 4", got)
	}
	if m := metadata(); *m.CurrentVersion != 4 || *m.OldestVersion != 0 || *m.MaxVersions != 10 {
		t.Errorf("after four versions: current %d, oldest %d, at most %d", *m.CurrentVersion, *m.OldestVersion,
			*m.MaxVersions)
	}
	day := "1d"
	ok(t, client.PostSecretMetadata(ctx, id, path, types.SecretUpdatableMetadata{DeleteVersionAfter: &day}))
	if m := metadata(); *m.DeleteVersionAfter != "1d" || *m.CurrentVersion != 4 {
		t.Errorf("after a change of metadata: %+v, want the same version and delete_version_after 1d", m)
	}
	two := uint32(2)
	got, err := client.GetSecretRequest(ctx, id, path, &two) // reading an older version does not change the current one
	ok(t, err)
	if *got.Data.Metadata.Version != 2 || *metadata().CurrentVersion != 4 {
		t.Errorf("version 2 is %+v", got.Data.Metadata)
	}
	nine := uint32(9)
	_, err = client.GetSecretRequest(ctx, id, path, &nine)
	wantKMS(t, err, http.StatusNotFound, 17125378) // the version does not exist

	ok(t, client.DeleteSecretRequest(ctx, id, path)) // deactivates the current version, which stays current
	_, err = client.GetSecretRequest(ctx, id, path, nil)
	wantKMS(t, err, http.StatusNotFound, 17125378)
	if m := metadata(); *m.CurrentVersion != 4 {
		t.Errorf("the current version is %d, want 4", *m.CurrentVersion)
	}
	ok(t, client.PostSecretUndelete(ctx, id, path, []uint32{4}))
	ok(t, client.PutSecretDestroy(ctx, id, path, []uint32{1})) // permanently deleted, but still listed
	if m := metadata(); len(*m.Versions) != 4 || !*(*m.Versions)["1"].Destroyed {
		t.Errorf("versions are %+v", *m.Versions)
	}
	for range 7 {
		write()
	}
	// the oldest version is deleted and no longer listed
	if m := metadata(); *m.OldestVersion != 2 || len(*m.Versions) != 10 {
		t.Errorf("oldest %d of %d versions", *m.OldestVersion, len(*m.Versions))
	}
}

// The path is secret/data/{path}. The real service returns 404 for secret/{path}/data.
func TestNoRouteForDataAtTheEnd(t *testing.T) {
	d := start(t, emulator.Options{})
	d.put("prod/x", `{"k":"v"}`)
	secret, err := d.vaultClient(false).Logical().ReadWithContext(t.Context(), "secret/prod/x/data")
	if err != nil || secret != nil || d.last().Status != http.StatusNotFound {
		t.Errorf("got %v, %v, status %d, want status 404", secret, err, d.last().Status)
	}
}

// A caller without permission for some secrets gets a shorter list and no error.
func TestListOmitsSecretsWithoutPermission(t *testing.T) {
	d := start(t, emulator.Options{})
	d.put("dev/x", `{}`)
	d.put("prod/x", `{}`)
	ok(t, d.AddToken("dev-only", emulator.Identity{Paths: []string{"dev/"}}))
	client := d.sdkClient(false).WithCustomHeader("Authorization", "Bearer dev-only")
	listed, err := client.GetSecretsMetadata(t.Context(), d.okmsID, "", true)
	ok(t, err)
	wantSame(t, *listed.Data.Keys, []string{"dev/"})
}
