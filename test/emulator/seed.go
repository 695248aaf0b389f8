// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// seedFile is the top level of a seed.
type seedFile struct {
	Secrets json.RawMessage   `json:"secrets"`
	Tokens  []json.RawMessage `json:"tokens"`
}

type seedSecret struct {
	Path           string            `json:"path"`
	Data           json.RawMessage   `json:"data"` // the short form for one active version
	Versions       []json.RawMessage `json:"versions"`
	CustomMetadata json.RawMessage   `json:"custom_metadata"`
	settings       v1Settings
	versions       []seedVersion

	CASRequired        *bool   `json:"cas_required"`
	DeleteVersionAfter *string `json:"delete_version_after"`
	MaxVersions        *uint32 `json:"max_versions"`
}

type seedVersion struct {
	Data  json.RawMessage `json:"data"`
	State State           `json:"state"` // "" means active
}

// Seed fills the emulator from JSON:
//
//	{
//	  "secrets": {"prod/database": {"username": "app", "password": "example"}},
//	  "tokens":  [{"token": "...", "name": "ci", "actions": ["okms:apikms:secret/version/getData"],
//	               "paths": ["prod/"], "expires": "2030-01-01T00:00:00Z"}]
//	}
//
// or, with more fields for a secret, with "secrets" as a list:
//
//	[{"path": "prod/x", "versions": [{"data": {...}, "state": "deactivated"}, {"data": {...}}],
//	  "max_versions": 5, "cas_required": true, "delete_version_after": "1d", "custom_metadata": {"team": "a"}}]
//
// Data is kept byte for byte. An error names its place in the seed; nothing of the seed is then
// kept.
func (e *Emulator) Seed(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("reading the seed: %w", err)
	}
	var file seedFile
	if err := decodeStrict(raw, &file, false); err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	secrets, err := parseSecrets(file.Secrets)
	if err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	tokens, err := parseTokens(file.Tokens)
	if err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	if err := e.seedSecrets(secrets); err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	for i, t := range tokens {
		if err := e.AddToken(t.Token, t.identity()); err != nil {
			return fmt.Errorf("seed: tokens[%d]: %w", i, err)
		}
	}
	return nil
}

func parseSecrets(raw json.RawMessage) ([]seedSecret, error) {
	var all []seedSecret
	switch {
	case raw == nil:
		return nil, nil
	case isObject(raw):
		short, err := members(raw)
		if err != nil {
			return nil, fmt.Errorf("secrets: %w", err)
		}
		for _, m := range short {
			all = append(all, seedSecret{Path: m.name, versions: []seedVersion{{Data: m.value}}})
		}
	default:
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, errors.New("secrets is neither an object of path and data nor a list")
		}
		for i, item := range list {
			sec, err := parseSecret(item)
			if err != nil {
				return nil, fmt.Errorf("secrets[%d]: %w", i, err)
			}
			all = append(all, sec)
		}
	}
	seen := make(map[string]bool, len(all))
	for _, sec := range all {
		if err := sec.check(); err != nil {
			return nil, fmt.Errorf("secrets: %q: %w", sec.Path, err)
		}
		if seen[sec.Path] {
			return nil, fmt.Errorf("secrets: %q is given twice", sec.Path)
		}
		seen[sec.Path] = true
	}
	return all, nil
}

func parseSecret(raw json.RawMessage) (seedSecret, error) {
	var sec seedSecret
	if err := decodeStrict(raw, &sec, false); err != nil {
		return sec, err
	}
	sec.settings = v1Settings{CASRequired: sec.CASRequired, DeleteVersionAfter: sec.DeleteVersionAfter,
		MaxVersions: sec.MaxVersions}
	if (sec.Data == nil) == (sec.Versions == nil) {
		return sec, errors.New("exactly one of data and versions is needed")
	}
	if sec.Data != nil {
		sec.versions = []seedVersion{{Data: sec.Data}}
	}
	for i, item := range sec.Versions {
		var v seedVersion
		if err := decodeStrict(item, &v, false); err != nil {
			return sec, fmt.Errorf("versions[%d]: %w", i, err)
		}
		sec.versions = append(sec.versions, v)
	}
	return sec, nil
}

func (sec *seedSecret) check() error {
	if err := checkPath(sec.Path); err != nil {
		return err
	}
	if len(sec.versions) == 0 || len(sec.versions) > maxVersionNumber {
		return fmt.Errorf("it has %d versions", len(sec.versions))
	}
	for i, v := range sec.versions {
		switch v.State {
		case "", Active, Deactivated, Deleted:
		default:
			return fmt.Errorf("versions[%d]: state %q is not active, deactivated or deleted", i, v.State)
		}
		if v.Data == nil && v.State != Deleted {
			return fmt.Errorf("versions[%d]: data is missing", i)
		}
		if v.Data == nil {
			continue
		}
		if err := checkData(v.Data); err != nil {
			return fmt.Errorf("versions[%d]: %w", i, err)
		}
	}
	if err := sec.settings.check(); err != nil {
		return err
	}
	_, err := newCustom(nil, sec.CustomMetadata, false)
	return err
}

// seedSecrets stores the checked secrets. Versions of an existing secret continue its numbers.
func (e *Emulator) seedSecrets(all []seedSecret) error {
	now := e.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, sec := range all {
		if err := e.store.seed(sec, now); err != nil {
			return err
		}
	}
	return nil
}

func parseTokens(raw []json.RawMessage) ([]credentialJSON, error) {
	all := make([]credentialJSON, 0, len(raw))
	for i, item := range raw {
		var t credentialJSON
		if err := decodeStrict(item, &t, false); err != nil {
			return nil, fmt.Errorf("tokens[%d]: %w", i, err)
		}
		if err := checkToken(t.Token); err != nil {
			return nil, fmt.Errorf("tokens[%d]: %w", i, err)
		}
		if _, err := t.identity().normalised(); err != nil {
			return nil, fmt.Errorf("tokens[%d]: %w", i, err)
		}
		all = append(all, t)
	}
	return all, nil
}
