package okms

import (
	"strings"

	"ovhcloud-csi-provider/provider/sensitive"
)

// redact takes tokens out of a text that a server may have echoed them into, and
// every part of one of twelve bytes or more: texts are cut, and cleaned of what
// may have stood within.
func (s *sentTokens) redact(text string) string {
	for _, token := range s.all {
		text = withoutParts(text, token)
	}
	return text
}

func withoutParts(text, token string) string {
	part := min(12, len(token))
	if part == 0 {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		if i+part > len(text) || !strings.Contains(token, text[i:i+part]) {
			out.WriteByte(text[i])
			i++
			continue
		}
		end := i + part
		for end < len(text) && strings.Contains(token, text[end-part+1:end+1]) {
			end++
		}
		out.WriteString(sensitive.Redacted)
		i = end
	}
	return out.String()
}
