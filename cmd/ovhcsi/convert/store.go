// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"encoding/base64"
	"strings"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// storeKey identifies a store. The namespace of a ClusterSecretStore is empty.
type storeKey struct{ kind, namespace, name string }

// The kinds of stores.
const (
	namespacedStore = "SecretStore"
	clusterStore    = "ClusterSecretStore"
)

// store is a SecretStore or a ClusterSecretStore.
type store struct {
	*item
	key    storeKey
	ovh    bool   // it is read over the ovh provider, which has no mounts; otherwise over vault's
	why    string // why its secrets are not in OKMS; "" if they are
	domain domain
	login  login
	mount  *string // of the vault provider; nil if keys begin with it
}

// stores are the stores of all sources.
type stores map[storeKey]*store

// add reads an object if it is a store.
func (all stores) add(i *item) {
	kind := i.text("kind")
	group, _, _ := strings.Cut(i.text("apiVersion"), "/")
	if group != "external-secrets.io" || kind != namespacedStore && kind != clusterStore {
		return
	}
	s := &store{item: i, key: storeKey{kind, i.text("metadata", "namespace"), i.text("metadata", "name")}}
	if kind == clusterStore {
		s.key.namespace = ""
	}
	if _, twice := all[s.key]; twice {
		i.lose(nil, i.at("metadata", "name"), "%s %s is given twice; the first one is used", kind, message.Name(s.key.name))
		return
	}
	all[s.key] = s
	vault, ovh := i.at("spec", "provider", "vault"), i.at("spec", "provider", "ovh")
	switch {
	case vault != nil:
		s.readVault(vault)
	case ovh != nil:
		s.ovh = true
		s.readOVH(ovh)
	default:
		s.why = "its provider is neither vault nor ovh"
	}
}

// mountOfOKMS is the path that OKMS serves its Vault-compatible API at.
const mountOfOKMS = "secret"

// readVault reads the vault provider of a store.
func (s *store) readVault(n *yamlnode.Node) {
	notes := &s.domain.comments
	d, why := s.readDomain(yamlnode.Field(n, "server"), yamlnode.TextAt(n, "server"), "")
	if s.domain, s.why = d, why; why != "" {
		return
	}
	s.only(notes, n, "vault", "server", "path", "version", "auth", "tls", "caBundle", "caProvider", "namespace", "headers",
		"readYourWrites", "forwardInconsistent", "checkAndSet")
	if path := yamlnode.Field(n, "path"); path != nil {
		mount := strings.Trim(path.Value, "/")
		s.mount = &mount
		if mount != mountOfOKMS {
			s.lose(notes, path, "vault.path %s: OKMS has its secrets at the path secret only", message.Name(mount))
		}
	}
	if version := yamlnode.TextAt(n, "version"); version != "" && version != "v2" {
		s.lose(notes, yamlnode.Field(n, "version"),
			"vault.version %s: OKMS has version v2 only, which is used", message.Name(version))
	}
	s.drop(notes, n, "vault", "OKMS has no namespaces of Vault Enterprise", "namespace")
	s.drop(notes, n, "vault", "the provider sends no headers of its users", "headers")
	s.drop(notes, n, "vault", "copy the certificates into the parameter caBundle", "caProvider")
	s.readBundle(yamlnode.Field(n, "caBundle"))
	auth, tls := yamlnode.Field(n, "auth"), yamlnode.Field(n, "tls")
	switch {
	case yamlnode.Field(auth, "tokenSecretRef") != nil:
		s.readLogin(yamlnode.Field(auth, "tokenSecretRef"), nil)
	case yamlnode.Field(auth, "cert") != nil:
		s.readLogin(yamlnode.At(auth, "cert", "clientCert"), yamlnode.At(auth, "cert", "secretRef"))
	case tls != nil:
		s.readLogin(yamlnode.Field(tls, "certSecretRef"), yamlnode.Field(tls, "keySecretRef"))
	default:
		s.loseLogin(auth)
	}
}

// readOVH reads the ovh provider of a store. casRequired is for writes.
func (s *store) readOVH(n *yamlnode.Node) {
	d, why := s.readDomain(yamlnode.Field(n, "server"), yamlnode.TextAt(n, "server"), yamlnode.TextAt(n, "okmsid"))
	if s.domain, s.why = d, why; why != "" {
		return
	}
	s.only(&s.domain.comments, n, "ovh", "server", "okmsid", "auth", "casRequired",
		"okmsTimeout", "caBundle", "caProvider")
	if timeout, _ := yamlnode.Entry(n, "okmsTimeout"); timeout != nil {
		s.advise(&s.domain.comments, timeout, "ovh.okmsTimeout: the provider has a time limit for a mount, --mount-timeout")
	}
	s.drop(&s.domain.comments, n, "ovh", "copy the certificates into the parameter caBundle", "caProvider")
	s.readBundle(yamlnode.Field(n, "caBundle"))
	auth := yamlnode.Field(n, "auth")
	switch {
	case yamlnode.At(auth, "token", "tokenSecretRef") != nil:
		s.readLogin(yamlnode.At(auth, "token", "tokenSecretRef"), nil)
	case yamlnode.Field(auth, "mtls") != nil:
		s.readLogin(yamlnode.At(auth, "mtls", "certSecretRef"), yamlnode.At(auth, "mtls", "keySecretRef"))
	default:
		s.loseLogin(auth)
	}
}

// readBundle reads a CA bundle, which is PEM in base64.
func (s *store) readBundle(n *yamlnode.Node) {
	if n == nil || n.Value == "" {
		return
	}
	pem, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
	if err != nil {
		s.lose(&s.domain.comments, n, "caBundle is not base64")
		return
	}
	s.domain.addBundle(s.item, n, string(pem))
}

// loseLogin says that OKMS does not know the kind of login.
func (s *store) loseLogin(auth *yamlnode.Node) {
	kinds := "no known kind of login"
	if all := yamlnode.Pairs(auth); len(all) > 0 {
		kinds = message.Name(all[0].Key.Value)
	}
	s.lose(&s.login.comments, auth,
		"auth: OKMS does not have %s; create a token, an access certificate or a service account for the pods", kinds)
}

// readLogin reads the references to a token, or to a certificate and its private key.
func (s *store) readLogin(first, private *yamlnode.Node) {
	l := &s.login
	l.secret, l.namespace = yamlnode.TextAt(first, "name"), yamlnode.TextAt(first, "namespace")
	l.certificate = private != nil
	l.key, l.private = yamlnode.TextAt(first, "key"), yamlnode.TextAt(private, "key")
	wanted := "token"
	if l.certificate {
		wanted = "tls.crt"
	}
	if l.key == "" {
		l.key = wanted
	}
	if l.private == "" {
		l.private = "tls.key"
	}
	if s.key.kind == namespacedStore {
		l.namespace = "" // a SecretStore has its Secrets in its own namespace
	}
	if other := yamlnode.TextAt(private, "name"); l.certificate && other != l.secret {
		s.lose(&l.comments, private,
			"certificate and key are in two Secrets, %s and %s; make one Secret of them, with the keys tls.crt and "+
				"tls.key",
			message.Name(l.secret), message.Name(other))
	}
}
