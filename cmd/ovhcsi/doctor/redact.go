// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"regexp"
	"strings"

	"ovhcloud-csi-provider/provider/message"
)

// secretForms matches what may be a credential in the text of others.
var secretForms = regexp.MustCompile(strings.Join([]string{
	`eyJ[A-Za-z0-9_-]{8,}[A-Za-z0-9_.-]*`,              // a JSON Web Token
	`-----BEGIN [^-]*-----[^-]*(-----END [^-]*-----)?`, // PEM
	`(?i:bearer|basic) [A-Za-z0-9+/=._-]{8,}`,          // a header
	`://[^/@\s:]*:[^/@\s]*@`,                           // a password in a URL
	`[A-Za-z0-9+/=_-]{40,}`,                            // what is long and has no words
}, "|"))

// redact returns a text of others on one line, bounded, without what may be a credential.
func redact(text string) string {
	return message.OneLine(secretForms.ReplaceAllString(text, "[redacted]"))
}
