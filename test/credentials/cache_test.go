// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

func TestACredentialGetsNoCachedValueOfAnother(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{CacheTTL: time.Hour})
	d.Store.Hold(t, map[string]string{"a/s": `{"v":"1"}`})
	if err := d.Store.AddToken("of-b", emulator.Identity{Name: "b", Paths: []string{"b/"}}); err != nil {
		t.Fatal(err)
	}
	d.MustMount(t, harness.Mount{Objects: "- secretPath: a/s"}, "s", `{"v":"1"}`)
	_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: a/s", Token: "of-b"})
	harness.WantError(t, err, codes.PermissionDenied)
	_, err = d.Do(t.Context(), harness.Mount{Objects: "- secretPath: a/s", Token: "wrong"})
	harness.WantError(t, err, codes.Unauthenticated)
}

func TestAnAbsentSecretIsNotCached(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{CacheTTL: time.Hour})
	m := harness.Mount{Objects: "- secretPath: new"}
	_, err := d.Do(t.Context(), m)
	harness.WantError(t, err, codes.NotFound)
	d.Store.Hold(t, map[string]string{"new": `{"v":"1"}`})
	d.MustMount(t, m, "new", `{"v":"1"}`)
}
