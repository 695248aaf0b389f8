// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ovhcloud-csi-provider/test/emulator"
)

// Secrets that the driver cannot create, the event of each, and the fix in docs/mirroring.md.

// unmirrored is a class whose Secret "mirror" the driver does not create.
type unmirrored struct {
	secrets map[string]map[string]string // by path, the keys of each
	objects string
	mirror  string // the data of the Secret's entry in secretObjects, after its type
	// event is a part of the pod's event, and of docs/mirroring.md.
	event string
	fix   func(s *shop, u *unmirrored) // changes the store or the class
	want  map[string]string            // the Secret after the fix
}

func TestDriverCreatesNoSecretAndTheDocumentedFixWorks(t *testing.T) {
	docs, err := os.ReadFile("../../docs/mirroring.md")
	if err != nil {
		t.Fatal(err)
	}
	certificate, ec := issue(t)
	ed := pemKey(t, newEd25519(t))
	tls := map[string]string{"tls.crt": certificate, "tls.key": ec, "ca.crt": certificate}
	eachKey := "\n- {secretPath: prod/shop/tls, allKeys: true, objectName: tls}\n"
	for name, u := range map[string]*unmirrored{
		"an optional object that is absent": {
			secrets: map[string]map[string]string{"prod/shop/db": {"user": "shop"}},
			objects: "\n- {secretPath: prod/shop/db, secretKey: user, objectName: user}\n- {secretPath: prod/shop/flags, " +
				"secretKey: dark, objectName: dark, optional: true}\n",
			mirror: "Opaque\n    data: [{objectName: user, key: user}, {objectName: dark, key: dark}]",
			event:  "file matching objectName dark not found in the pod",
			fix: func(s *shop, u *unmirrored) {
				u.mirror = "Opaque\n    data: [{objectName: user, key: user}]\n  - secretName: mirror-flags\n    type: Opaque\n  " +
					"  data: [{objectName: dark, key: dark}]"
			},
			want: map[string]string{"user": "shop"},
		},
		"ca.crt in a Secret of type tls": {
			secrets: map[string]map[string]string{"prod/shop/tls": tls},
			objects: eachKey,
			mirror: "kubernetes.io/tls\n    data: [{objectName: tls/tls.crt, key: tls.crt}, {objectName: tls/tls.key, key: " +
				"tls.key}, {objectName: tls/ca.crt, key: ca.crt}]",
			event: "key 'ca.crt' is not supported. Only 'tls.key' and 'tls.crt' are supported",
			fix: func(s *shop, u *unmirrored) {
				u.mirror = strings.Replace(u.mirror, "kubernetes.io/tls", "Opaque", 1)
			},
			want: tls,
		},
		"ca.crt, with a Secret of its own": {
			secrets: map[string]map[string]string{"prod/shop/tls": tls},
			objects: eachKey,
			mirror: "kubernetes.io/tls\n    data: [{objectName: tls/tls.crt, key: tls.crt}, {objectName: tls/tls.key, key: " +
				"tls.key}, {objectName: tls/ca.crt, key: ca.crt}]",
			event: "key 'ca.crt' is not supported. Only 'tls.key' and 'tls.crt' are supported",
			fix: func(s *shop, u *unmirrored) {
				u.mirror = "kubernetes.io/tls\n    data: [{objectName: tls/tls.crt, key: tls.crt}, {objectName: tls/tls.key, " +
					"key: tls.key}]\n  - secretName: mirror-ca\n    type: Opaque\n    data: [{objectName: tls/ca.crt, key: ca.crt}]"
			},
			want: map[string]string{"tls.crt": certificate, "tls.key": ec},
		},
		"an Ed25519 key in a Secret of type tls": {
			secrets: map[string]map[string]string{"prod/shop/tls": {"tls.crt": certificate, "tls.key": ed}},
			objects: eachKey,
			mirror: "kubernetes.io/tls\n    data: [{objectName: tls/tls.crt, key: tls.crt}, {objectName: tls/tls.key, key: " +
				"tls.key}]",
			event: "unknown private key type found while getting key. Only rsa and ecdsa are supported",
			fix: func(s *shop, u *unmirrored) {
				u.mirror = strings.Replace(u.mirror, "kubernetes.io/tls", "Opaque", 1)
			},
			want: map[string]string{"tls.crt": certificate, "tls.key": ed},
		},
		"a whole secret as the file of a certificate": {
			secrets: map[string]map[string]string{"prod/shop/tls": tls},
			objects: "\n- {secretPath: prod/shop/tls, objectName: tls}\n",
			mirror:  "kubernetes.io/tls\n    data: [{objectName: tls, key: tls.crt}, {objectName: tls, key: tls.key}]",
			event:   "pkcs12: error reading P12 data",
			fix: func(s *shop, u *unmirrored) {
				u.objects = eachKey
				u.mirror = "kubernetes.io/tls\n    data: [{objectName: tls/tls.crt, key: tls.crt}, {objectName: tls/tls.key, " +
					"key: tls.key}]"
			},
			want: map[string]string{"tls.crt": certificate, "tls.key": ec},
		},
		"a certificate with \\n instead of line breaks": {
			secrets: map[string]map[string]string{"prod/shop/tls": {
				"tls.crt": strings.ReplaceAll(certificate, "\n", `\n`), "tls.key": strings.ReplaceAll(ec, "\n", `\n`)}},
			objects: eachKey,
			mirror: "kubernetes.io/tls\n    data: [{objectName: tls/tls.crt, key: tls.crt}, {objectName: tls/tls.key, key: " +
				"tls.key}]",
			event: "pkcs12: error reading P12 data",
			fix:   func(s *shop, _ *unmirrored) { s.put("prod/shop/tls", asJSON(t, tls)) },
			want:  map[string]string{"tls.crt": certificate, "tls.key": ec},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			documented(t, string(docs), u.event)
			s := openShop(t, Options{})
			for path, keys := range u.secrets {
				s.put(path, asJSON(t, keys))
			}
			apply := func() {
				s.classWith(map[string]string{"objects": u.objects},
					"  secretObjects:\n  - secretName: mirror\n    type: "+u.mirror+"\n")
			}
			apply()
			publish(t, s.pod("web")) // the provider has written the files
			s.event("Warning FailedToCreateSecret", u.event)
			if secret := s.noSecret("mirror"); secret != nil {
				t.Errorf("there is a Secret: %q", secret.Data)
			}
			u.fix(s, u)
			apply()
			publish(t, s.pod("fixed"))
			for key, value := range u.want {
				s.secret("mirror", key, value)
			}
		})
	}
}

// If an optional object is deleted later, the Secret is no longer updated and keeps all its keys.
func TestDriverFreezesASecretIfOneFileIsMissing(t *testing.T) {
	s := openShop(t, Options{})
	s.put("prod/shop/db", database)
	s.put("prod/shop/flags", `{"dark":"yes"}`)
	s.classWith(map[string]string{"objects": `
- {secretPath: prod/shop/db, secretKey: password, objectName: password}
- {secretPath: prod/shop/flags, secretKey: dark, objectName: dark, optional: true}
`}, "  secretObjects:\n  - secretName: mirror\n    type: Opaque\n"+
		"    data: [{objectName: password, key: password}, {objectName: dark, key: dark}]\n")
	pod := s.pod("web")
	publish(t, pod)
	s.secret("mirror", "password", "correct horse")
	if err := s.okms.Delete("prod/shop/flags"); err != nil {
		t.Fatal(err)
	}
	s.put("prod/shop/db", database2)
	publish(t, pod)
	wantFiles(t, pod, map[string]File{"password": {"battery staple", 0o644}})
	s.event("Warning FailedToCreateSecret", "file matching objectName dark not found in the pod")
	s.secret("mirror", "password", "correct horse")
	s.put("prod/shop/flags", `{"dark":"no"}`)
	publish(t, pod)
	s.secret("mirror", "password", "battery staple")
}

// The event does not contain the reason: only the driver's log does.
func TestDriverEventDoesNotSayWhyASecretIsRefused(t *testing.T) {
	s := openShop(t, Options{})
	s.put("prod/shop/db", database)
	s.classWith(map[string]string{"objects": "- {secretPath: prod/shop/db, secretKey: user, objectName: user}"},
		"  secretObjects:\n  - secretName: "+refused+"\n    type: Opaque\n    data: [{objectName: user, key: user}]\n")
	publish(t, s.pod("web"))
	const event = "timed out waiting for the condition"
	s.event("Warning FailedToCreateSecret", event)
	docs, err := os.ReadFile("../../docs/mirroring.md")
	if err != nil {
		t.Fatal(err)
	}
	documented(t, string(docs), event)
}

// The private key in a Secret of type kubernetes.io/tls can differ from the one in the file.
func TestDriverReencodesTLSKeys(t *testing.T) {
	certificate, _ := issue(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ key, begins string }{
		"ECDSA in PKCS#8": {pemKey(t, newECDSA(t)), "-----BEGIN EC PRIVATE KEY-----\nM"},
		"RSA in PKCS#8":   {pemKey(t, rsaKey), "-----BEGIN RSA PRIVATE KEY-----\nM"},
		"ECDSA in SEC 1":  {sec1(t, newECDSA(t)), "-----BEGIN EC PRIVATE KEY-----\nM"},
		// There is no event, and the Secret has an empty key.
		"encrypted": {string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("any")})),
			"-----BEGIN PRIVATE KEY-----\n-----END"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, Options{})
			s.put("prod/shop/tls", asJSON(t, map[string]string{"tls.crt": certificate, "tls.key": c.key}))
			s.classWith(map[string]string{"objects": "- {secretPath: prod/shop/tls, allKeys: true}"},
				"  secretObjects:\n  - secretName: mirror\n    type: kubernetes.io/tls\n    data: [{objectName: tls.crt, key: "+
					"tls.crt}, {objectName: tls.key, key: tls.key}]\n")
			publish(t, s.pod("web"))
			secret := s.secret("mirror", "tls.crt", certificate)
			if got := string(secret.Data["tls.key"]); !strings.HasPrefix(got, c.begins) {
				t.Errorf("the key starts with %.60q, want %q", got, c.begins)
			}
		})
	}
}

func TestDriverNeverChangesTheTypeOfASecret(t *testing.T) {
	s := openShop(t, Options{})
	s.put("prod/shop/db", database)
	class := func(spec string) {
		s.classWith(map[string]string{"objects": "- {secretPath: prod/shop/db, secretKey: password, objectName: password}"},
			"  secretObjects:\n  - secretName: mirror\n    type: "+spec+"\n    data: [{objectName: password, key: password}]\n")
	}
	class("Opaque")
	pod := s.pod("web")
	publish(t, pod)
	s.secret("mirror", "password", "correct horse")
	class("example.com/password\n    labels: {team: shop}")
	s.put("prod/shop/db", database2)
	publish(t, pod)
	secret := s.secret("mirror", "password", "battery staple")
	if secret.Type != corev1.SecretTypeOpaque || secret.Labels["team"] != "" {
		t.Errorf("the Secret has type %q and labels %v, want those of its creation", secret.Type, secret.Labels)
	}
	if err := s.node.cluster.client.Delete(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	s.put("prod/shop/db", database)
	publish(t, pod)
	secret = s.secret("mirror", "password", "correct horse")
	if secret.Type != "example.com/password" || secret.Labels["team"] != "shop" {
		t.Errorf("after it was created again, the Secret has type %q and labels %v, want those of the class", secret.Type,
			secret.Labels)
	}
}

// documented checks that the docs contain the text of an event, with NAME for the name of a file.
func documented(t *testing.T, docs, event string) {
	t.Helper()
	if !strings.Contains(docs, strings.ReplaceAll(event, "objectName dark", "objectName NAME")) {
		t.Errorf("docs/mirroring.md does not contain the event %q", event)
	}
}

// event waits for an event of the driver's controller that starts with begin and contains text.
func (s *shop) event(begin, text string) {
	s.t.Helper()
	if err := s.node.cluster.events.await(s.t.Context(), waitTimeout, func(event string) bool {
		return strings.HasPrefix(event, begin) && strings.Contains(event, text)
	}); err != nil {
		s.t.Fatalf("waiting for an event %s with %q: %v; events: %q", begin, text, err, s.node.Events())
	}
}

// noSecret returns the Secret, or nil if there is none.
func (s *shop) noSecret(name string) *corev1.Secret {
	s.t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	err := s.node.cluster.client.Get(s.t.Context(), client.ObjectKeyFromObject(secret), secret)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return secret
}

// issue returns a certificate and its key in SEC 1, which the driver copies unchanged.
func issue(t *testing.T) (certificate, key string) {
	t.Helper()
	okms, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	signer := newECDSA(t)
	crt, _, err := okms.IssueCertificateFor(emulator.Identity{Name: "shop"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return string(crt), sec1(t, signer)
}

func newECDSA(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newEd25519(t *testing.T) crypto.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// pemKey returns a key in PKCS#8 as PEM.
func pemKey(t *testing.T, key crypto.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// sec1 returns a key in SEC 1 as PEM.
func sec1(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
}

func asJSON(t *testing.T, keys map[string]string) string {
	t.Helper()
	text, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
