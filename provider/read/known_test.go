// SPDX-License-Identifier: Apache-2.0

package read

import (
	"fmt"
	"testing"

	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/pool"
	"ovhcloud-csi-provider/provider/sensitive"
)

func TestWhatIsKnownIsBoundedAndOfOneCredential(t *testing.T) {
	k := newKnown()
	from := func(credential byte) source {
		return source{Lease: &pool.Lease{Credential: [32]byte{credential},
			Domain: place.Domain{Endpoint: "https://a", ID: "1", CABundle: "x"}}}
	}
	secret := func(path string, version int, text string) okms.Secret {
		return okms.Secret{Path: path, Version: version, Created: "then", Data: sensitive.New([]byte(text))}
	}
	k.note(from(1), okms.Ref{}, secret("s", 7, "{}"))
	for i := range mostKnown - 1 {
		k.note(from(1), okms.Ref{}, secret(fmt.Sprint(i), 1, "{}"))
	}
	k.note(from(1), okms.Ref{}, secret("s", 8, `{"a":1}`)) // as the newest
	k.note(from(1), okms.Ref{}, secret("more", 1, "{}"))
	if k.recent.Len() != mostKnown || len(k.places) != mostKnown {
		t.Errorf("%d are remembered", k.recent.Len())
	}
	got := k.same(from(1), secret("s", 2, `{"a":1}`))
	if got == nil || got.version != 8 || got.created != "then" {
		t.Errorf("the same text is %+v", got)
	}
	for name, other := range map[string]*knownSecret{
		"another text": k.same(from(1), secret("s", 2, "{}")), "another credential": k.same(from(2),
			secret("s", 2, `{"a":1}`)),
		"the longest unread": k.same(from(1), secret("0", 1, "{}")),
	} {
		if other != nil {
			t.Errorf("%s is taken for %+v", name, other)
		}
	}
}
