// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"regexp"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// rewritten returns what operations of rewrite make of a key. It returns false if there is an
// operation without a counterpart.
func (e *external) rewritten(key string, operations *yamlnode.Node, notes *comments) (string, bool) {
	for _, operation := range yamlnode.Elements(operations) {
		at := yamlnode.Field(operation, "regexp")
		if at == nil {
			e.lose(notes, operation, "rewrite: only regexp has a counterpart")
			return "", false
		}
		source := yamlnode.TextAt(at, "source")
		pattern, err := regexp.Compile(source)
		if err != nil {
			e.lose(notes, at, "rewrite.regexp.source %s is not a regular expression", message.Quote(source))
			return "", false
		}
		key = pattern.ReplaceAllString(key, yamlnode.TextAt(at, "target"))
	}
	return key, true
}
