package doctor

import (
	"regexp"

	"ovhcloud-csi-provider/provider/message"
)

// secretForms match what may be a credential in the text of others: JSON Web Tokens, PEM, and what is
// long and has no meaning.
var secretForms = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}[A-Za-z0-9_.-]*|-----BEGIN [^-]*-----[^-]*(-----END [^-]*-----)?|(?i:bearer|basic) [A-Za-z0-9+/=._-]{8,}|://[^/@\s:]*:[^/@\s]*@|[A-Za-z0-9+/=_-]{40,}`)

// redact returns a text of others on one line, bounded, without what may be a credential.
func redact(text string) string {
	return message.OneLine(secretForms.ReplaceAllString(text, "[redacted]"))
}
