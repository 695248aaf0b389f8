// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/keypair"
	"ovhcloud-csi-provider/provider/rawjson"
)

// allocates returns the bytes that f allocates.
func allocates(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// mostAllocated returns how many bytes Read may allocate for n bytes of PEM: a constant for the check
// of a private key, and what provider/render reserves.
func mostAllocated(n int) int { return 256<<10 + 20*n }

// hostile returns texts that are as large or as slow as they can be.
func hostile(t testing.TB) map[string]string {
	t.Helper()
	fill := func(block string) string {
		return strings.Repeat(block, min(maxBlocks, maxBytes/len(block)))
	}
	_, _, leaf := three(t)
	names := blank("x", true)
	for i := range 300 {
		names.Subject.ExtraNames = append(names.Subject.ExtraNames,
			pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 11}, Value: fmt.Sprint(i)})
	}
	hosts := blank("hosts", false)
	for i := range 5000 {
		hosts.DNSNames = append(hosts.DNSNames, fmt.Sprint(i))
	}
	return map[string]string{
		"rubbish":          strings.Repeat("x", maxBytes),
		"line breaks":      strings.Repeat("\n", maxBytes),
		"begins":           strings.Repeat("-----BEGIN X-----\n", maxBytes/18),
		"begins in a line": strings.Repeat("-----BEGIN ", maxBytes/11),
		"ends":             strings.Repeat("-----END X-----\n", maxBytes/16),
		"headers": "-----BEGIN CERTIFICATE-----\n" + strings.Repeat("a: b\n", maxBytes/5-20) +
			"\nAAAA\n-----END CERTIFICATE-----\n",
		"empty blocks":          fill("-----BEGIN EC PARAMETERS-----\n-----END EC PARAMETERS-----\n"),
		"marks":                 strings.Repeat("\xef\xbb\xbf", maxBytes/3),
		"one certificate often": fill(leaf.pem()),
		"names":                 fill(sign(t, names, issued{}, newKey(t)).pem()),
		"different names":       differentNames(t),
		"hosts":                 sign(t, hosts, issued{}, newKey(t)).pem(),
	}
}

// differentNames returns certificates whose names have equally many parts, so that each name is
// compared with each other one.
func differentNames(t testing.TB) string {
	t.Helper()
	key := newKey(t)
	parts := func(cert *x509.Certificate, first int) *x509.Certificate {
		for i := range 10 {
			unit := pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 11}, Value: fmt.Sprint(first, i)}
			cert.Subject.ExtraNames = append(cert.Subject.ExtraNames, unit)
		}
		return cert
	}
	var text strings.Builder
	for i := range maxBlocks {
		one := sign(t, parts(blank("x", true), i), issued{parts(blank("x", true), maxBlocks+i), key}, key).pem()
		if text.Len()+len(one) > maxBytes {
			break
		}
		text.WriteString(one)
	}
	return text.String()
}

func TestHostileTextsTakeLittleMemory(t *testing.T) {
	for name, text := range hostile(t) {
		if len(text) > maxBytes {
			text = text[:maxBytes]
		}
		var err error
		got := allocates(func() { _, err = Read(asTexts(text), steps(t)) })
		t.Logf("%s: %d bytes for each of %d, %v", name, got/len(text), len(text), err)
		if got > mostAllocated(len(text)) {
			t.Errorf("%s: %d bytes are allocated for %d", name, got, len(text))
		}
	}
}

// circle returns certificates of one name that did not sign one another, so that each is compared
// with each of the chain, and all of them are in the chain of the others by their names.
func circle(t *testing.T, newKey func() crypto.Signer, n int) string {
	t.Helper()
	var text strings.Builder
	authority := issued{blank("x", true), newKey()}
	text.WriteString(issue(t, "leaf", false, authority, newKey()).pem())
	for range n {
		text.WriteString(issue(t, "x", true, issued{blank("x", true), authority.key}, authority.key).pem())
	}
	return text.String()
}

// TestSignaturesTakeSteps: a circle of certificates takes as many steps as a mount has, not more.
func TestSignaturesTakeSteps(t *testing.T) {
	text := circle(t, func() crypto.Signer { k, _ := ecdsa.GenerateKey(elliptic.P521(), rand.Reader); return k }, 20)
	const n = 2 << 20
	if _, err := Read(asTexts(text), rawjson.NewSteps(t.Context(), n)); !errors.Is(err, rawjson.ErrSteps) {
		t.Errorf("%d steps are enough: %v", n, err)
	}
}

// keyPEM returns a private key in the DER of a struct.
func keyPEM(t *testing.T, key any) string {
	t.Helper()
	der, err := asn1.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: der}))
}

// pkcs1 is an RSA key of any number of primes.
type pkcs1 struct {
	Version               int
	N                     *big.Int
	E                     int
	D, P, Q, DP, DQ, QInv *big.Int
	Others                []struct{ R, D, T *big.Int } `asn1:"optional,omitempty"`
}

// TestKeysThatAreNotComputedWith: those that take seconds, and one of three primes, which crypto/x509
// takes without a check: the public part is enough to make one.
func TestKeysThatAreNotComputedWith(t *testing.T) {
	huge := new(big.Int).Lsh(big.NewInt(1), 180_000)
	huge.SetBit(huge, 0, 1)
	one := big.NewInt(1)
	authority := issue(t, "authority", true, issued{}, nil)
	der, err := x509.CreateCertificate(rand.Reader, blank("huge", false), authority.Certificate,
		&rsa.PublicKey{N: huge, E: 65537}, authority.key)
	if err != nil {
		t.Fatal(err)
	}
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	_, err = Read(asTexts(cert), steps(t))
	wantWrong(t, err, `the certificate of "CN=huge" (key "a") has a key of 180001 bits; at most 8192 are supported`)
	_, err = Read(asTexts(keyPEM(t, pkcs1{N: huge, E: 65537, D: one, P: one, Q: one, DP: one, DQ: one, QInv: one})),
		steps(t))
	wantWrong(t, err,
		`the private key in the key "a" is an RSA key with a number of about 180000 bits; at most 8192 are supported`)
	owner, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	forged := pkcs1{Version: 1, N: owner.N, E: owner.E, D: one, P: owner.N, Q: one, DP: one, DQ: one, QInv: one,
		Others: []struct{ R, D, T *big.Int }{{one, one, one}}}
	_, err = Read(asTexts(issue(t, "leaf", false, issued{}, owner).pem(), keyPEM(t, forged)), steps(t))
	wantWrong(t, err, `the private key in the key "b" is an RSA key of more than two primes, which is not supported`)
}

// TestALegitimateClassFits: the steps of a mount are enough for 30 objects of usual certificates, and
// a tenth of them for three.
func TestALegitimateClassFits(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 4096)
	if err != nil {
		t.Fatal(err)
	}
	root := issue(t, "root", true, issued{}, key)
	leaf := issue(t, "leaf", false, root, key)
	const objects, part = 30, 10
	s := rawjson.NewSteps(t.Context(), mostSteps/part)
	for range objects / part {
		b, err := Read(asTexts(leaf.pem()+leaf.keyPEM()), s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Keystore(PKCS12, []byte(changeit), s); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAThousandKeystoresEndWithTheBudget of a mount.
func TestAThousandKeystoresEndWithTheBudget(t *testing.T) {
	withKey, _ := stores(t)
	s := steps(t)
	for n := range 1000 {
		_, err := withKey.Keystore(JKS, []byte(changeit), s)
		if errors.Is(err, rawjson.ErrSteps) {
			if n < 100 {
				t.Errorf("only %d keystores fit", n)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Error("a mount makes 1,000 keystores")
}

// processorTime returns what this process has computed so far. Elapsed time would count other
// processes too.
func processorTime(t testing.TB) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkCosts compares what computing takes with the steps for it: some 16 ns for each, or less.
func BenchmarkCosts(b *testing.B) {
	measure := func(name string, steps int, f func()) {
		b.Run(name, func(b *testing.B) {
			before := processorTime(b)
			for b.Loop() {
				f()
			}
			took := float64(processorTime(b)-before) / float64(b.N)
			b.ReportMetric(took/1e3, "µs")
			b.ReportMetric(took/float64(steps), "ns/step")
			b.ReportMetric(0, "ns/op")
		})
	}
	keys := map[string]crypto.Signer{}
	for _, bits := range []int{2048, 4096, 8192} {
		keys[fmt.Sprint("RSA ", bits)], _ = rsa.GenerateKey(rand.Reader, bits)
	}
	for _, curve := range []elliptic.Curve{elliptic.P224(), elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		keys[curve.Params().Name], _ = ecdsa.GenerateKey(curve, rand.Reader)
	}
	_, keys["Ed25519"], _ = ed25519.GenerateKey(rand.Reader)
	for name, key := range keys {
		cert := issue(b, "x", true, issued{}, key)
		der, _ := x509.MarshalPKCS8PrivateKey(key)
		measure(name+", verify", costOfVerifying(cert.PublicKey),
			func() { _ = cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) })
		measure(name+", parse", costOfParsing(len(der)), func() { parseKey(der) })
		measure(name+", prove", costOfProving(cert.PublicKey), func() { _ = keypair.ProvePossession(key, cert.PublicKey) })
	}
	names := asTexts(differentNames(b))
	measure("names", len(names[0].PEM)*costOfByte, func() { _, _ = Read(names, steps(b)) })
	withKey, authorities := stores(b)
	for _, k := range []Keystore{PKCS12, JKS} {
		measure(string(k), costOfKeystore, func() { makeKeystore(b, withKey, k, changeit) })
	}
	measure("truststore", costOfKeystore, func() { makeKeystore(b, authorities, PKCS12, changeit) })
}

// TestCostsFollowTheKeys: what takes longer takes more steps, in the order that BenchmarkCosts finds.
func TestCostsFollowTheKeys(t *testing.T) {
	ofRSA := func(bits uint, e int) *rsa.PublicKey {
		return &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), bits-1), E: e}
	}
	ofCurve := func(c elliptic.Curve) *ecdsa.PublicKey { return &ecdsa.PublicKey{Curve: c} }
	for _, c := range []struct {
		public         crypto.PublicKey
		verify, proves int // in microseconds
	}{
		{ed25519.PublicKey{}, 100, 200}, {ofCurve(elliptic.P256()), 150, 300}, {ofCurve(elliptic.P224()), 1000, 2000},
		{ofCurve(elliptic.P384()), 1000, 2000},
		{ofCurve(elliptic.P521()), 3000, 6000}, {ofRSA(1024, 65537), 20, 150}, {ofRSA(2048, 65537), 80, 1200},
		{ofRSA(2049, 65537), 180, 4050},
		{ofRSA(8192, 65537), 1280, 76800}, {ofRSA(8192, 1<<17), 1280, 76800}, {ofRSA(8192, 1<<17+1), 5120, 76800},
	} {
		if v, p := costOfVerifying(c.public)/perMicrosecond, costOfProving(c.public)/perMicrosecond; v != c.verify ||
			p != c.proves {
			t.Errorf("%T: %d and %d µs, want %d and %d", c.public, v, p, c.verify, c.proves)
		}
	}
	if small, large := costOfParsing(64)/perMicrosecond, costOfParsing(4736)/perMicrosecond; small != 500 ||
		large != 500+74*74/2 {
		t.Errorf("reading a private key takes %d and %d µs", small, large)
	}
}
