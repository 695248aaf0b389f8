// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	vault "github.com/hashicorp/vault/api"

	"ovhcloud-csi-provider/test/emulator"
)

func TestVaultKV2(t *testing.T) {
	for name, withCertificate := range credentials() {
		t.Run(name, func(t *testing.T) {
			d := start(t, emulator.Options{})
			client := d.vaultClient(withCertificate)
			kv, ctx := client.KVv2("secret"), t.Context()
			const path = "prod/va1/x"

			written, err := kv.Put(ctx, path, map[string]any{"user": "app", "drop": "me"}, vault.WithCheckAndSet(0))
			ok(t, err)
			if written.VersionMetadata.Version != 1 || written.VersionMetadata.CreatedTime.IsZero() {
				t.Errorf("written as %+v", written.VersionMetadata)
			}
			patched, err := kv.Patch(ctx, path, map[string]any{"drop": nil, "password": "<&>"})
			ok(t, err)
			if patched.VersionMetadata.Version != 2 || d.last().Method != "PATCH" {
				t.Errorf("patched as %+v by %s", patched.VersionMetadata, d.last().Method)
			}
			got, err := kv.Get(ctx, path)
			ok(t, err)
			if got.Data["user"] != "app" || got.Data["password"] != "<&>" || len(got.Data) != 2 ||
				got.VersionMetadata.Version != 2 {
				t.Errorf("read %v at %+v", got.Data, got.VersionMetadata)
			}
			if want := map[bool]string{false: "vault-token", true: "certificate"}[withCertificate]; d.last().Auth != want {
				t.Errorf("authenticated by %s", d.last().Auth)
			}
			got, err = kv.GetVersion(ctx, path, 1)
			ok(t, err)
			if got.Data["drop"] != "me" || got.VersionMetadata.Version != 1 {
				t.Errorf("version 1 is %v", got.Data)
			}

			metadata, err := kv.GetMetadata(ctx, path)
			ok(t, err)
			if metadata.CurrentVersion != 2 || metadata.OldestVersion != 0 || len(metadata.Versions) != 2 ||
				metadata.MaxVersions != 10 {
				t.Errorf("metadata %+v", metadata)
			}
			ok(t, kv.DeleteMetadata(ctx, path))
			if _, err := kv.Get(ctx, path); !errors.Is(err, vault.ErrSecretNotFound) {
				t.Errorf("after DeleteMetadata: %v", err)
			}
		})
	}
}

// For a deactivated version, Get returns nil data and no error, because the 404
// response contains metadata.
func TestVaultStates(t *testing.T) {
	d := start(t, emulator.Options{})
	kv, ctx := d.vaultClient(false).KVv2("secret"), t.Context()
	for range 3 {
		d.put("prod/x", `{"k":"v"}`)
	}
	read := func(version int) *vault.KVSecret {
		t.Helper()
		got, err := kv.GetVersion(ctx, "prod/x", version)
		ok(t, err)
		return got
	}
	ok(t, kv.Delete(ctx, "prod/x"))
	if got, err := kv.Get(ctx, "prod/x"); err != nil || got.Data != nil || got.VersionMetadata.Version != 3 ||
		got.VersionMetadata.DeletionTime.IsZero() {
		t.Errorf("deactivated: %+v, %v", got, err)
	}
	ok(t, kv.DeleteVersions(ctx, "prod/x", []int{1, 2}))
	if got := read(1); got.Data != nil || got.VersionMetadata.Destroyed {
		t.Errorf("version 1 is %+v", got)
	}
	ok(t, kv.Undelete(ctx, "prod/x", []int{1, 3}))
	if got := read(1); got.Data["k"] != "v" || !got.VersionMetadata.DeletionTime.IsZero() {
		t.Errorf("version 1 is %+v", got)
	}
	ok(t, kv.Destroy(ctx, "prod/x", []int{2}))
	if got := read(2); got.Data != nil || !got.VersionMetadata.Destroyed {
		t.Errorf("version 2 is %+v", got)
	}
	if err := kv.Undelete(ctx, "prod/x", []int{2}); err == nil {
		t.Error("a destroyed version was undeleted")
	}
	versions, err := kv.GetVersionsAsList(ctx, "prod/x")
	ok(t, err)
	if len(versions) != 3 || !versions[1].Destroyed {
		t.Errorf("versions are %+v", versions)
	}
}

func TestVaultList(t *testing.T) {
	d := start(t, emulator.Options{})
	for _, path := range []string{"prod/va1/x", "prod/a", "dev/b"} {
		d.put(path, `{}`)
	}
	client := d.vaultClient(false)
	for folder, want := range map[string]string{"secret/metadata/prod": "a va1/", "secret/metadata/": "dev/ prod/",
		"secret/metadata/none": ""} {
		secret, err := client.Logical().ListWithContext(t.Context(), folder)
		ok(t, err)
		if secret == nil {
			t.Fatalf("%s: no response", folder)
		}
		var names []string
		for _, name := range secret.Data["keys"].([]any) {
			names = append(names, name.(string))
		}
		if strings.Join(names, " ") != want {
			t.Errorf("%s: %v", folder, names)
		}
	}
}

func TestVaultMetadata(t *testing.T) {
	d := start(t, emulator.Options{})
	d.put("prod/x", `{"k":"v"}`)
	kv, ctx := d.vaultClient(false).KVv2("secret"), t.Context()
	ok(t, kv.PutMetadata(ctx, "prod/x",
		vault.KVMetadataPutInput{CASRequired: true, MaxVersions: 3, CustomMetadata: map[string]any{"team": "a"}}))
	if _, err := kv.Put(ctx, "prod/x", map[string]any{}); err == nil || !strings.Contains(err.Error(), "cas is required") {
		t.Errorf("a write without cas: %v", err)
	}
	required := false
	ok(t, kv.PatchMetadata(ctx, "prod/x",
		vault.KVMetadataPatchInput{CASRequired: &required, CustomMetadata: map[string]any{"zone": "b"}}))
	got, err := kv.Get(ctx, "prod/x")
	ok(t, err)
	wantJSON(t, got.CustomMetadata, `{"team":"a","zone":"b"}`)

	// OKMS returns durations in days, which Go's client cannot parse.
	_, err = d.vaultClient(false).Logical().WriteWithContext(ctx, "secret/metadata/prod/x",
		map[string]any{"delete_version_after": "1d"})
	ok(t, err)
	if _, err := kv.GetMetadata(ctx, "prod/x"); err == nil || !strings.Contains(err.Error(), "1d") {
		t.Errorf("metadata with days: %v", err)
	}
}

func TestVaultErrors(t *testing.T) {
	d := start(t, emulator.Options{})
	ok(t, d.AddToken("few", emulator.Identity{Name: "few", Paths: []string{"dev/"}}))
	d.put("prod/x", `{}`)
	client := d.vaultClient(false)
	kv, ctx := client.KVv2("secret"), t.Context()
	if _, err := kv.Get(ctx, "prod/absent"); !errors.Is(err, vault.ErrSecretNotFound) {
		t.Errorf("absent: %v", err)
	}
	if _, err := kv.GetVersion(ctx, "prod/x", 9); !errors.Is(err, vault.ErrSecretNotFound) {
		t.Errorf("absent version: %v", err)
	}
	refused := func(status int, message string) {
		t.Helper()
		_, err := kv.Get(context.WithoutCancel(ctx), "prod/x")
		var response *vault.ResponseError
		if !errors.As(err, &response) || response.StatusCode != status ||
			!strings.Contains(strings.Join(response.Errors, " "), message) {
			t.Errorf("want %d %q, got %v", status, message, err)
		}
	}
	client.SetToken("few")
	refused(http.StatusForbidden, "not allowed okms:apikms:secret/version/getData")
	client.SetToken("wrong")
	refused(http.StatusUnauthorized, "token is not valid")
	_, err := d.Inject(emulator.Fault{Status: http.StatusTooManyRequests, RetryAfter: "1"})
	ok(t, err)
	refused(http.StatusTooManyRequests, "Too Many Requests")
}

func TestVaultLookupSelf(t *testing.T) {
	d := start(t, emulator.Options{})
	secret, err := d.vaultClient(false).Auth().Token().LookupSelfWithContext(t.Context())
	ok(t, err)
	if secret.Data["type"] != "service" || secret.Data["expire_time"] != nil {
		t.Errorf("the token is %v", secret.Data)
	}
	if ttl, err := secret.TokenTTL(); err != nil || ttl != 0 {
		t.Errorf("ttl is %v, %v", ttl, err)
	}
}
