// SPDX-License-Identifier: Apache-2.0

package place

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"ovhcloud-csi-provider/provider/sniff"
)

// Limits of a CA bundle in bytes, since each client in use holds one. The author of a
// connection is trusted, the author of a mount is not. All authorities of a system take 220 kB.
const (
	MaxBundleOfMount      = 64 << 10
	MaxBundleOfConnection = 512 << 10
)

var pemBegin = []byte("-----BEGIN ")

// parseCABundle returns a CA bundle without byte order marks: each of the files that it was
// joined from may have one. Text around the certificates is valid, since it often names them.
// Errors do not quote the bundle, which may hold a private key by mistake.
func parseCABundle(bundle string, most int) (string, error) {
	if len(bundle) > most {
		return "", fmt.Errorf("is %d bytes long; at most %d are read; give the authority of the endpoint only",
			len(bundle), most)
	}
	bundle = strings.ReplaceAll(bundle, string(sniff.Mark), "")
	text := []byte(bundle)
	found, all := 0, authorities(nil)
	if most <= MaxBundleOfMount {
		all = authorities{}
	}
	for rest := text; ; found++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if err := all.add(block, found+1); err != nil {
			return "", err
		}
	}
	switch begun := bytes.Count(text, pemBegin); {
	case found == 0:
		return "", errors.New(noAuthority(text))
	case begun > found:
		return "", fmt.Errorf("holds %d PEM blocks, of which only %d can be read; was one cut?", begun, found)
	}
	return bundle, nil
}

// noAuthority returns why a bundle has no certificate, and the cure.
func noAuthority(text []byte) string {
	text = bytes.TrimSpace(text)
	decoded, encoded := sniff.DecodeBase64(text)
	decoded = sniff.WithoutMark(decoded)
	const begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
	switch {
	case len(text) == 0:
		return "is empty; remove it, or give certificates in PEM form"
	case encoded && bytes.Contains(decoded, pemBegin):
		return "is base64: decode it (base64 -d), and give the PEM text"
	case encoded && sniff.IsDER(decoded):
		return "is a certificate without its first and last line; add " + begin + " and " + end
	case sniff.IsDER(text), bytes.HasPrefix(text, []byte("0\xef\xbf\xbd")),
		!bytes.Contains(text, pemBegin) && sniff.IsBinary(text):
		return "is binary (DER); convert it with openssl x509 -inform der, and give the PEM text"
	case bytes.Contains(text, pemBegin) && bytes.Contains(text, []byte(`\n`)):
		return `has the two characters \n instead of line breaks; write caBundle: | and the PEM text below it`
	case bytes.Contains(text, pemBegin) && bytes.Count(text, []byte("\n")) < 2:
		return "has lost its line breaks; write caBundle: | (not > or quotes) and the PEM text below it"
	case bytes.Contains(text, pemBegin):
		return "holds PEM that cannot be read; was it cut or indented? Give it from " + begin + " to " + end
	case text[0] == '/' || bytes.HasPrefix(text, []byte("file:")):
		return "is the name of a file; give the text from " + begin + " to " + end
	}
	return "holds no certificate in PEM form; give the text from " + begin + " to " + end
}
