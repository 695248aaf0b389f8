// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

func TestACertificateIsACredential(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{})
	d.Store.Hold(t, map[string]string{"s": `{"a":"1"}`})
	cert, key, err := d.Store.IssueCertificate(emulator.Identity{Name: "by certificate"})
	if err != nil {
		t.Fatal(err)
	}
	files, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s",
		Secrets: map[string]string{"tls.crt": string(cert), "tls.key": string(key)}})
	if err != nil || files["s"] != `{"a":"1"}` {
		t.Fatalf("%v, %v", files, err)
	}
	if got := d.Store.Requests(); got[0].Auth != "certificate" || got[0].Identity != "by certificate" {
		t.Errorf("request = %+v", got[0])
	}
}

// forgedKey returns a key that anyone can make from a public certificate. crypto/x509
// accepts it, since it does not check a key of more than two primes.
func forgedKey(public *rsa.PublicKey) string {
	key := &rsa.PrivateKey{PublicKey: *public, D: big.NewInt(11),
		Primes: []*big.Int{big.NewInt(3), big.NewInt(5), big.NewInt(7)}}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

// A mount with a forged key is rejected both before and after the owner of the certificate
// has a client.
func TestAForgedKeyGetsNoClientOfItsCertificate(t *testing.T) {
	t.Parallel()
	for _, cache := range []time.Duration{0, time.Hour} {
		d := harness.Start(t, harness.Options{CacheTTL: cache})
		d.Store.HoldMany(t, "prod", 2)
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		cert, keyPEM, err := d.Store.IssueCertificateFor(emulator.Identity{Name: "owner"}, key)
		if err != nil {
			t.Fatal(err)
		}
		owner := harness.Mount{Objects: "- secretPath: prod/s0", Secrets: map[string]string{"tls.crt": string(cert),
			"tls.key": string(keyPEM)}}
		attacker := func(path string) harness.Mount {
			return harness.Mount{Objects: "- secretPath: " + path,
				Attributes: map[string]string{"csi.storage.k8s.io/pod.namespace": "attacker"},
				Secrets:    map[string]string{"tls.crt": string(cert), "tls.key": forgedKey(&key.PublicKey)}}
		}
		for _, path := range []string{"prod/s0", "prod/s1"} {
			_, err := d.Do(t.Context(), attacker(path))
			harness.WantError(t, err, codes.Unauthenticated, "tls.key is an RSA key of more than two primes")
			d.MustMount(t, owner, "s0", `{"v":"prod 0"}`)
			_, err = d.Do(t.Context(), attacker(path))
			harness.WantError(t, err, codes.Unauthenticated, "tls.key is an RSA key of more than two primes")
		}
	}
}
