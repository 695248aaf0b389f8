package server_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// forgedKey is what anybody can make of a public certificate: crypto/x509 takes it, since
// it does not check a key of more than two primes.
func forgedKey(public *rsa.PublicKey) string {
	key := &rsa.PrivateKey{PublicKey: *public, D: big.NewInt(11), Primes: []*big.Int{big.NewInt(3), big.NewInt(5), big.NewInt(7)}}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

// TestAPublicCertificateGetsNobodysClient, before its owner has one or after.
func TestAPublicCertificateGetsNobodysClient(t *testing.T) {
	for _, cache := range []time.Duration{0, time.Hour} {
		d := harness.Start(t, harness.Options{CacheTTL: cache})
		hold(t, d.Store, "prod", 2)
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		cert, keyPEM, err := d.Store.IssueCertificateFor(emulator.Identity{Name: "owner"}, key)
		if err != nil {
			t.Fatal(err)
		}
		owner := harness.Mount{Objects: "- secretPath: prod/s0", Secrets: map[string]string{"tls.crt": string(cert), "tls.key": string(keyPEM)}}
		attacker := func(path string) harness.Mount {
			return harness.Mount{Objects: "- secretPath: " + path, Attributes: map[string]string{"csi.storage.k8s.io/pod.namespace": "attacker"},
				Secrets: map[string]string{"tls.crt": string(cert), "tls.key": forgedKey(&key.PublicKey)}}
		}
		for _, path := range []string{"prod/s0", "prod/s1"} {
			_, err := d.Do(t.Context(), attacker(path))
			want(t, err, codes.Unauthenticated, "tls.key is an RSA key of more than two primes")
			mustMount(t, d, owner, "s0", `{"v":"prod 0"}`)
			_, err = d.Do(t.Context(), attacker(path))
			want(t, err, codes.Unauthenticated, "tls.key is an RSA key of more than two primes")
		}
	}
}

// TestPathsOfOneNamespaceDoNotHoldUpOthers: patterns are refused, and chains end soon.
func TestPathsOfOneNamespaceDoNotHoldUpOthers(t *testing.T) {
	d := harness.Start(t, harness.Options{MountTimeout: 90 * time.Second, CacheTTL: time.Hour})
	hold(t, d.Store, "shop", 1)
	d.Store.Hold(t, map[string]string{"large": `{"k":[` + strings.Repeat(`{"a":1},"`+strings.Repeat("a", 20)+`",`, 1800) + `{"a":2}]}`})
	class := func(path string) string {
		var text strings.Builder
		for i := range 250 {
			fmt.Fprintf(&text, "- {secretPath: large, secretKey: '%s', objectName: f%d, optional: true}\n", path, i)
		}
		return text.String()
	}
	var all sync.WaitGroup
	for range 4 {
		for path, words := range map[string]string{
			`k.#(%"*a*a*a*a*a*a*a*a*a*a*ab")`:                    "patterns (%) are not supported",
			"k." + strings.Repeat("#(a=1)#|", 100) + "#(a=1)#.a": "the objects of this mount look at more than 33554432 bytes of JSON",
		} {
			all.Go(func() {
				_, err := d.Do(t.Context(), harness.Mount{Objects: class(path), Attributes: map[string]string{"csi.storage.k8s.io/pod.namespace": "attacker"}})
				want(t, err, codes.InvalidArgument, words)
			})
		}
	}
	for range 20 {
		mustMount(t, d, harness.Mount{Objects: "- secretPath: shop/s0"}, "s0", `{"v":"shop 0"}`)
	}
	all.Wait()
	if page := harness.Page(t, d.Admin+"/healthz"); !strings.HasPrefix(page, "200") {
		t.Error(page)
	}
}
