// SPDX-License-Identifier: Apache-2.0

package messages

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc/status"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// TestThePageShowsTheMessage compares the message in docs/class.md with one of a mount, but for its time and its
// request id.
func TestThePageShowsTheMessage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/class.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)\n```\n(SecretProviderClass .*?)```").FindSubmatch(page)
	if shown == nil {
		t.Fatal("docs/class.md shows no message")
	}
	d := harness.Start(t, harness.Options{})
	d.Store.Hold(t, map[string]string{"prod/shop/db": `{"a":"1"}`, "prod/shop/flags": `{"a":"1"}`})
	d.Store.Hold(t, map[string]string{"prod/shop/db": `{"a":"2"}`})
	if err := d.Store.SetState("prod/shop/db", 2, emulator.Deactivated); err != nil {
		t.Fatal(err)
	}
	_, err = d.Do(t.Context(), harness.Mount{
		Objects:    harness.Lines("- secretPath: prod/shop/flags", "- {secretPath: prod/shop/db, allKeys: true}"),
		Attributes: map[string]string{"csi.storage.k8s.io/pod.namespace": "shop"}})
	varies := regexp.MustCompile(`since \S+ \S+ UTC|OKMS\.[\w-]+…?`)
	plain := func(text string) string {
		return varies.ReplaceAllString(strings.Join(strings.Fields(text), " "), "…")
	}
	if got, want := plain(status.Convert(err).Message()), plain(string(shown[1])); got != want {
		t.Errorf("docs/class.md shows\n%s\nbut the message is\n%s", want, got)
	}
}
