// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ovhcloud-csi-provider/test/emulator"
)

// The names of credentials say what they are: tok-… is a token, cli-… an OAuth2 client, crt-… a
// client certificate. A name with a ~ behind it differs from the one without in one byte of the
// secret, and no store knows it. These other names are contents without a credential.
const (
	noCred     = "-"      // there is none
	brokenCred = "broken" // a file that is no credential
	emptyCred  = "empty"  // the folder or Secret has no known key
)

// usable reports whether a content is a credential, as far as that can be seen without a store.
func usable(cred string) bool {
	return cred != noCred && cred != "" && cred != brokenCred && cred != emptyCred &&
		!(strings.HasPrefix(cred, "crt-") && strings.HasSuffix(cred, "~"))
}

// material returns the data of a Secret or the files of a folder.
func (w *world) material(cred string) map[string]string {
	base, near := strings.CutSuffix(cred, "~")
	end := ".key1"
	if near {
		end = ".key2"
	}
	switch kind, _, _ := strings.Cut(cred, "-"); {
	case cred == noCred || cred == "":
		return map[string]string{}
	case cred == brokenCred:
		return map[string]string{"token": planted + " is no\ntoken"}
	case cred == emptyCred:
		return map[string]string{"password": planted}
	case kind == "cli":
		return map[string]string{"clientId": "EU." + base, "clientSecret": planted + base + end, "tokenUrl": w.tokenURL()}
	case kind == "crt":
		one := w.certificate(base)
		if near { // somebody else's key
			one["tls.key"] = w.certificate(base + "x")["tls.key"]
		}
		return one
	}
	return map[string]string{"token": "eyJhbGciOiJFZERTQSJ9." + planted + "." + base + end}
}

// certificate returns a client certificate, which the first store issues when it is asked for
// the first time.
func (w *world) certificate(name string) map[string]string {
	w.mu.Lock()
	one := w.certificates[name]
	w.mu.Unlock()
	if one == nil {
		one = w.issue(name, emulator.Identity{Name: name})
	}
	return maps.Clone(one)
}

func (w *world) issue(name string, id emulator.Identity) map[string]string {
	cert, key, err := w.stores["par"].IssueCertificate(id)
	w.must(err)
	block, _ := pem.Decode(cert)
	one := map[string]string{"tls.crt": string(cert), "tls.key": string(key)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.certificates[name] = one
	w.proofs[fmt.Sprintf("certificate %x", sha256.Sum256(block.Bytes))] = name
	return one
}

// proof returns how a request shows a credential, "" for a certificate.
func proof(m map[string]string) string {
	if m["clientId"] != "" {
		return "client " + m["clientId"] + " " + m["clientSecret"]
	}
	return m["token"]
}

// know remembers whose a proof is.
func (w *world) know(proof, cred string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.proofs[proof] = cred
}

func (w *world) credentialOf(proof string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.proofs[proof]
}

// mention makes a credential known by its proof.
func (w *world) mention(cred string) map[string]string {
	m := w.material(cred)
	if p := proof(m); p != "" && usable(cred) {
		w.know(p, cred)
	}
	return m
}

// grant gives a credential rights in a store, on the secrets below some prefixes. A life of 0 is
// for ever.
func (w *world) grant(cred string, s *store, prefixes []string, life time.Duration) {
	id := emulator.Identity{Name: cred, Paths: prefixes}
	if slices.Contains(prefixes, "/") {
		id.Paths = nil
	}
	if life != 0 {
		id.Expires = time.Now().Add(life)
	}
	switch m := w.mention(cred); {
	case m["clientId"] != "":
		w.must(s.AddClient(m["clientId"], m["clientSecret"], id))
	case m["tls.crt"] == "":
		w.must(s.AddToken(m["token"], id))
	}
}

// revoke takes a credential from a store.
func (w *world) revoke(cred string, s *store) {
	switch m := w.mention(cred); {
	case m["clientId"] != "": // its secret becomes another one
		w.must(s.AddClient(m["clientId"], "other.secret", emulator.Identity{Name: cred}))
		s.RevokeAccessTokens(m["clientId"])
	case m["tls.crt"] == "":
		s.RevokeToken(m["token"])
	}
}
