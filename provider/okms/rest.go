// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"net/http"
	"net/url"
	"strings"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/rawjson"
)

// restPath returns the path of the URL of a secret in the native API. The whole path of the secret
// is one segment, with %2F for each slash, as OVHcloud's own clients send it (source: SDK).
func restPath(path string) string { return "/v2/secret/" + url.PathEscape(path) }

// restVersion is SW's SecretV2Version, which is also the member version of a secret.
type restVersion struct {
	id                            int
	state, createdAt, deactivated string
	data                          rawjson.Value // nil if there is none
}

// read reads a version. It returns false if v is not of the form that OKMS sends.
func (version *restVersion) read(v rawjson.Value) (ok bool) {
	ok = v.IsObject()
	for key, value := range v.Members() {
		valid := true
		switch {
		case key.Is("id"):
			version.id, valid = numberOf(value)
		case key.Is("state"):
			version.state, valid = textOf(value, mostID)
		case key.Is("createdAt"):
			version.createdAt, valid = textOf(value, mostID)
		case key.Is("deactivatedAt"):
			version.deactivated, valid = textOf(value, mostID)
		case key.Is("data"):
			version.data = value
		}
		ok = ok && valid
	}
	return ok
}

// gone returns the kind of failure of a version without data; "" if it may have data.
func (version *restVersion) gone() failure.Kind {
	switch stateOf(version.state) {
	case Deactivated:
		return failure.Deactivated
	case Deleted:
		return failure.Deleted
	case Active:
	}
	return ""
}

// decodeREST returns the Secret in an answer to the read of ref. Its errors never quote a
// successful answer, which holds the secret.
func decodeREST(a answer, ref Ref) (Secret, *Error) {
	if a.status != http.StatusOK {
		return Secret{}, a.refused()
	}
	top, valid := rawjson.Parse(a.body.Reveal())
	var version restVersion
	read := version.read(member(top, "version"))
	switch {
	case !valid || !top.IsObject():
		return Secret{}, a.unreadable("", "not the JSON that OKMS sends (%d bytes of %s)", a.body.Len(), a.media)
	case !read:
		return Secret{}, a.unreadable("", "version is missing, or is not what OKMS sends")
	case version.gone() != "":
		return Secret{}, &Error{Kind: version.gone(), Status: a.status, Version: version.id, Since: a.id(version.deactivated)}
	case stateOf(version.state) != Active:
		return Secret{}, a.unreadable("", "version.state is missing or unknown")
	case !version.data.Exists():
		return Secret{}, a.unreadable("", "version.data is missing")
	}
	return a.secret(ref, version.id, version.createdAt, version.data)
}

// addRESTVersions adds the versions of a page. Deleted ones are among them; pruned ones are not.
func addRESTVersions(a answer, to *pages[VersionState]) *Error {
	list, failed := a.array("the versions of a secret")
	if failed != nil {
		return failed
	}
	for value := range list.Elements() {
		var version restVersion
		ok := version.read(value)
		state := stateOf(version.state)
		if !ok || version.id < 1 || version.id > MaxVersion || state == "" {
			return a.unreadable("", "a version in the list is not one that OKMS sends")
		}
		if failed := to.add(a, VersionState{version.id, state}, mostLine); failed != nil {
			return failed
		}
	}
	return nil
}

// addRESTEntries adds the secrets of a page of all secrets that are below a folder. What is in other
// folders is not checked: it is not read.
func addRESTEntries(a answer, folder string, to *pages[string]) *Error {
	if a.isNoFolder() && to.number == 1 {
		return nil
	}
	list, failed := a.array("the list of a folder")
	if failed != nil {
		return failed
	}
	for value := range list.Elements() {
		path, ok := textOf(member(value, "path"), maxPath)
		below := strings.HasPrefix(path, under(folder, ""))
		if !ok || path == "" || path[0] == '/' || below && !isPath(path) {
			return a.unreadable("", "a name in the list of the folder is not one that a secret can have")
		}
		if !below {
			continue
		}
		if failed := to.add(a, path, len(path)); failed != nil {
			return failed
		}
	}
	return nil
}

// array returns the answer as a JSON array of what.
func (a answer) array(what string) (rawjson.Value, *Error) {
	if a.status != http.StatusOK {
		return nil, a.refused()
	}
	top, valid := rawjson.Parse(a.body.Reveal())
	if !valid || !top.IsArray() {
		return nil, a.unreadable("", "not %s (%d bytes of %s)", what, a.body.Len(), a.media)
	}
	return top, nil
}
