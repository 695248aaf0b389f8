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
	Leaf   Part = "leaf"   // the certificate alone
	Chain  Part = "chain"  // the certificate and those above it, as a server presents them: tls.crt
	Key    Part = "key"    // the private key, in the form in which it is stored: tls.key
	Whole  Part = "bundle" // the private key and the chain, as HAProxy and others read them
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

// Part returns a part as PEM, without anything between the blocks. The error is an *Error.
func (b *Bundle) Part(p Part) (out []byte, err error) {
	if (p == Key || p == Whole) && b.key == nil {
		return nil, wrong("holds no private key")
	}
	if p != Key && len(b.chain) == 0 {
		return nil, wrong("holds no certificate")
	}
	if p == Leaf && !b.leaf {
		return nil, wrong("holds certificates of several authorities, and none of a server or client")
	}
	if p == Key || p == Whole {
		out = pem.EncodeToMemory(b.block)
	}
	for i, one := range b.chain {
		if p == Key || p == Leaf && i > 0 {
			break
		}
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: one.Raw})...)
	}
	return out, nil
}
