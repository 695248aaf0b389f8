// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"regexp"
	"strings"

	"ovhcloud-csi-provider/provider/sniff"
)

// mistake returns what looks wrong with the value of a key, as a sentence with its cure; "" if
// nothing does. It looks for the common mistakes in creating a Kubernetes Secret, and never
// quotes the value. The value may still be correct: if it can be sent, the caller shows the
// sentence only after OKMS has refused the credential.
func mistake(key string, raw []byte) string {
	text := bytes.TrimSpace(sniff.WithoutMark(raw))
	if len(text) == 0 || len(text) > maxCertificate {
		return ""
	}
	sentence := ""
	switch key {
	case KeyCertificate, KeyPrivateKey:
		sentence = mistakeInPEM(key, text)
	default:
		sentence = mistakeInLine(text)
	}
	if sentence == "" {
		return ""
	}
	if key == KeyToken {
		key = "the token"
	}
	return key + " " + sentence
}

// Cures that several mistakes share.
const (
	storeUnencoded = "store it as it is, since kubectl create secret and stringData encode it for you"
	storeUTF8      = "write the file as UTF-8 without a byte order mark"
)

var (
	// An authentication scheme or a header that people copy with the token.
	prefixed = regexp.MustCompile(`(?i)^(authorization\s*:|x-vault-token\s*:|bearer\s)`)
	// A name of a variable or field that people copy with the value.
	named = regexp.MustCompile(`(?i)^(export\s+)?[a-z_]*(token|secret|client_?id|pat)["']?\s*[=:]`)
	// A variable or template instead of its value.
	unexpanded = regexp.MustCompile(`^(\$\{?\w+\}?|\$\(\w+\)|<[\w -]+>|\{\{.*\}\})$`)
)

// mistakeInLine returns the mistake in a text that must be one line of printable ASCII, without
// the key; "" if there is none.
func mistakeInLine(text []byte) string {
	switch {
	case sniff.IsUTF16(text):
		return "is in UTF-16, as PowerShell writes files; " + storeUTF8
	case prefixed.Match(text):
		return `begins with "Bearer " or the name of a header; store only the text after it`
	case text[0] == '{':
		if mistake := mistakeInJSON(text); mistake != "" {
			return mistake
		}
	case sniff.IsQuoted(text):
		return "is in quotes; store it without them"
	}
	switch {
	case unexpanded.Match(text):
		return "is a placeholder, not its value; replace it before you create the Secret"
	case bytes.HasSuffix(text, []byte(`\n`)):
		return `ends in the two characters \n; store it without them`
	case named.Match(text):
		return "begins with the name of a variable or field; store only the value"
	case sniff.IsEncoded(text):
		return "looks base64-encoded twice: " + storeUnencoded
	case sniff.IsBinary(text):
		return "is binary: a manifest probably has the text under data:, which is decoded; put it under stringData:"
	}
	return ""
}

// mistakeInJSON returns the mistake of an API's whole answer stored as a credential; "" if the text
// is not a JSON object.
func mistakeInJSON(text []byte) string {
	var answer map[string]json.RawMessage
	if json.Unmarshal(text, &answer) != nil {
		return ""
	}
	if answer["access_token"] != nil {
		return "is the answer of a token endpoint; store clientId and clientSecret instead, " +
			"since an access token expires within the hour"
	}
	for _, field := range []string{"token", "clientSecret", "client_secret", "value"} {
		if answer[field] != nil {
			return fmt.Sprintf("is a whole JSON answer; store only the value of its field %s, without quotes", field)
		}
	}
	if answer["alg"] != nil {
		return "is only the decoded header of a token: a manifest probably has the token under data:, which is decoded; " +
			"put it under stringData:"
	}
	return "is a JSON object; store only the value that is the credential, without quotes"
}

// mistakeInPEM returns the mistake in a text that must be PEM; "" if there is none.
func mistakeInPEM(key string, text []byte) string {
	begin := []byte("-----BEGIN ")
	block, _ := pem.Decode(text)
	decoded, encoded := sniff.DecodeBase64(text)
	switch {
	case sniff.IsUTF16(text):
		return "is in UTF-16, as PowerShell writes files; " + storeUTF8
	case block == nil && encoded && bytes.Contains(decoded, begin):
		return "looks base64-encoded twice: " + storeUnencoded
	case block == nil && encoded && sniff.IsDER(decoded):
		return "has no lines -----BEGIN and -----END; store the whole PEM text"
	case sniff.IsDER(text):
		return "is binary (DER or PKCS #12), not PEM; convert it with openssl, " +
			"or, if a manifest has it under data:, put PEM under stringData:"
	case block == nil && bytes.Contains(text, begin) && bytes.Contains(text, []byte(`\n`)):
		return `has the two characters \n instead of line breaks; store it with real line breaks`
	case block == nil && sniff.IsQuoted(text):
		return "is in quotes; store it without them"
	case block == nil && bytes.Contains(text, begin) && !bytes.Contains(text, []byte("\n")):
		return "has lost its line breaks; store the PEM file as it is"
	case block == nil && bytes.Contains(text, begin):
		return "holds PEM that cannot be read; was it cut or indented? Store the PEM file as it is"
	case block == nil:
		return ""
	case key == KeyCertificate && !bytes.Contains(text, append(begin, "CERTIFICATE-----"...)) &&
		privateKeyBlock(text) != nil:
		return "holds a private key; put the certificate there, and the private key into " + KeyPrivateKey
	case key == KeyPrivateKey && block.Type == "CERTIFICATE" && privateKeyBlock(text) == nil:
		return "holds a certificate; put the private key there, and the certificate into " + KeyCertificate
	}
	return ""
}

// privateKeyBlock returns the PEM block that tls.X509KeyPair reads the private key from; nil if
// there is none.
func privateKeyBlock(keyPEM []byte) *pem.Block {
	for rest := keyPEM; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil
		}
		if block.Type == "PRIVATE KEY" || strings.HasSuffix(block.Type, " PRIVATE KEY") {
			return block
		}
	}
}
