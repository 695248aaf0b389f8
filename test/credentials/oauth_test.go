// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"testing"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

func TestAServiceAccountFromNodePublishSecretRef(t *testing.T) {
	t.Parallel()
	d, secrets := harness.StartWithClient(t)
	for range 3 {
		files, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s", Secrets: secrets})
		if err != nil || files["s"] != `{"a":"1"}` {
			t.Fatalf("%v, %v", files, err)
		}
	}
	if n := d.Store.TokenRequests(); n != 1 {
		t.Errorf("the token endpoint was asked %d times for three mounts", n)
	}
	d.WantLines(t, `ovhcloud_csi_okms_requests_total{api="oauth2",operation="token",status="200"} 1`)
	if lastUse(d.Store, "service").IsZero() {
		t.Error("the service account was not used")
	}
}

func TestATokenThatWasRevokedIsReplacedWithinTheMount(t *testing.T) {
	t.Parallel()
	d, secrets := harness.StartWithClient(t)
	d.Store.Hold(t, map[string]string{"other": `{}`})
	mount := harness.Mount{Objects: "- secretPath: s", Secrets: secrets}
	if _, err := d.Do(t.Context(), mount); err != nil {
		t.Fatal(err)
	}
	d.Store.RevokeAccessTokens(harness.ClientID)
	mount.Objects += "\n- secretPath: other"
	if _, err := d.Do(t.Context(), mount); err != nil {
		t.Errorf("the mount failed: %v", err)
	}
	if n := d.Store.TokenRequests(); n != 2 {
		t.Errorf("the token endpoint was asked %d times, want once for each token", n)
	}
}

func TestARefusedIdentityRequestsFewTokens(t *testing.T) {
	t.Parallel()
	d, secrets := harness.StartWithClient(t)
	d.Store.Break(t, emulator.Fault{Path: "/secret/", Status: 401})
	for range 10 {
		_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s", Secrets: secrets})
		harness.WantError(t, err, codes.Unauthenticated, "OKMS refused the OAuth2 client ", " from nodePublishSecretRef",
			"HTTP 401")
	}
	if n := d.Store.TokenRequests(); n != 2 {
		t.Errorf("the token endpoint was asked %d times for ten refused mounts, want 2", n)
	}
}
