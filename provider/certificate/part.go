// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"encoding/pem"
	"fmt"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
)

// Part is a part of a bundle that makes a file of PEM.
type Part string

// The parts.
const (
	Leaf  Part = "leaf"  // the certificate alone
	Chain Part = "chain" // the certificate and those above it, as a server presents them: tls.crt
	Key   Part = "key"   // the private key, in the form in which it is stored: tls.key
	// Whole is the private key and the chain, in the order of cert-manager's CombinedPEM, which
	// HAProxy, MongoDB and others read.
	Whole  Part = "bundle"
	noPart Part = ""
)

// ParsePart returns the part with a name. The error suggests a valid name.
func ParsePart(name string) (Part, error) {
	switch p := Part(name); p {
	case Leaf, Chain, Key, Whole:
		return p, nil
	case noPart:
	}
	return "", fmt.Errorf("%s is not a part; %s", message.Quote(name),
		nearest.Suggestion(name, []string{string(Leaf), string(Chain), string(Key), string(Whole)}))
}

// Part returns a part as PEM, without anything between the blocks. The chain of authorities that
// form none is all of them, as they are stored. The error is an *Error.
func (b *Bundle) Part(p Part) (out []byte, err error) {
	switch {
	case (p == Key || p == Whole) && b.key == nil:
		return nil, wrong("%s no private key; name the key of the secret that does too", b.where)
	case p != Key && len(b.all) == 0:
		return nil, wrong("%s no certificate; name the key of the secret that does too", b.where)
	case p == Leaf && !b.leaf:
		return nil, wrong("%s only certificates of authorities that form no chain, so none of them is the leaf: %s; use "+
			"part: chain for all of them",
			b.where, subjects(b.all))
	}
	if p == Key || p == Whole {
		out = pem.EncodeToMemory(b.key.block)
	}
	for i, one := range b.chain {
		if p == Key || p == Leaf && i > 0 {
			break
		}
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: one.Raw})...)
	}
	return out, nil
}
