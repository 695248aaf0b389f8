// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// keytools returns the keytool of each Java on this machine. The test is skipped without any.
func keytools(t *testing.T) (all []string) {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/jvm/*/bin/keytool")
	if path, err := exec.LookPath("keytool"); err == nil {
		found = append(found, path)
	}
	for _, path := range found {
		if real, err := filepath.EvalSymlinks(path); err == nil && !slices.Contains(all, real) {
			all = append(all, real)
		}
	}
	if len(all) == 0 {
		t.Skip("there is no keytool on this machine; apt-get install default-jre-headless")
	}
	return all
}

// program returns the path of a program. The test is skipped without it.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("there is no %s on this machine", name)
	}
	return path
}

func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// runKeytool runs keytool without what makes long-running Java programs fast and short ones slow.
func runKeytool(t *testing.T, keytool string, args ...string) []byte {
	t.Helper()
	return run(t, keytool, append([]string{"-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC"}, args...)...)
}

func write(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOpenSSLReadsPKCS12, and what it prints is PEM that is read again: the way from a PKCS #12 file
// to a secret.
func TestOpenSSLReadsPKCS12(t *testing.T) {
	openssl := program(t, "openssl")
	withKey, authorities := stores(t)
	for name, c := range map[string]struct {
		b    *Bundle
		part Part
	}{"a private key": {withKey, Whole}, "authorities": {authorities, Chain}} {
		path := write(t, makeKeystore(t, c.b, PKCS12, "a b~!\"x$"))
		out := run(t, openssl, "pkcs12", "-in", path, "-passin", "pass:a b~!\"x$", "-nodes")
		want, err := c.b.Part(c.part)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := read(t, string(out)).Part(c.part); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: openssl reads other content, %v", name, err)
		}
		if info, _ := exec.Command(openssl, "pkcs12", "-in", path, "-passin", "pass:a b~!\"x$", "-noout",
			"-info").CombinedOutput(); !bytes.Contains(info,
			[]byte("PBES2, PBKDF2, AES-256-CBC, Iteration 2048, PRF hmacWithSHA256")) ||
			!bytes.Contains(info, []byte("MAC: sha256, Iteration 2048")) {
			t.Errorf("%s: the encryption is\n%s", name, info)
		}
	}
}

// TestJavaReadsPrivateKeys: keytool opens the keystore, and writes the private key and the chain into
// another one, from which openssl reads them.
func TestJavaReadsPrivateKeys(t *testing.T) {
	openssl := program(t, "openssl")
	withKey, _ := stores(t)
	want, err := withKey.Part(Whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, keytool := range keytools(t) {
		for k, alias := range map[Keystore]string{PKCS12: "1", JKS: "certificate"} {
			t.Run(filepath.Base(filepath.Dir(filepath.Dir(keytool)))+" "+string(k), func(t *testing.T) {
				t.Parallel()
				path, copied := write(t, makeKeystore(t, withKey, k, changeit)), filepath.Join(t.TempDir(), "copy")
				runKeytool(t, keytool, "-importkeystore", "-noprompt", "-srckeystore", path, "-srcstorepass", changeit,
					"-srcalias", alias,
					"-destkeystore", copied, "-deststoretype", "PKCS12", "-deststorepass", changeit)
				out := run(t, openssl, "pkcs12", "-in", copied, "-passin", "pass:"+changeit, "-nodes")
				if got, err := read(t, string(out)).Part(Whole); err != nil || !bytes.Equal(got, want) {
					t.Errorf("keytool reads another private key or chain, %v", err)
				}
			})
		}
	}
}

// TestJavaTrustsCertificates: each one is trusted, also if two have one name.
func TestJavaTrustsCertificates(t *testing.T) {
	_, authorities := stores(t)
	for _, keytool := range keytools(t) {
		for _, k := range []Keystore{PKCS12, JKS} {
			t.Run(filepath.Base(filepath.Dir(filepath.Dir(keytool)))+" "+string(k), func(t *testing.T) {
				t.Parallel()
				list := runKeytool(t, keytool, "-list", "-rfc", "-keystore", write(t, makeKeystore(t, authorities, k, changeit)),
					"-storepass", changeit)
				if n := bytes.Count(list, []byte("Entry type: trustedCertEntry")); n != 3 ||
					!bytes.Contains(list, []byte("Alias name: ca-002")) {
					t.Errorf("keytool lists %d trusted certificates:\n%s", n, list)
				}
				for _, one := range authorities.all {
					if !strings.Contains(strings.ReplaceAll(string(list), "\r", ""), (issued{Certificate: one.Certificate}).pem()) {
						t.Errorf("%s is not in it", one)
					}
				}
			})
		}
	}
}

// TestWritersOfPEM: what openssl writes is read, with its comments and parameters.
func TestWritersOfPEM(t *testing.T) {
	openssl := program(t, "openssl")
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	run(t, openssl, "genpkey", "-algorithm", "RSA", "-out", at("rsa"))
	run(t, openssl, "pkey", "-in", at("rsa"), "-aes256", "-passout", "pass:planted", "-out", at("locked"))
	locked, err := os.ReadFile(at("locked"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Read(asTexts(string(locked)), steps(t))
	wantWrong(t, err, "is protected by a passphrase")
	for name, command := range map[string]string{
		"PKCS #8":                      "pkey -in " + at("rsa"),
		"PKCS #1":                      "pkey -traditional -in " + at("rsa"),
		"Ed25519":                      "genpkey -algorithm ED25519",
		"with parameters":              "ecparam -name prime256v1 -genkey",
		"the passphrase was taken off": "pkey -passin pass:planted -in " + at("locked"),
	} {
		run(t, openssl, append(strings.Fields(command), "-out", at("key"))...)
		run(t, openssl, "req", "-x509", "-new", "-key", at("key"), "-subj", "/CN=leaf", "-out", at("plain"))
		run(t, openssl, "x509", "-in", at("plain"), "-text", "-out", at("cert"))
		key, err := os.ReadFile(at("key"))
		if err != nil {
			t.Fatal(err)
		}
		cert, err := os.ReadFile(at("cert"))
		if err != nil {
			t.Fatal(err)
		}
		b, err := Read(asTexts(string(cert), string(key)), steps(t))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		wantPart(t, b, Whole, "key leaf")
	}
}
