// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/rawjson"
)

// FuzzCertificate checks that any text takes little memory and bounded steps, that no error shows
// what a text holds, and that the parts of what is accepted are read again as the same parts. The text
// is cut in two keys at a place, and a password that was stored by mistake is put there.
func FuzzCertificate(f *testing.F) {
	for _, name := range []string{"testdata/whole.pem", "testdata/weak.pem"} { // the same in each process of the fuzzer
		whole, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, at := range []uint16{0, 40, 300} {
			f.Add(whole, at, false)
			f.Add(whole, at, true)
		}
		f.Add(whole[bytes.Index(whole, []byte("-----BEGIN CERT")):], uint16(0), true)
	}
	// A block that is cut, and whose base64 goes on in the next one.
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\n1qoAoGBAJ\n-----END CERTIFICATE-----T"), uint16(0), false)
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n-----BEGIN X-----\n-----END X-----\n"),
		uint16(60), true)
	f.Fuzz(func(t *testing.T, text []byte, at uint16, plant bool) {
		const planted = "hunter2-planted"
		where := min(int(at), len(text))
		first, second := bytes.Clone(text[:where]), text[where:]
		if plant {
			first = append(first, planted...)
		}
		var b *Bundle
		var err error
		size := len(first) + len(second)
		if got := allocates(func() {
			b, err = Read([]Text{{"a", first}, {"b", second}}, steps(t))
		}); got > mostAllocated(size) {
			t.Errorf("%d bytes are allocated for %d", got, size)
		}
		if err != nil {
			if strings.Contains(err.Error(), planted) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows the text: %v", err)
			}
			if _, is := errors.AsType[*Error](err); !is && !errors.Is(err, rawjson.ErrSteps) {
				t.Errorf("the error is none of this package: %v", err)
			}
			return
		}
		for _, part := range []Part{Leaf, Chain, Key, Whole} {
			partsAreReadAgain(t, b, part)
		}
		for _, k := range []Keystore{PKCS12, JKS} {
			out, err := b.Keystore(k, []byte("changeit"), steps(t))
			if again, _ := b.Keystore(k, []byte("changeit"), steps(t)); !bytes.Equal(again, out) ||
				(err == nil) != (len(out) > 0) {
				t.Errorf("%s of the same content differs, %v", k, err)
			}
		}
	})
}

func partsAreReadAgain(t *testing.T, b *Bundle, part Part) {
	t.Helper()
	out, err := b.Part(part)
	if err != nil {
		if out != nil {
			t.Errorf("%s: there are %d bytes and an error", part, len(out))
		}
		return
	}
	again, err := Read([]Text{{"k", out}}, steps(t))
	if err != nil {
		t.Fatalf("%s cannot be read again: %v", part, err)
	}
	if twice, err := again.Part(part); err != nil || !bytes.Equal(twice, out) {
		t.Fatalf("%s is another part when it is read again: %v", part, err)
	}
	if part == Leaf && !again.chain[0].Equal(b.chain[0].Certificate) {
		t.Error("the leaf is another certificate when it is read again")
	}
}
