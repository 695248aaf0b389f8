// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// v2 returns the answer of the native API. rest is the escaped path below v2/. The path of a secret
// is one escaped segment, with %2F for each slash, as OVHcloud's clients send it; raw slashes are
// only understood where the path cannot be taken for that of a version.
func (c *call) v2(rest string) (answer, error) {
	if rest == "secretConfig" {
		return c.v2Config()
	}
	rest, ok := strings.CutPrefix(rest, "secret")
	if !ok || rest != "" && rest[0] != '/' {
		return answer{}, errNoRoute(c.method, c.route)
	}
	if rest = strings.TrimPrefix(rest, "/"); rest == "" {
		return c.byMethod(map[string]func() (answer, error){"GET": c.listSecrets, "POST": c.createSecret})
	}
	escaped, below := cutVersion(rest)
	path, err := unescapePath(escaped)
	if err == nil {
		err = checkPath(path)
	}
	if err != nil {
		return answer{}, err
	}
	switch {
	case below == "":
		return c.byMethod(map[string]func() (answer, error){
			"GET":    func() (answer, error) { return c.getSecret(path) },
			"PUT":    func() (answer, error) { return c.putSecret(path) },
			"DELETE": func() (answer, error) { return c.removeSecret(path) },
		})
	case below == "version":
		return c.byMethod(map[string]func() (answer, error){
			"GET":  func() (answer, error) { return c.listVersions(path) },
			"POST": func() (answer, error) { return c.postVersion(path) },
		})
	}
	number, err := versionNumber(strings.TrimPrefix(below, "version/"))
	if err != nil {
		return answer{}, err
	}
	return c.byMethod(map[string]func() (answer, error){
		"GET": func() (answer, error) { return c.getVersion(path, number) },
		"PUT": func() (answer, error) { return c.putVersion(path, number) },
	})
}

// cutVersion splits the part for versions off an escaped path: "version", or "version/" and a
// number.
func cutVersion(rest string) (escaped, below string) {
	segments := strings.Split(rest, "/")
	n := len(segments)
	switch {
	case n > 1 && segments[n-1] == "version":
		return strings.Join(segments[:n-1], "/"), "version"
	case n > 2 && segments[n-2] == "version":
		return strings.Join(segments[:n-2], "/"), "version/" + segments[n-1]
	}
	return rest, ""
}

// byMethod calls the handler of the call's method.
func (c *call) byMethod(handlers map[string]func() (answer, error)) (answer, error) {
	handle, ok := handlers[c.method]
	if !ok {
		return answer{}, refusef(http.StatusMethodNotAllowed, codeRESTArgument, "method %s is not allowed on %s",
			c.method, c.route)
	}
	return handle()
}

func versionNumber(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n < 1 || n > maxVersionNumber {
		return 0, errArgument("version %q is not a number from 1 to %d", text, maxVersionNumber)
	}
	return uint32(n), nil
}

// bare returns a 200 whose body is data, without an envelope.
func bare(data []byte) answer { return answer{status: http.StatusOK, body: data} }

// v2Time returns a time in the form of this API: UTC in whole seconds; "" for the zero time.
func v2Time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

type v2Metadata struct {
	CASRequired            bool              `json:"casRequired"`
	CreatedAt              string            `json:"createdAt"`
	CurrentVersion         uint32            `json:"currentVersion"`
	CustomMetadata         map[string]string `json:"customMetadata,omitempty"`
	DeactivateVersionAfter string            `json:"deactivateVersionAfter"`
	MaxVersions            uint32            `json:"maxVersions"`
	OldestVersion          uint32            `json:"oldestVersion"`
	UpdatedAt              string            `json:"updatedAt"`
	URN                    string            `json:"urn"`
}

func (c *call) v2MetadataOf(sec *secret) []byte {
	store := c.e.store
	return marshal(v2Metadata{
		CASRequired: store.casRequired(sec), CreatedAt: v2Time(sec.created), CurrentVersion: sec.current,
		CustomMetadata: sec.custom, DeactivateVersionAfter: store.deleteAfter(sec), MaxVersions: store.maxVersions(sec),
		OldestVersion: sec.oldest, UpdatedAt: v2Time(sec.updated), URN: c.e.urn(sec.path),
	})
}

// v2VersionOf returns a version, with its data if that is wanted and the version has some.
func v2VersionOf(v *version, withData bool) []byte {
	parts := []any{`"id":`, marshal(v.number), `,"state":`, marshal(v.state), `,"createdAt":`, marshal(v2Time(v.created))}
	if !v.deactivated.IsZero() {
		parts = append(parts, `,"deactivatedAt":`, marshal(v2Time(v.deactivated)))
	}
	if withData && v.state == Active {
		parts = append(parts, `,"data":`, v.data)
	}
	return envelope(parts...)
}

// v2SecretOf returns a secret with one of its versions.
func (c *call) v2SecretOf(sec *secret, v *version, withData bool) []byte {
	return envelope(`"path":`, marshal(sec.path), `,"metadata":`, c.v2MetadataOf(sec), `,"version":`,
		v2VersionOf(v, withData))
}

// written returns the answer to a write of a secret: it has no version.
func (c *call) written(sec *secret) answer {
	return bare(envelope(`"path":`, marshal(sec.path), `,"metadata":`, c.v2MetadataOf(sec), `,"warnings":[]`))
}
