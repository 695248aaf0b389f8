// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ovh/okms-sdk-go"
	"github.com/ovh/okms-sdk-go/types"

	"ovhcloud-csi-provider/test/emulator"
)

func TestSDK(t *testing.T) {
	for name, withCertificate := range credentials() {
		t.Run(name, func(t *testing.T) {
			d := start(t, emulator.Options{})
			client, ctx, id := d.sdkClient(withCertificate), t.Context(), d.okmsID
			const path = "prod/va1/x"

			data, cas := map[string]any{"user": "app", "drop": "me"}, uint32(0)
			written, err := client.PostSecretRequest(ctx, id, path,
				types.PostSecretRequest{Data: &data, Options: &types.PostSecretOptions{Cas: &cas}})
			ok(t, err)
			if *written.Data.Version != 1 || !strings.HasPrefix(*written.RequestId, "OKMS.") {
				t.Errorf("written as %+v", written.Data)
			}
			if want := map[bool]string{false: "bearer", true: "certificate"}[withCertificate]; d.last().Auth != want ||
				!strings.Contains(d.last().URI, "prod%2Fva1%2Fx") {
				t.Errorf("the request is %+v", d.last())
			}
			patch := map[string]any{"drop": nil, "n": 1}
			patched, err := client.PatchSecretRequest(ctx, id, path, types.PostSecretRequest{Data: &patch})
			ok(t, err)
			if *patched.Data.Version != 2 {
				t.Errorf("patched as %+v", patched.Data)
			}
			got, err := client.GetSecretRequest(ctx, id, path, nil)
			ok(t, err)
			wantJSON(t, got.Data.Data, `{"n":1,"user":"app"}`)
			one := uint32(1)
			got, err = client.GetSecretRequest(ctx, id, path, &one)
			ok(t, err)
			wantJSON(t, got.Data.Data, `{"drop":"me","user":"app"}`)
			keys, err := client.GetSecretSubkeys(ctx, id, path, nil, nil)
			ok(t, err)
			wantJSON(t, keys.Data.Subkeys, `{"n":null,"user":null}`)

			ok(t, client.DeleteSecretMetadata(ctx, id, path))
			_, err = client.GetSecretRequest(ctx, id, path, nil)
			wantKMS(t, err, http.StatusNotFound, 17125377)
		})
	}
}

func wantKMS(t *testing.T, err error, status int, code okms.ErrorCode) {
	t.Helper()
	kms := okms.AsKmsError(err)
	if kms == nil || okms.ErrStatusCode(err) != status || kms.ErrorCode != code {
		t.Errorf("error is %v, want status %d and code %d", err, status, code)
	}
}

func TestSDKStates(t *testing.T) {
	d := start(t, emulator.Options{})
	client, ctx, id := d.sdkClient(false), t.Context(), d.okmsID
	for range 2 {
		d.put("prod/x", `{"k":"v"}`)
	}
	ok(t, client.DeleteSecretRequest(ctx, id, "prod/x"))
	_, err := client.GetSecretRequest(ctx, id, "prod/x", nil)
	wantKMS(t, err, http.StatusNotFound, 17125378)
	ok(t, client.DeleteSecretVersions(ctx, id, "prod/x", []uint32{1}))
	ok(t, client.PostSecretUndelete(ctx, id, "prod/x", []uint32{1, 2}))
	_, err = client.GetSecretRequest(ctx, id, "prod/x", nil)
	ok(t, err)
	ok(t, client.PutSecretDestroy(ctx, id, "prod/x", []uint32{1}))
	metadata, err := client.GetSecretsMetadata(ctx, id, "prod/x", false)
	ok(t, err)
	versions := *metadata.Data.Versions
	if !*versions["1"].Destroyed || *versions["2"].Destroyed || *metadata.Data.CurrentVersion != 2 {
		t.Errorf("metadata is %+v", versions)
	}
	err = client.PostSecretUndelete(ctx, id, "prod/x", []uint32{1})
	if okms.ErrStatusCode(err) != http.StatusBadRequest {
		t.Errorf("undeleting a deleted version: %v", err)
	}
}

func TestSDKListMetadataAndConfig(t *testing.T) {
	d := start(t, emulator.Options{})
	client, ctx, id := d.sdkClient(false), t.Context(), d.okmsID
	d.put("prod/va1/x", `{}`)
	d.put("prod/a", `{}`)
	for folder, want := range map[string][]string{"": {"prod/"}, "prod": {"a", "va1/"}, "prod/va1": {"x"}} {
		listed, err := client.GetSecretsMetadata(ctx, id, folder, true)
		ok(t, err)
		wantSame(t, *listed.Data.Keys, want)
	}
	custom, keep, day := map[string]string{"team": "a"}, uint32(3), "1d"
	ok(t, client.PostSecretMetadata(ctx, id, "prod/a",
		types.SecretUpdatableMetadata{CustomMetadata: &custom, MaxVersions: &keep}))
	ok(t, client.PatchSecretMetadata(ctx, id, "prod/a", types.SecretUpdatableMetadata{DeleteVersionAfter: &day}))
	got, err := client.GetSecretsMetadata(ctx, id, "prod/a", false)
	ok(t, err)
	if m := got.Data; *m.MaxVersions != 3 || *m.DeleteVersionAfter != "1d" || (*m.CustomMetadata)["team"] != "a" ||
		*m.CurrentVersion != 1 {
		t.Errorf("metadata is %+v", m)
	}
	if want := "urn:v1:eu:resource:okms:" + d.OKMSID() + "/secret/prod/a"; *got.Data.Urn != want {
		t.Errorf("urn is %s", *got.Data.Urn)
	}
	ok(t, client.PostSecretConfig(ctx, id, types.PostConfigRequest{MaxVersions: &keep}))
	config, err := client.GetSecretConfig(ctx, id)
	ok(t, err)
	if *config.Data.MaxVersions != 3 || *config.Data.CasRequired {
		t.Errorf("config is %+v", config.Data)
	}
}

// The SDK's behaviour after unusual responses. If a new version of the SDK fixes one
// of these defects, this test fails.
func TestSDKTraps(t *testing.T) {
	d := start(t, emulator.Options{})
	client, ctx, id := d.sdkClient(false), t.Context(), d.okmsID
	d.put("x", `{"b":1.0,"a":12345678901234567890}`)

	got, err := client.GetSecretRequest(ctx, id, "x", nil)
	ok(t, err)
	wantJSON(t, got.Data.Data, `{"a":12345678901234567000,"b":1}`) // differs from the stored value

	remove, err := d.Inject(emulator.Fault{Status: http.StatusBadGateway, ContentType: "text/html", Body: "<html>"})
	ok(t, err)
	_, err = client.GetSecretRequest(ctx, id, "x", nil)
	var kms *okms.KmsError
	if okms.ErrStatusCode(err) != http.StatusBadGateway || !errors.As(err, &kms) || kms != nil {
		t.Errorf("an HTML response gave %v", err) // errors.As finds a nil *KmsError
	}
	remove()

	remove, err = d.Inject(emulator.Fault{Status: http.StatusOK, ContentType: "text/html", Body: "<html>"})
	ok(t, err)
	if got, err := client.GetSecretRequest(ctx, id, "x", nil); got != nil || err != nil {
		t.Errorf("a 200 response that is not JSON gave %v, %v", got, err) // neither a result nor an error
	}
	remove()

	d.ResetRequests()
	_, err = client.GetSecretsMetadata(ctx, id, "", true)
	ok(t, err)
	if uri := d.last().URI; !strings.HasSuffix(uri, "/v1/secret/metadata/?list=true") {
		t.Errorf("the list request of the root is %s", uri)
	}
}

// The SDK's REST client retries.
func TestSDKRetries(t *testing.T) {
	d := start(t, emulator.Options{})
	d.put("x", `{"k":"v"}`)
	client, err := okms.NewRestAPIClient(d.server.URL, okms.ClientConfig{
		TlsCfg: d.tlsConfig(false),
		Retry:  &okms.RetryConfig{RetryMax: 2, RetryWaitMin: time.Millisecond, RetryWaitMax: time.Millisecond},
	})
	ok(t, err)
	client.WithCustomHeader("Authorization", "Bearer "+token)
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		d.ResetRequests()
		_, err = d.Inject(emulator.Fault{Status: status, Times: 2})
		ok(t, err)
		_, err = client.GetSecretRequest(t.Context(), d.okmsID, "x", nil)
		ok(t, err)
		if n := len(d.Requests()); n != 3 {
			t.Errorf("status %d: %d requests", status, n)
		}
	}
}
