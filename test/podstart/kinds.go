// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// secrets is how many secrets a class has, and how many keys the Kubernetes Secret.
const secrets = 10

// kind is what a pod mounts.
type kind struct {
	name string
	says string
	// token is whether kubelet mounts the token of the service account, as it does by default.
	token bool
	// class returns the class of a pod; nil if it has none.
	class func(pod string) string
	// secret is whether the pod mounts the Kubernetes Secret.
	secret bool
}

// The kinds, in the order of the table. The others are compared with plain.
var (
	bare   = kind{name: "bare", says: "no volume at all, not even the token of the service account"}
	plain  = kind{name: "plain", says: "only the token of the service account, as every pod by default", token: true}
	native = kind{name: "native", says: "a Kubernetes Secret of ten keys", token: true, secret: true}
	cold   = kind{name: "cold", says: "ten secrets of OKMS, none cached", token: true,
		class: func(pod string) string { return pod }}
	cached = kind{name: "cached", says: "ten secrets of OKMS, all cached", token: true,
		class: func(string) string { return "cached" }}
	kinds = []kind{bare, plain, native, cold, cached}
)

// pod returns a pod of this kind.
func (k kind) pod(name, image string) any {
	volumes, mounts := []any{}, []any{}
	if k.secret {
		volumes = append(volumes, object{"name": "secrets", "secret": object{"secretName": "native"}})
	}
	if k.class != nil {
		volumes = append(volumes, object{"name": "secrets", "csi": object{"driver": "secrets-store.csi.k8s.io",
			"readOnly": true, "volumeAttributes": object{"secretProviderClass": k.class(name)},
			"nodePublishSecretRef": object{"name": "credential"}}})
	}
	if len(volumes) > 0 {
		mounts = append(mounts, object{"name": "secrets", "mountPath": "/secrets", "readOnly": true})
	}
	return object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": name, "labels": object{"kind": k.name}},
		"spec": object{"terminationGracePeriodSeconds": 0, "restartPolicy": "Never", "enableServiceLinks": false,
			"automountServiceAccountToken": k.token, "volumes": volumes,
			"containers": []any{object{"name": "main", "image": image, "imagePullPolicy": "IfNotPresent",
				"volumeMounts": mounts}}}}
}

// object is an object of JSON.
type object map[string]any

// prepare writes the secrets and the classes of pods: each cold pod has ten secrets of its own.
func (p *podstart) prepare(ctx context.Context, pods []string) error {
	data := object{}
	for i := range secrets {
		data[fmt.Sprint("key-", i)] = "value"
	}
	if _, err := p.call(ctx, http.MethodPost, p.path("secrets"),
		object{"metadata": object{"name": "native"}, "stringData": data}); err != nil {
		return err
	}
	ca, err := p.call(ctx, http.MethodGet, store("ca.pem"), nil)
	if err != nil {
		return err
	}
	for _, name := range append(pods, "cached") {
		if err := p.writeClass(ctx, name, string(ca)); err != nil {
			return err
		}
	}
	return nil
}

// writeClass writes a class of ten secrets, and the secrets.
func (p *podstart) writeClass(ctx context.Context, name, ca string) error {
	var objects strings.Builder
	for i := range secrets {
		path := fmt.Sprintf("podstart/%s/%d", name, i)
		if _, err := p.call(ctx, http.MethodPut, store("secrets/"+path), object{"password": "value"}); err != nil {
			return err
		}
		fmt.Fprintf(&objects, "- {secretPath: %s, secretKey: password, objectName: '%d'}\n", path, i)
	}
	_, err := p.call(ctx, http.MethodPost,
		"/apis/secrets-store.csi.x-k8s.io/v1/namespaces/"+p.namespace+"/secretproviderclasses",
		object{"apiVersion": "secrets-store.csi.x-k8s.io/v1", "kind": "SecretProviderClass",
			"metadata": object{"name": name},
			"spec": object{"provider": "ovhcloud", "parameters": object{"endpoint": p.endpoint, "okmsId": p.okmsID,
				"caBundle": ca, "objects": objects.String()}}})
	return err
}
