// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"net/http"
	"strings"

	"ovhcloud-csi-provider/provider/rawjson"
)

// addEntries adds the entries of a page of a folder (SW's SecretMetadata with list=true).
func addEntries(a answer, folder string, to *pages[string]) *Error {
	if a.isNoFolder() && to.number == 1 {
		return nil
	}
	if a.status != http.StatusOK {
		return a.refused()
	}
	top, valid := rawjson.Parse(a.body.Reveal())
	data := member(top, "data")
	keys := member(data, "keys")
	isNone := isNull(data) || data.IsObject() && (!keys.Exists() || isNull(keys))
	if !valid || !isNone && !keys.IsArray() {
		return a.unreadable("", "not the list of a folder (%d bytes of %s)", a.body.Len(), a.media)
	}
	for value := range keys.Elements() {
		name, ok := textOf(value, maxPath)
		bare := strings.TrimSuffix(name, "/")
		if !ok || strings.Contains(bare, "/") || !isPath(under(folder, bare)) {
			return a.unreadable("", "a name in the list of the folder is not one that a secret can have")
		}
		entry := under(folder, name)
		if failed := to.add(a, entry, len(entry)); failed != nil {
			return failed
		}
	}
	return nil
}

// isNoFolder reports whether an answer says that there is no secret below a folder. OKMS has no
// folders of their own, so that is an empty one. What OKMS answers is not documented: Vault sends
// an error object without errors. A text in it may be about something else, and is not hidden.
func (a answer) isNoFolder() bool {
	r := a.refusal
	return a.status == http.StatusNotFound && r.known && (r.code == codeSecretNotFound || r.code == 0 && r.text == "")
}
