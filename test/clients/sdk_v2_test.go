// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ovh/okms-sdk-go/types"

	"ovhcloud-csi-provider/test/emulator"
)

// TestTheSequenceOfOVHcloudsOwnTests replays what OVHcloud's CLI tests against the live service do,
// with the values that they expect there.
func TestTheSequenceOfOVHcloudsOwnTests(t *testing.T) {
	for name, withCertificate := range credentials() {
		t.Run(name, func(t *testing.T) {
			d := start(t, emulator.Options{})
			client, ctx, id := d.sdkClient(withCertificate), t.Context(), d.okmsID
			const path = "prod/va1/x"
			yes, no := true, false

			first := map[string]any{"hello": "world"}
			after := "1d"
			created, err := client.PostSecretV2(ctx, id, types.PostSecretV2Request{Path: path,
				Metadata: &types.SecretV2MetadataShort{DeactivateVersionAfter: &after},
				Version:  types.SecretV2VersionShort{Data: &first}})
			ok(t, err)
			meta := created.Metadata
			if *created.Path != path || *meta.CurrentVersion != 1 || *meta.OldestVersion != 0 ||
				*meta.DeactivateVersionAfter != "1d" ||
				!strings.HasSuffix(*meta.CreatedAt, "Z") || strings.Contains(*meta.CreatedAt, ".") {
				t.Errorf("created as %+v", meta)
			}
			if !strings.Contains(d.last().URI, "/v2/secret") {
				t.Errorf("the request is %s", d.last().URI)
			}

			got, err := client.GetSecretV2(ctx, id, path, nil, &no)
			ok(t, err)
			if got.Version.Data != nil || got.Version.Id != 1 || got.Version.State != types.SecretV2StateActive {
				t.Errorf("without data it is %+v", got.Version)
			}
			got, err = client.GetSecretV2(ctx, id, path, nil, &yes)
			ok(t, err)
			wantJSON(t, got.Version.Data, `{"hello":"world"}`)
			if !strings.Contains(d.last().URI, "prod%2Fva1%2Fx?includeData=true") {
				t.Errorf("the request is %s", d.last().URI)
			}

			second := map[string]any{"hello": "again"}
			put, err := client.PutSecretV2(ctx, id, path, nil,
				types.PutSecretV2Request{Version: &types.SecretV2VersionShort{Data: &second}})
			ok(t, err)
			if *put.Metadata.CurrentVersion != 2 || *put.Metadata.OldestVersion != 0 {
				t.Errorf("put as %+v", put.Metadata)
			}
			most := uint32(20)
			put, err = client.PutSecretV2(ctx, id, path, nil,
				types.PutSecretV2Request{Metadata: &types.SecretV2MetadataShort{MaxVersions: &most}})
			ok(t, err)
			if *put.Metadata.CurrentVersion != 2 || *put.Metadata.MaxVersions != 20 {
				t.Errorf("metadata alone made a version: %+v", put.Metadata)
			}
			third := map[string]any{"hello": "third"}
			version, err := client.PostSecretVersionV2(ctx, id, path, nil, types.PostSecretVersionV2Request{Data: &third})
			ok(t, err)
			if version.Id != 3 {
				t.Errorf("posted as %+v", version)
			}
			one := uint32(1)
			got, err = client.GetSecretV2(ctx, id, path, &one, &yes)
			ok(t, err)
			if wantJSON(t, got.Version.Data, `{"hello":"world"}`); *got.Metadata.CurrentVersion != 3 {
				t.Errorf("the current version of an old read is %d", *got.Metadata.CurrentVersion)
			}

			_, err = client.PutSecretVersionV2(ctx, id, path, 3,
				types.PutSecretVersionV2Request{State: types.SecretV2StateDeactivated})
			ok(t, err)
			got, err = client.GetSecretV2(ctx, id, path, nil, &yes)
			ok(t, err)
			if got.Version.State != types.SecretV2StateDeactivated || got.Version.Data != nil ||
				*got.Metadata.CurrentVersion != 3 || *got.Version.DeactivatedAt == "" {
				t.Errorf("a deactivated version is %+v", got.Version)
			}
			_, err = client.PutSecretVersionV2(ctx, id, path, 3,
				types.PutSecretVersionV2Request{State: types.SecretV2StateActive})
			ok(t, err)
			only, err := client.GetSecretVersionV2(ctx, id, path, 3, &yes)
			ok(t, err)
			wantJSON(t, only.Data, `{"hello":"third"}`)
			_, err = client.PutSecretVersionV2(ctx, id, path, 2,
				types.PutSecretVersionV2Request{State: types.SecretV2StateDeleted})
			ok(t, err)
			_, err = client.PutSecretVersionV2(ctx, id, path, 2,
				types.PutSecretVersionV2Request{State: types.SecretV2StateActive})
			wantKMS(t, err, http.StatusBadRequest, 0x01058004)

			ok(t, client.DeleteSecretV2(ctx, id, path))
			_, err = client.GetSecretV2(ctx, id, path, nil, &yes)
			wantKMS(t, err, http.StatusNotFound, 17125377)
		})
	}
}

func TestListsOfTheSDK(t *testing.T) {
	d := start(t, emulator.Options{})
	client, ctx, id := d.sdkClient(false), t.Context(), d.okmsID
	for i := range 25 {
		if _, err := d.Put(fmt.Sprintf("a/%02d", i), `{"k":1}`); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Put("versions", `{"k":1}`); err != nil {
			t.Fatal(err)
		}
	}
	size, cursor := uint32(10), ""
	var paths []string
	for {
		page, err := client.ListSecretV2(ctx, id, &size, &cursor)
		ok(t, err)
		for _, one := range page.ListSecretV2Response {
			paths = append(paths, *one.Path)
			if one.Version.Data != nil {
				t.Errorf("%s is listed with data", *one.Path)
			}
		}
		if cursor = page.PageCursorNext; cursor == "" {
			break
		}
	}
	if len(paths) != 26 || paths[0] != "a/00" || paths[25] != "versions" {
		t.Errorf("the list is %v", paths)
	}
	versions, err := client.ListSecretVersionV2(ctx, id, "versions", nil, nil)
	ok(t, err)
	if n := len(versions.ListSecretVersionV2Response); n != 10 { // the others were pruned
		t.Errorf("%d versions", n)
	}
	tooLarge := uint32(101)
	_, err = client.ListSecretV2(ctx, id, &tooLarge, nil)
	wantKMS(t, err, http.StatusBadRequest, 50405377)
}

// TestBothAPIsShareSecretsAndConfig: what one API writes, the other one reads.
func TestBothAPIsShareSecretsAndConfig(t *testing.T) {
	d := start(t, emulator.Options{})
	client, ctx, id := d.sdkClient(false), t.Context(), d.okmsID
	yes, most, after, cas := true, uint32(3), "2h", uint32(1)
	data := map[string]any{"n": 1.5, "nested": map[string]any{"a": []any{"x"}}}
	_, err := client.PostSecretRequest(ctx, id, "both", types.PostSecretRequest{Data: &data})
	ok(t, err)
	got, err := client.GetSecretV2(ctx, id, "both", nil, &yes)
	ok(t, err)
	wantJSON(t, got.Version.Data, `{"n":1.5,"nested":{"a":["x"]}}`)
	ok(t, client.PostSecretConfig(ctx, id, types.PostConfigRequest{MaxVersions: &most}))
	config, err := client.GetSecretConfigV2(ctx, id)
	ok(t, err)
	if *config.MaxVersions != 3 {
		t.Errorf("the config is %+v", config)
	}
	_, err = client.PutSecretConfigV2(ctx, id,
		types.PutSecretConfigV2Request{CasRequired: &yes, DeactivateVersionAfter: &after})
	ok(t, err)
	old, err := client.GetSecretConfig(ctx, id)
	ok(t, err)
	if !*old.Data.CasRequired || *old.Data.DeleteVersionAfter != "2h" || *old.Data.MaxVersions != 3 {
		t.Errorf("the config of the other API is %+v", old.Data)
	}
	_, err = client.PutSecretV2(ctx, id, "both", nil,
		types.PutSecretV2Request{Version: &types.SecretV2VersionShort{Data: &data}})
	wantKMS(t, err, http.StatusBadRequest, 0x01058002)
	_, err = client.PutSecretV2(ctx, id, "both", &cas,
		types.PutSecretV2Request{Version: &types.SecretV2VersionShort{Data: &data}})
	ok(t, err)
	_, err = client.PostSecretV2(ctx, id,
		types.PostSecretV2Request{Path: "both", Version: types.SecretV2VersionShort{Data: &data}})
	wantKMS(t, err, http.StatusConflict, 50438145)
	_, err = client.PostSecretV2(ctx, id,
		types.PostSecretV2Request{Path: "a//b", Version: types.SecretV2VersionShort{Data: &data}})
	wantKMS(t, err, http.StatusBadRequest, 0x01058003)
	vault, err := client.GetSecretRequest(ctx, id, "both", nil)
	ok(t, err)
	if *vault.Data.Metadata.Version != 2 {
		t.Errorf("the other API reads %+v", vault.Data.Metadata)
	}
}
