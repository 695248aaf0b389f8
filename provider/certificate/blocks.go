// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"bytes"
	"encoding/pem"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/sniff"
)

// Limits of the texts of one bundle. A secret of OKMS has at most 64 KB.
const (
	maxBytes  = 64 << 10
	maxBlocks = 100
)

// Text is the value of a key of a secret.
type Text struct {
	Key string
	PEM []byte
}

// Each PEM block has one of each.
var (
	begin = []byte("-----BEGIN ")
	end   = []byte("-----END ")
)

// blocks returns the PEM blocks of the text. pem.Decode skips a block that it cannot read: a chain
// would silently lose a certificate. So each block must be all that looks like one up to its end.
func (t Text) blocks() (all []*pem.Block, err error) {
	rest := bytes.ReplaceAll(t.PEM, sniff.Mark, nil) // also where files were joined
	for len(all) <= maxBlocks {
		block, after := pem.Decode(rest)
		if block == nil {
			break
		}
		if part := rest[:len(rest)-len(after)]; bytes.Count(part, begin) != 1 || bytes.Count(part, end) != 1 {
			return nil, t.damaged(len(all), rest)
		}
		all, rest = append(all, block), after
	}
	switch {
	case len(all) > maxBlocks:
		return all, nil
	case len(all) == 0:
		return nil, wrong("the key %s %s", message.Quote(t.Key), mistake(rest))
	case bytes.Contains(rest, begin) || bytes.Contains(rest, end):
		return nil, t.damaged(len(all), rest)
	}
	return all, nil
}

// joined is where a file without a last line break was joined with another one.
var joined = []byte("----------BEGIN ")

// How PEM is damaged, and what to do.
const (
	isJoined  = "has two PEM blocks that meet in one line; store a line break between them"
	isDamaged = "is damaged: it was cut, it is indented, or its lines are not base64; store the PEM file as it is"
)

// damaged returns the error for a block in the rest of the text, after a number of whole blocks.
func (t Text) damaged(whole int, rest []byte) error {
	if bytes.Contains(rest, joined) {
		return wrong("the key %s %s", message.Quote(t.Key), isJoined)
	}
	return wrong("PEM block %d of the key %s %s", whole+1, message.Quote(t.Key), isDamaged)
}

// mistake returns what a text without PEM blocks is instead, and what to do.
func mistake(text []byte) string {
	text = bytes.TrimSpace(text)
	decoded, encoded := sniff.DecodeBase64(text)
	looks := bytes.Contains(text, begin)
	switch {
	case len(text) == 0:
		return "is empty"
	case sniff.IsUTF16(text):
		return "is in UTF-16; store it as UTF-8"
	case encoded && bytes.Contains(decoded, begin):
		return "holds base64 of PEM; set encoding: base64"
	case encoded && sniff.IsDER(decoded), sniff.IsDER(text):
		return "holds a certificate, key or keystore in binary form (DER or PKCS #12), not PEM; convert it with openssl " +
			"and store PEM"
	case looks && bytes.Contains(text, []byte(`\n`)):
		return `has the two characters \n instead of line breaks; store it with real line breaks`
	case looks && sniff.IsQuoted(text):
		return "is in quotes; store it without them"
	case looks && !bytes.Contains(text, []byte("\n")):
		return "has lost its line breaks; store the PEM file as it is"
	case bytes.Contains(text, joined):
		return isJoined
	case looks:
		return "holds PEM that " + isDamaged
	}
	return "holds no PEM; name a key that does"
}
