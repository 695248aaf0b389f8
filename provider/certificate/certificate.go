// SPDX-License-Identifier: Apache-2.0

// Package certificate takes PEM apart that is stored in a secret: certificates and a private key. It
// orders them, checks them against one another, and makes files of their parts, and keystores.
//
// It checks neither trust nor dates: an application may want a certificate that has expired or is
// not valid yet, and an error would take the volume from it too. The same input always gives the
// same bytes. Errors name keys of the secret and subjects of certificates, and show no PEM.
package certificate

import (
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/rawjson"
)

// Bundle is the certificates and the private key of some texts. It is immutable.
type Bundle struct {
	where string  // the keys of the secret, for messages
	all   []found // in the order of the texts, each once
	// chain is the leaf and the certificates above it. Without a leaf, it is all.
	chain []found
	leaf  bool
	key   *privateKey // nil if there is none
}

// Read returns the bundle of the texts. Text between PEM blocks is ignored, and so are a second copy
// of a certificate and blocks of parameters. With a private key, the leaf is its certificate, and
// every other certificate must be in the leaf's chain. The error is an *Error, or that of the steps.
func Read(texts []Text, steps *rawjson.Steps) (*Bundle, error) {
	p := &pieces{steps: steps}
	size, blocks := 0, 0
	for _, text := range texts {
		if size += len(text.PEM); size > maxBytes {
			return nil, wrong("%s more than %d bytes of PEM, the limit; use fewer keys", holds(texts), maxBytes)
		}
		if err := steps.Take(len(text.PEM) * costOfByte); err != nil {
			return nil, err
		}
		all, err := text.blocks()
		if err != nil {
			return nil, err
		}
		if blocks += len(all); blocks > maxBlocks {
			return nil, wrong("%s more than %d PEM blocks, the limit; use fewer keys", holds(texts), maxBlocks)
		}
		for i, block := range all {
			if err := p.add(block, text.Key, i+1); err != nil {
				return nil, err
			}
		}
	}
	b := &Bundle{where: holds(texts), all: p.certificates, key: p.key}
	if len(b.all) == 0 && b.key == nil {
		return nil, wrong("%s neither a certificate nor a private key; name the keys that do", b.where)
	}
	var err error
	if b.chain, b.leaf, err = p.chain(); err != nil {
		return nil, err
	}
	return b, nil
}

// holds returns the beginning of a message about all texts: `the key "a" holds`.
func holds(texts []Text) string {
	if len(texts) == 1 {
		return "the key " + message.Quote(texts[0].Key) + " holds"
	}
	var names []string
	for _, text := range texts {
		names = append(names, message.Quote(text.Key))
	}
	return "the keys " + list(names) + " hold"
}
