// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	cryptorand "crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/test/harness"
)

// plantedInAttack begins every token of the attack, and must not appear in the log.
const plantedInAttack = "planted-token-of-the-attack-"

// attackKind is one way in which the author of a pod attacks the node.
type attackKind struct {
	number int
	name   string
	// short and long are how many mounts a wave has.
	short, long int
	// serial has eight goroutines send the mounts of a wave one after another.
	serial bool
	// patience is the caller's deadline; 0 means kubelet's two minutes.
	patience time.Duration
	// request makes a mount. Large parts are shared by the mounts of a wave.
	request func(*attackers, *rand.Rand) *pb.MountRequest
}

var attackKinds = []attackKind{
	{1, "versions of deactivated secrets", 20, 1000, false, 0, (*attackers).pinnedVersions},
	{2, "hostile answers", 40, 1000, false, 0, (*attackers).hostileAnswers},
	{3, "each another okmsId", 100, 1000, false, 0, (*attackers).anotherDomain},
	{4, "each another token of 16 kB", 100, 1000, false, 0, (*attackers).largeToken},
	{5, "large secrets", 40, 1000, false, 0, (*attackers).largeSecrets},
	{6, "a parameter of 900 kB", 20, 1000, false, 0, (*attackers).largeParameter},
	{7, "a store that hangs", 100, 1000, false, 0, (*attackers).hangingStore},
	{8, "idle connections", 100, 200, true, 0, (*attackers).idleConnections},
	{9, "JSON paths", 40, 1000, false, 0, (*attackers).longPaths},
	{10, "commas", 40, 1000, false, 0, (*attackers).commas},
	{11, "forged and huge keys", 100, 1000, false, 0, (*attackers).wrongKey},
	{12, "large CA bundles", 60, 1000, false, 0, (*attackers).bundle},
	{13, "large Secrets and requests", 8, 300, false, 0, (*attackers).largeRequest},
	{14, "callers that give up", 100, 1000, false, 50 * time.Millisecond, (*attackers).givesUp},
	{15, "the honest mounts' own domain", 100, 1000, false, 0, (*attackers).honestDomain},
}

func (a *attackers) pinnedVersions(r *rand.Rand) *pb.MountRequest {
	return a.mount(r, harness.Mount{Objects: manyObjects(1000, "deactivated/%d", "objectVersion: %d")})
}

func (a *attackers) hostileAnswers(r *rand.Rand) *pb.MountRequest {
	answer := oneOf(r, "errors404", "errors500", "keys", "endless", "status999", "redirect", "drip")
	return a.mount(r, harness.Mount{Objects: manyObjects(1+r.IntN(50), answer+"/%d", "")})
}

func (a *attackers) anotherDomain(r *rand.Rand) *pb.MountRequest {
	id := fmt.Sprintf("%08x-0000-4000-8000-%012x", r.Uint32(), r.Uint64()>>16)
	return a.mount(r, harness.Mount{Objects: manyObjects(3, "small/%d", ""), Attributes: map[string]string{"okmsId": id}})
}

func (a *attackers) largeToken(r *rand.Rand) *pb.MountRequest {
	token := a.token(r)
	token += strings.Repeat("t", 16_000-len(token))
	return a.mount(r, harness.Mount{Objects: manyObjects(1+r.IntN(40), "small/%d", ""), Token: token})
}

func (a *attackers) largeSecrets(r *rand.Rand) *pb.MountRequest {
	return a.mount(r, harness.Mount{Objects: manyObjects(8+r.IntN(53), oneOf(r, "large", "share")+"/%d", "")})
}

func (a *attackers) largeParameter(r *rand.Rand) *pb.MountRequest {
	pad := map[string]string{"csi.storage.k8s.io/pad": padding()}
	return a.mount(r, harness.Mount{Objects: manyObjects(1, oneOf(r, "hang", "small")+"/%d", ""), Attributes: pad})
}

func (a *attackers) hangingStore(r *rand.Rand) *pb.MountRequest {
	return a.mount(r, harness.Mount{Objects: manyObjects(1+r.IntN(3), "hang/%d", "")})
}

func (a *attackers) idleConnections(r *rand.Rand) *pb.MountRequest {
	return a.mountAt(a.http1, r, harness.Mount{Objects: manyObjects(32, "small/%d", "")})
}

func (a *attackers) longPaths(r *rand.Rand) *pb.MountRequest {
	return a.mount(r, harness.Mount{Objects: manyPaths(r)})
}

func (a *attackers) commas(r *rand.Rand) *pb.MountRequest {
	return a.mount(r, harness.Mount{Objects: oneOf(r,
		"- {"+strings.Repeat("a,", 131_000)+"}", "["+strings.Repeat("a,", 131_000)+"]",
		"- {"+strings.Repeat("a,", 39_000)+"}", "["+strings.Repeat("a,", 39_000)+"]", strings.Repeat("- [a]\n", 13_000))})
}

func (a *attackers) wrongKey(r *rand.Rand) *pb.MountRequest {
	return a.mount(r, harness.Mount{Objects: manyObjects(3, "small/%d", ""), Secrets: oneOf(r, wrongPairs()...)})
}

func (a *attackers) bundle(r *rand.Rand) *pb.MountRequest {
	store := a.store(r)
	bundle := map[string]string{"caBundle": largeBundle(r, string(store.Server.CA))}
	return a.mountAt(store, r, harness.Mount{Objects: manyObjects(3, "small/%d", ""), Attributes: bundle})
}

func (a *attackers) largeRequest(r *rand.Rand) *pb.MountRequest {
	other := oneOf(r, padding()+padding()[:500_000], strings.Repeat(padding(), 9))
	secrets := map[string]string{"token": a.token(r), "other": other}
	return a.mount(r, harness.Mount{Objects: manyObjects(3, "small/%d", ""), Secrets: secrets})
}

func (a *attackers) givesUp(r *rand.Rand) *pb.MountRequest {
	return a.mount(r, harness.Mount{Objects: manyObjects(1+r.IntN(100), oneOf(r, "small", "hang", "large")+"/%d", "")})
}

func (a *attackers) honestDomain(r *rand.Rand) *pb.MountRequest {
	return a.mountAt(a.honest, r, harness.Mount{Objects: manyObjects(1+r.IntN(30), "honest/%d", ""), Token: attackToken})
}

func oneOf[T any](r *rand.Rand, all ...T) T { return all[r.IntN(len(all))] }

// manyObjects is a list of n objects. Where path and field have a %d, each has another
// number there; field may be empty.
func manyObjects(n int, path, field string) string {
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, "- {secretPath: "+path+", objectName: f%d", i, i)
		if field != "" {
			fmt.Fprintf(&list, ", "+field, i+1)
		}
		list.WriteString("}\n")
	}
	return list.String()
}

// manyPaths is a list of objects with paths that take long to follow: chains of queries,
// and patterns.
func manyPaths(r *rand.Rand) string {
	path := "k." + strings.Repeat("#(a=1)#|", 20) + "#.a"
	if r.IntN(4) == 0 {
		path = `a.#(%"` + strings.Repeat("*a", 60) + `b")`
	}
	var list strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&list, "- {secretPath: array/x, objectName: f%d, secretKey: '%s'}\n", i, path)
	}
	return list.String()
}

var padding = sync.OnceValue(func() string { return strings.Repeat("p", 900_000) })

// authorities are certificates in PEM form, of some 500 bytes each.
var authorities = sync.OnceValue(func() (all []string) {
	for range 200 {
		key := must(ecdsa.GenerateKey(elliptic.P256(), cryptorand.Reader))
		all = append(all, certificateOf(key.Public()))
	}
	return all
})

// largeBundle is a CA bundle of 60 kB, which begins with an authority.
func largeBundle(r *rand.Rand, first string) string {
	const size = 60_000
	all, bundle := authorities(), first
	for len(bundle) < size {
		bundle += all[r.IntN(len(all))]
	}
	return bundle
}

// wrongPairs are certificates with keys that do not belong to them.
var wrongPairs = sync.OnceValue(func() (pairs []map[string]string) {
	owner := must(rsa.GenerateKey(cryptorand.Reader, 2048)).PublicKey
	huge := rsa.PublicKey{N: new(big.Int).SetBit(new(big.Int).Lsh(big.NewInt(1), 99_999), 0, 1), E: 65537}
	for _, public := range []rsa.PublicKey{owner, huge} {
		certificate := certificateOf(&public)
		for _, key := range []string{forgedKey(owner.N, 3), forgedKey(huge.N, 3), forgedKey(owner.N, 100_000)} {
			pairs = append(pairs, map[string]string{"tls.crt": certificate, "tls.key": key})
		}
	}
	return pairs
})

// forgedKey is a PKCS #1 key of three primes for a public modulus, whose private exponent
// has so many bits.
func forgedKey(n *big.Int, bits uint) string {
	type otherPrime struct{ Prime, Exponent, Coefficient *big.Int }
	number := big.NewInt
	key := struct {
		Version            int
		N                  *big.Int
		E                  int
		D, P, Q, Dp, Dq, U *big.Int
		Others             []otherPrime
	}{1, n, 65537, new(big.Int).Add(new(big.Int).Lsh(number(1), bits), number(3)), number(3), number(5),
		number(1), number(1), number(1), []otherPrime{{number(7), number(1), number(1)}}}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: must(asn1.Marshal(key))}))
}

// certificateOf is a certificate of a public key in PEM form. Each has a subject of its own.
func certificateOf(public any) string {
	authority := must(ecdsa.GenerateKey(elliptic.P256(), cryptorand.Reader))
	serial := must(cryptorand.Int(cryptorand.Reader, big.NewInt(1<<60)))
	now, issuer := time.Now(), &x509.Certificate{SerialNumber: serial}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: serial.String()},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	der := must(x509.CreateCertificate(cryptorand.Reader, template, issuer, public, authority))
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// must returns a value that is always there.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
