// SPDX-License-Identifier: Apache-2.0

package bounds

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/test/harness"
)

func TestThousandsOfObjectsOfOneSecret(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{})
	var secret, objects strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&secret, `"key-%04d":"%s",`, i, "0123456789")
	}
	d.Store.Hold(t, map[string]string{"s": "{" + strings.TrimSuffix(secret.String(), ",") + "}"})
	for i := range 900 {
		fmt.Fprintf(&objects, "- {secretPath: s, secretKey: key-%04d}\n", i)
	}
	files, err := d.Do(t.Context(), harness.Mount{Objects: objects.String()})
	if err != nil || len(files) != 900 || files["key-0899"] != "0123456789" {
		t.Errorf("%d files, %v", len(files), err)
	}
	if got := len(d.Store.Requests()); got != 1 {
		t.Errorf("%d requests", got)
	}
}

// Patterns are rejected, and chains of queries end at a bound.
func TestExpensivePathsDoNotBlockOtherNamespaces(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{MountTimeout: 90 * time.Second, CacheTTL: time.Hour})
	d.Store.HoldMany(t, "shop", 1)
	d.Store.Hold(t, map[string]string{"large": `{"k":[` + strings.Repeat(`{"a":1},"`+strings.Repeat("a", 20)+`",`, 1800) +
		`{"a":2}]}`})
	class := func(path string) string {
		var text strings.Builder
		for i := range 250 {
			fmt.Fprintf(&text, "- {secretPath: large, secretKey: '%s', objectName: f%d, optional: true}\n", path, i)
		}
		return text.String()
	}
	var all sync.WaitGroup
	for range 2 {
		for path, words := range map[string]string{
			`k.#(%"*a*a*a*a*a*a*a*a*a*a*ab")`: "patterns (%) are not supported",
			"k." + strings.Repeat("#(a=1)#|", 100) +
				"#(a=1)#.a": "the objects of this mount look at more than 33554432 bytes of JSON",
		} {
			all.Go(func() {
				_, err := d.Do(t.Context(), harness.Mount{Objects: class(path),
					Attributes: map[string]string{"csi.storage.k8s.io/pod.namespace": "attacker"}})
				harness.WantError(t, err, codes.InvalidArgument, words)
			})
		}
	}
	for range 20 {
		d.MustMount(t, harness.Mount{Objects: "- secretPath: shop/s0"}, "s0", `{"v":"shop 0"}`)
	}
	all.Wait()
	if page := harness.Page(t, d.Admin+"/healthz"); !strings.HasPrefix(page, "200") {
		t.Error(page)
	}
}
