// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

const mirrored = `
  secretObjects:
  - secretName: registry
    type: kubernetes.io/dockerconfigjson
    data:
    - {objectName: .dockerconfigjson, key: .dockerconfigjson}
`

func TestSecretObjectsAreMirroredAndUpdatedAtOnce(t *testing.T) {
	s := openShop(t, Options{})
	s.put("prod/va1/dockerconfigjson", dockerConfig)
	s.classWith(map[string]string{"objects": "- {secretPath: prod/va1/dockerconfigjson, objectName: .dockerconfigjson}"},
		mirrored[1:])
	pod := s.pod("web")
	publish(t, pod)
	secret := s.secret("registry", corev1.DockerConfigJsonKey, dockerConfig)
	if secret.Type != corev1.SecretTypeDockerConfigJson {
		t.Errorf("the Secret's type is %q, want %q", secret.Type, corev1.SecretTypeDockerConfigJson)
	}
	s.put("prod/va1/dockerconfigjson", dockerConfig2)
	publish(t, pod)
	// The controller resyncs only after five minutes; the test's timeout is shorter.
	s.secret("registry", corev1.DockerConfigJsonKey, dockerConfig2)
}

const probeMirrored = `
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: %[1]s, namespace: shop}
spec:
  provider: probe
  parameters: {any: thing}
  secretObjects:
  - secretName: %[1]s
    type: Opaque
    data: [{objectName: a, key: a}]
`

// The provider's versions therefore change with every content: a constant version would leave the Secret stale for
// minutes.
func TestDriverMirrorsOnlyWhenAVersionChanges(t *testing.T) {
	node := startNode(t, Options{})
	provider := startProbe(t, node)
	pods := map[string]*Pod{}
	for _, name := range []string{"first", "second"} {
		if err := node.ApplyClass(fmt.Sprintf(probeMirrored, name)); err != nil {
			t.Fatal(err)
		}
		pod, err := node.Schedule(PodSpec{Namespace: "shop", Name: name, Class: name})
		if err != nil {
			t.Fatal(err)
		}
		pods[name] = pod
	}
	s := &shop{t: t, node: node}
	provider.respond(file("a", "one", "1"), nil)
	publish(t, pods["first"])
	s.secret("first", "a", "one")

	provider.respond(file("a", "two", "1"), nil) // other content, the same version
	publish(t, pods["first"])
	if got := files(t, pods["first"])["a"].Content; got != "two" {
		t.Fatalf("the file is %q, want the new content", got)
	}
	// The controller has one worker: after it has mirrored the second pod, it has processed the first.
	publish(t, pods["second"])
	s.secret("second", "a", "two")
	s.secret("first", "a", "one")

	provider.respond(file("a", "two", "2"), nil)
	publish(t, pods["first"])
	s.secret("first", "a", "two")
}

// As docs/certificates.md says: a Secret of type kubernetes.io/tls is made of two parts, or of a bundle.
func TestDriverMirrorsPartsOfACertificate(t *testing.T) {
	certificate, key := issue(t)
	s := openShop(t, Options{})
	s.put("prod/shop/tls", asJSON(t, map[string]string{"all": "subject=shop\n" + key + certificate}))
	s.classWith(map[string]string{"objects": `
- {secretPath: prod/shop/tls, secretKey: all, objectName: tls.crt, certificate: {part: chain}}
- {secretPath: prod/shop/tls, secretKey: all, objectName: tls.key, certificate: {part: key}}
- {secretPath: prod/shop/tls, secretKey: all, objectName: bundle.pem, certificate: {part: bundle}}
`}, `  secretObjects:
  - {secretName: parts, type: kubernetes.io/tls, data: [{objectName: tls.crt, key: tls.crt}, {objectName: tls.key, key: tls.key}]}
  - {secretName: bundle, type: kubernetes.io/tls, data: [{objectName: bundle.pem, key: tls.crt}, {objectName: bundle.pem, key: tls.key}]}
`)
	publish(t, s.pod("web"))
	for _, name := range []string{"parts", "bundle"} {
		secret := s.secret(name, corev1.TLSCertKey, certificate)
		if got := string(secret.Data[corev1.TLSPrivateKeyKey]); got != key || secret.Type != corev1.SecretTypeTLS {
			t.Errorf("the Secret %s of type %s has another private key", name, secret.Type)
		}
	}
}
