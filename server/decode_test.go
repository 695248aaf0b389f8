// SPDX-License-Identifier: Apache-2.0

package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"
)

func TestUnneededPartsOfARequestAreDropped(t *testing.T) {
	in := &pb.MountRequest{Attributes: `{"objects":"x","` + attributeTokens + `":"planted"}`,
		Secrets: `{"token":"t","other":"planted","` + attributeTokens + `":"planted"}`}
	req, err := decode(in)
	if err != nil {
		t.Fatal(err)
	}
	if in.Attributes != "" || in.Secrets != "" {
		t.Error("the request is in memory twice")
	}
	if len(req.Attributes) != 1 || len(req.Credentials) != 2 || req.Credentials["token"].Len() != 1 ||
		req.Credentials["other"].Len() != 0 {
		t.Errorf("%v, %d credentials, other of %d bytes", req.Attributes, len(req.Credentials),
			req.Credentials["other"].Len())
	}
}

// Text of a pod's author is not taken for an attribute of kubelet, neither in a key nor in a
// value, and neither before nor behind the real one.
func TestAClassCannotForgeItsNamespace(t *testing.T) {
	for _, name := range []string{
		`!"csi.storage.k8s.io/pod.namespace`, `csi.storage.k8s.io/"csi.storage.k8s.io/pod.namespace`,
		`,"csi.storage.k8s.io/pod.namespace`,
		`{"csi.storage.k8s.io/pod.namespace`, `\,"csi.storage.k8s.io/pod.namespace`, `zz,"csi.storage.k8s.io/pod.namespace`,
		`csi.storage.k8s.io/pod.namespace `,
	} {
		for _, value := range []string{"victim", `x","csi.storage.k8s.io/pod.namespace":"victim`,
			`,"csi.storage.k8s.io/pod.namespace":"victim","`} {
			attributes, err := json.Marshal(map[string]string{name: value, "objects": value, attributeNamespace: "evil",
				attributeClass: "shop"})
			if err != nil {
				t.Fatal(err)
			}
			if got := quickAttribute(string(attributes), attributeNamespace); got != "evil" {
				t.Errorf("%s: namespace %q", attributes, got)
			}
			if got := classOf(&pb.MountRequest{Attributes: string(attributes)}); got != "evil/shop" {
				t.Errorf("%s is the class %q", attributes, got)
			}
		}
	}
	for _, text := range []string{"", "{}", `{"csi.storage.k8s.io/pod.namespace":"open`,
		`{"csi.storage.k8s.io/pod.namespace": "x"}`,
		`{"csi.storage.k8s.io/pod.namespace":"\u0061"}`, `{"csi.storage.k8s.io/pod.namespace":"` + strings.Repeat("x", 300) +
			`"}`} {
		if got := quickAttribute(text, attributeNamespace); got != "" {
			t.Errorf("%s: namespace %q", text, got)
		}
	}
}

func TestManySmallEntriesAreDroppedAndCounted(t *testing.T) {
	secrets, attributes := map[string]string{"token": "t"}, map[string]string{"objects": "x"}
	for i := range 10_000 {
		secrets[fmt.Sprint(i)], attributes[fmt.Sprint(i)] = "", ""
	}
	texts := [2]string{}
	for i, m := range []map[string]string{attributes, secrets} {
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
	}
	req, err := decode(&pb.MountRequest{Attributes: texts[0], Secrets: texts[1]})
	if err != nil {
		t.Fatal(err)
	}
	if len(req.Credentials) > 20 || len(req.Attributes) > 300 || req.Credentials["token"].Len() != 1 {
		t.Errorf("%d and %d entries are kept", len(req.Credentials), len(req.Attributes))
	}
	if held := heldBy(req); held < int64(len(req.Credentials)+len(req.Attributes))*perEntry {
		t.Errorf("they count %d bytes", held)
	}
}
