package auth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// byteOrderMark is what some editors put in front of a text in UTF-8. It is dropped.
var byteOrderMark = []byte("\xef\xbb\xbf")

func withoutMark(raw []byte) []byte { return bytes.TrimPrefix(raw, byteOrderMark) }

// mishap returns what looks wrong with the text under a key of a credential, as a
// sentence with its cure, or "" if nothing does. It looks for what happens on the way
// into a Kubernetes Secret. It never quotes the text. The text may be right all the same:
// where it can be used, the caller says it only after the store has refused it.
func mishap(key string, raw []byte) string {
	text := bytes.TrimSpace(withoutMark(raw))
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

// Cures that several mishaps share.
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

// mishapOfLine looks at what should be one line of printable ASCII.
func mishapOfLine(text []byte) string {
	switch {
	case isUTF16(text):
		return "is in UTF-16, as PowerShell writes files; " + storeUTF8
	case inFront.Match(text):
		return `has "Bearer " or the name of a header in front; store only what follows it`
	case text[0] == '{':
		if what := mishapOfJSON(text); what != "" {
			return what
		}
	case isQuoted(text):
		return "is in quotes; store it without them"
	}
	switch {
	case unexpanded.Match(text):
		return "is a placeholder, not its value; replace it before you create the Secret"
	case bytes.HasSuffix(text, []byte(`\n`)):
		return `ends in the two characters \n; store it without them`
	case named.Match(text):
		return "has its name in front; store only the value"
	case isEncoded(text):
		return "looks base64-encoded twice: " + storeUnencoded
	case isBinary(text):
		return "is binary, as kubectl makes it of a text under data: in a manifest; put the text under stringData:"
	}
	return ""
}

// mishapOfJSON looks at the answer of an API that was stored as a whole.
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

// mishapOfPEM looks at what should be PEM.
func mishapOfPEM(key string, text []byte) string {
	begin := []byte("-----BEGIN ")
	block, _ := pem.Decode(text)
	decoded, encoded := decodeBase64(text)
	switch {
	case isUTF16(text):
		return "is in UTF-16, as PowerShell writes files; " + storeUTF8
	case block == nil && encoded && bytes.Contains(decoded, begin):
		return "looks base64-encoded twice: " + storeUnencoded
	case block == nil && encoded && isDER(decoded):
		return "has no lines -----BEGIN and -----END; store the whole PEM text"
	case isDER(text):
		return "is binary (DER or PKCS #12), not PEM; convert it with openssl, " +
			"or, if a manifest has it under data:, put PEM under stringData:"
	case block == nil && bytes.Contains(text, begin) && bytes.Contains(text, []byte(`\n`)):
		return `has \n in place of line breaks; store it with real line breaks`
	case block == nil && isQuoted(text):
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

// isQuoted says whether a quotation mark stands at one end or at both.
func isQuoted(text []byte) bool {
	const marks = "\"'`\u201c\u201d\u2018\u2019\u00ab\u00bb"
	first, _ := utf8.DecodeRune(text)
	last, _ := utf8.DecodeLastRune(text)
	return strings.ContainsRune(marks, first) || strings.ContainsRune(marks, last)
}

// isUTF16 says whether a text in ASCII was written as UTF-16.
func isUTF16(text []byte) bool {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return true
	}
	return len(text) > 4 && bytes.Count(text, []byte{0})*5 > len(text)*2
}

// isBinary says whether bytes are no text at all. A text in another language is one.
func isBinary(text []byte) bool {
	if !utf8.Valid(text) {
		return true
	}
	return bytes.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) })
}

// isDER says whether bytes begin as a certificate or key in DER does: with a SEQUENCE of
// 128 bytes or more.
func isDER(text []byte) bool {
	return len(text) > 128 && text[0] == 0x30 && (text[1] == 0x81 || text[1] == 0x82)
}

// leastEncoded is how long a text in base64 must be, decoded, so that it is hardly
// printable by chance: one of 12 random bytes is once in 100,000 times.
const leastEncoded = 12

// isEncoded says whether a text is base64 of a credential. A PAT is a JWT and begins
// with "eyJ", and base64 of it with "ZXlK"; of others, what is printable when it is
// decoded was most likely encoded by hand.
func isEncoded(text []byte) bool {
	decoded, ok := decodeBase64(text)
	if !ok || bytes.HasPrefix(text, []byte("eyJ")) {
		return false
	}
	if bytes.HasPrefix(withoutMark(decoded), []byte("eyJ")) {
		return true
	}
	decoded = bytes.TrimSpace(withoutMark(decoded))
	unprintable := func(r rune) bool { return r < ' ' || r >= 0x7f }
	return len(decoded) >= leastEncoded && !bytes.ContainsFunc(decoded, unprintable)
}

// decodeBase64 decodes both alphabets, with padding or without, whatever the line breaks.
func decodeBase64(text []byte) (decoded []byte, ok bool) {
	bare := bytes.TrimRight(bytes.Join(bytes.Fields(text), nil), "=")
	for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if decoded, err := alphabet.AppendDecode(nil, bare); err == nil {
			return decoded, true
		}
	}
	return nil, false
}
