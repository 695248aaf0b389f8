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

// mishap returns what looks wrong with the text under a key of a credential, with the cure,
// or "" if nothing does. It looks for typical mistakes on the way into a Kubernetes Secret.
// It never quotes the text. The text may be valid: if it can be used, the caller shows this
// only after the store has rejected it.
func mishap(key string, raw []byte) string {
	text := bytes.TrimSpace(sniff.WithoutMark(raw))
	if len(text) == 0 || len(text) > maxCertificate {
		return ""
	}
	what := ""
	switch key {
	case KeyCertificate, KeyPrivateKey:
		what = mishapOfPEM(key, text)
	default:
		what = mishapOfLine(text)
	}
	if what == "" {
		return ""
	}
	if key == KeyToken {
		key = "the token"
	}
	return key + " " + what
}

// Cures of several mistakes.
const (
	storeUnencoded = "store it as it is, since kubectl create secret and stringData encode by themselves"
	storeUTF8      = "write the file as UTF-8 without a byte order mark"
)

var (
	// A scheme or header that people copy with the token.
	inFront = regexp.MustCompile(`(?i)^(authorization\s*:|x-vault-token\s*:|bearer\s)`)
	// The name of a variable or a field that people copy with the value.
	named = regexp.MustCompile(`(?i)^(export\s+)?[a-z_]*(token|secret|client_?id|pat)["']?\s*[=:]`)
	// A variable or template in place of its value.
	unexpanded = regexp.MustCompile(`^(\$\{?\w+\}?|\$\(\w+\)|<[\w -]+>|\{\{.*\}\})$`)
)

// mishapOfLine checks what should be one line of printable ASCII.
func mishapOfLine(text []byte) string {
	switch {
	case sniff.IsUTF16(text):
		return "is in UTF-16, as PowerShell writes files; " + storeUTF8
	case inFront.Match(text):
		return `has "Bearer " or the name of a header in front; store only what follows it`
	case text[0] == '{':
		if what := mishapOfJSON(text); what != "" {
			return what
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
		return "has its name in front; store only the value"
	case sniff.IsEncoded(text):
		return "looks base64-encoded twice: " + storeUnencoded
	case sniff.IsBinary(text):
		return "is binary, as kubectl makes it of a text under data: in a manifest; put the text under stringData:"
	}
	return ""
}

// mishapOfJSON checks an answer of an API that was stored as a whole.
func mishapOfJSON(text []byte) string {
	var answer map[string]json.RawMessage
	if json.Unmarshal(text, &answer) != nil {
		return ""
	}
	if answer["access_token"] != nil {
		return "is the answer of a token endpoint; store clientId and clientSecret in its place, " +
			"since an access token expires within the hour"
	}
	for _, field := range []string{"token", "clientSecret", "client_secret", "value"} {
		if answer[field] != nil {
			return fmt.Sprintf("is a whole JSON answer; store only the value of its field %s, without quotes", field)
		}
	}
	if answer["alg"] != nil {
		return "is the decoded head of a token, as kubectl makes it of a text under data: in a manifest; " +
			"put the token under stringData:"
	}
	return "is a JSON object; store only the value that is the credential, without quotes"
}

// mishapOfPEM checks what should be PEM.
func mishapOfPEM(key string, text []byte) string {
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
		return `has \n in place of line breaks; store it with real line breaks`
	case block == nil && sniff.IsQuoted(text):
		return "is in quotes; store it without them"
	case block == nil && bytes.Contains(text, begin) && !bytes.Contains(text, []byte("\n")):
		return "has lost its line breaks; store the PEM file as it is"
	case block == nil && bytes.Contains(text, begin):
		return "holds PEM that cannot be read; was it cut or indented? Store the PEM file as it is"
	case block == nil:
		return ""
	case key == KeyCertificate && !bytes.Contains(text, append(begin, "CERTIFICATE-----"...)) && privateKeyBlock(text) != nil:
		return "holds a private key; the certificate belongs there, and the key in " + KeyPrivateKey
	case key == KeyPrivateKey && block.Type == "CERTIFICATE" && privateKeyBlock(text) == nil:
		return "holds a certificate; the private key belongs there, and the certificate in " + KeyCertificate
	}
	return ""
}

// privateKeyBlock returns the PEM block that tls.X509KeyPair takes the key from, nil if
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
