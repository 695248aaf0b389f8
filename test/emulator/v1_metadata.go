// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
)

// customValuePattern and the limits below apply to custom metadata (source: OKMS's API
// description).
var customValuePattern = regexp.MustCompile(`^[a-zA-Z0-9_.:/=@%-]{1,512}$`)

const maxCustomEntries = 64

type v1SecretMetadata struct {
	CASRequired        bool                         `json:"cas_required"`
	CreatedTime        string                       `json:"created_time"`
	CurrentVersion     uint32                       `json:"current_version"`
	CustomMetadata     map[string]string            `json:"custom_metadata"`
	URN                string                       `json:"urn"`
	DeleteVersionAfter string                       `json:"delete_version_after"`
	MaxVersions        uint32                       `json:"max_versions"`
	OldestVersion      uint32                       `json:"oldest_version"`
	UpdatedTime        string                       `json:"updated_time"`
	Versions           map[string]v1VersionOverview `json:"versions"`
}

type v1VersionOverview struct {
	CreatedTime  string `json:"created_time"`
	DeletionTime string `json:"deletion_time"`
	Destroyed    bool   `json:"destroyed"`
}

// readMetadata returns the answer to both forms of GET on metadata: the metadata of a secret or,
// with list=true or without a path, the names below it.
func (c *call) readMetadata(path string) (answer, error) {
	list, err := c.queryBool("list")
	if err != nil {
		return answer{}, err
	}
	if list || path == "" {
		return c.list(path)
	}
	if err := c.require(actionGet, path); err != nil {
		return answer{}, err
	}
	sec, err := c.e.store.get(path, c.now)
	if err != nil {
		return answer{}, err
	}
	return c.ok(marshal(c.metadataOf(sec))), nil
}

func (c *call) metadataOf(sec *secret) v1SecretMetadata {
	versions := make(map[string]v1VersionOverview, len(sec.versions))
	for n, v := range sec.versions {
		versions[strconv.FormatUint(uint64(n), 10)] = v1VersionOverview{
			CreatedTime: v1Time(v.created), DeletionTime: v1Time(v.deactivated), Destroyed: v.state == Deleted,
		}
	}
	store := c.e.store
	return v1SecretMetadata{
		CASRequired: store.casRequired(sec), CreatedTime: v1Time(sec.created), CurrentVersion: sec.current,
		CustomMetadata: sec.custom, URN: c.e.urn(sec.path), DeleteVersionAfter: store.deleteAfter(sec),
		MaxVersions: store.maxVersions(sec), OldestVersion: sec.oldest, UpdatedTime: v1Time(sec.updated),
		Versions: versions,
	}
}

// v1Settings is a body that changes the metadata of a secret or the defaults of the domain. Only a
// secret has custom metadata. A null or absent field is unchanged.
type v1Settings struct {
	CASRequired        *bool           `json:"cas_required"`
	CustomMetadata     json.RawMessage `json:"custom_metadata"`
	DeleteVersionAfter *string         `json:"delete_version_after"`
	MaxVersions        *uint32         `json:"max_versions"`
}

func (b v1Settings) check() error {
	if b.MaxVersions != nil && *b.MaxVersions > maxVersionNumber {
		return badMetadata("max_versions %d is more than %d", *b.MaxVersions, maxVersionNumber)
	}
	if b.DeleteVersionAfter != nil && *b.DeleteVersionAfter != "" {
		if _, err := parseDelay(*b.DeleteVersionAfter); err != nil {
			return badMetadata("delete_version_after: %v", err)
		}
	}
	return nil
}

func (b v1Settings) apply(to *settings) {
	if b.CASRequired != nil {
		to.casRequired = b.CASRequired
	}
	if b.DeleteVersionAfter != nil {
		to.deleteAfter = b.DeleteVersionAfter
	}
	if b.MaxVersions != nil {
		to.maxVersions = b.MaxVersions
	}
}

func badMetadata(format string, args ...any) error {
	return refusef(http.StatusBadRequest, codeSecretBadMetadata, format, args...)
}

func (c *call) writeMetadata(path string) (answer, error) { return c.changeMetadata(path, false) }
func (c *call) patchMetadata(path string) (answer, error) { return c.changeMetadata(path, true) }

// changeMetadata sets the fields of the body. Custom metadata is replaced, or merged if merge is
// true.
func (c *call) changeMetadata(path string, merge bool) (answer, error) {
	var body v1Settings
	if err := c.decode(&body); err != nil {
		return answer{}, err
	}
	if err := c.require(actionUpdateMeta, path); err != nil {
		return answer{}, err
	}
	sec, err := c.e.store.get(path, c.now)
	if err != nil {
		return answer{}, err
	}
	if err := body.check(); err != nil {
		return answer{}, err
	}
	custom, err := newCustom(sec.custom, body.CustomMetadata, merge)
	if err != nil {
		return answer{}, err
	}
	sec.custom, sec.updated = custom, c.now
	body.apply(&sec.settings)
	return noContent(), nil
}

// newCustom returns the custom metadata after a change. raw is JSON; nil or null means no change.
func newCustom(have map[string]string, raw json.RawMessage, merge bool) (map[string]string, error) {
	if raw == nil || string(raw) == "null" {
		return have, nil
	}
	if merge && have != nil {
		merged, err := mergePatch(marshal(have), raw)
		if err != nil {
			return nil, badMetadata("custom_metadata: %v", err)
		}
		raw = merged
	}
	var custom map[string]string
	if err := decodeStrict(raw, &custom, false); err != nil {
		return nil, badMetadata("custom_metadata is not an object of strings")
	}
	if len(custom) > maxCustomEntries {
		return nil, badMetadata("custom_metadata has %d entries, more than %d", len(custom), maxCustomEntries)
	}
	for name, value := range custom {
		if name == "" || !customValuePattern.MatchString(value) {
			return nil, badMetadata("custom_metadata %q: the name is empty, or the value is not 1 to 512 of a-z A-Z 0-9 _ . : "+
				"/ = @ %% -", name)
		}
	}
	if len(custom) == 0 {
		return nil, nil
	}
	return custom, nil
}

func (c *call) removeSecret(path string) (answer, error) {
	if err := c.require(actionDelete, path); err != nil {
		return answer{}, err
	}
	if err := c.e.store.remove(path); err != nil {
		return answer{}, err
	}
	return noContent(), nil
}

func (c *call) readConfig(string) (answer, error) {
	if err := c.require(actionGetConfig, ""); err != nil {
		return answer{}, err
	}
	store, none := c.e.store, &secret{}
	return c.ok(marshal(struct {
		CASRequired        bool   `json:"cas_required"`
		DeleteVersionAfter string `json:"delete_version_after"`
		MaxVersions        uint32 `json:"max_versions"`
	}{store.casRequired(none), store.deleteAfter(none), store.maxVersions(none)})), nil
}

func (c *call) writeConfig(string) (answer, error) {
	var body v1Settings
	if err := c.decode(&body); err != nil {
		return answer{}, err
	}
	if err := c.require(actionWriteConfig, ""); err != nil {
		return answer{}, err
	}
	if body.CustomMetadata != nil {
		return answer{}, errArgument("request body: unknown field %q", "custom_metadata")
	}
	if err := body.check(); err != nil {
		return answer{}, err
	}
	body.apply(&c.e.store.defaults)
	return noContent(), nil
}
