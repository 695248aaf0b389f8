// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"encoding/json"
	"net/http"
	"unicode/utf8"
)

// codeSecretExists is the error_code for a secret that is created twice (inferred: the status and
// the code are not documented).
const codeSecretExists = 0x0301A001 // 50438145

type v2Write struct {
	Path     string `json:"path"`
	Metadata *struct {
		CASRequired            *bool           `json:"casRequired"`
		CustomMetadata         json.RawMessage `json:"customMetadata"`
		DeactivateVersionAfter *string         `json:"deactivateVersionAfter"`
		MaxVersions            *uint32         `json:"maxVersions"`
	} `json:"metadata"`
	Version *struct {
		Data json.RawMessage `json:"data"`
	} `json:"version"`
}

// settings returns the settings of the body in the form of the other API; nil if it has none.
func (w v2Write) settings() *v1Settings {
	if w.Metadata == nil {
		return nil
	}
	return &v1Settings{CASRequired: w.Metadata.CASRequired, CustomMetadata: w.Metadata.CustomMetadata,
		DeleteVersionAfter: w.Metadata.DeactivateVersionAfter, MaxVersions: w.Metadata.MaxVersions}
}

func (c *call) decodeV2(into any) error {
	if !utf8.Valid(c.body) {
		return errArgument("request body is not UTF-8")
	}
	return c.decode(into)
}

func (c *call) createSecret() (answer, error) {
	var w v2Write
	if err := c.decodeV2(&w); err != nil {
		return answer{}, err
	}
	if err := checkPath(w.Path); err != nil {
		return answer{}, err
	}
	if err := c.require(actionCreate, w.Path); err != nil {
		return answer{}, err
	}
	if _, err := c.e.store.get(w.Path, c.now); err == nil {
		return answer{}, refusef(http.StatusConflict, codeSecretExists, "secret %q exists", w.Path)
	}
	if w.Version == nil || w.Version.Data == nil {
		return answer{}, badData("version.data is missing")
	}
	if err := checkData(w.Version.Data); err != nil {
		return answer{}, err
	}
	sec := &secret{path: w.Path, created: c.now, versions: map[uint32]*version{}}
	if err := c.changeSettings(sec, w.settings()); err != nil {
		return answer{}, err
	}
	c.e.store.add(sec)
	if _, err := c.e.store.write(w.Path, w.Version.Data, c.now); err != nil {
		return answer{}, err
	}
	return c.written(sec), nil
}

// putSecret changes the metadata first, and checks cas against the new metadata then, as the live
// service does. Only a body with a version makes a new one.
func (c *call) putSecret(path string) (answer, error) {
	var w v2Write
	if err := c.decodeV2(&w); err != nil {
		return answer{}, err
	}
	cas, err := c.queryCAS()
	if err != nil {
		return answer{}, err
	}
	for action, wanted := range map[string]bool{actionUpdateMeta: w.Metadata != nil, actionNewVersion: w.Version != nil} {
		if !wanted {
			continue
		}
		if err := c.require(action, path); err != nil {
			return answer{}, err
		}
	}
	sec, err := c.e.store.get(path, c.now)
	if err != nil {
		return answer{}, err
	}
	before := *sec
	if err := c.changeSettings(sec, w.settings()); err != nil {
		return answer{}, err
	}
	if w.Version != nil {
		if err := c.addVersion(path, w.Version.Data, cas); err != nil {
			*sec = before
			return answer{}, err
		}
	}
	return c.written(sec), nil
}

// changeSettings applies settings to a secret, and changes nothing if one is invalid. nil is none.
func (c *call) changeSettings(sec *secret, to *v1Settings) error {
	if to == nil {
		return nil
	}
	if err := to.check(); err != nil {
		return err
	}
	custom, err := newCustom(sec.custom, to.CustomMetadata, false)
	if err != nil {
		return err
	}
	sec.custom, sec.updated = custom, c.now
	to.apply(&sec.settings)
	return nil
}

// addVersion writes a version of an existing secret. Data must not be missing.
func (c *call) addVersion(path string, data []byte, cas *uint32) error {
	if data == nil {
		return badData("data is missing")
	}
	if err := c.e.store.checkCAS(path, cas); err != nil {
		return err
	}
	if string(data) != "null" {
		if err := checkData(data); err != nil {
			return err
		}
	}
	_, err := c.e.store.write(path, data, c.now)
	return err
}

// queryCAS returns the query parameter cas; nil if it is absent.
func (c *call) queryCAS() (*uint32, error) {
	present, err := c.queryHas("cas")
	if err != nil || !present {
		return nil, err
	}
	cas, err := c.queryNumber("cas", 0, maxVersionNumber)
	return &cas, err
}

func (c *call) postVersion(path string) (answer, error) {
	var body struct {
		Data json.RawMessage `json:"data"`
	}
	if err := c.decodeV2(&body); err != nil {
		return answer{}, err
	}
	cas, err := c.queryCAS()
	if err != nil {
		return answer{}, err
	}
	if err := c.require(actionNewVersion, path); err != nil {
		return answer{}, err
	}
	sec, err := c.e.store.get(path, c.now)
	if err != nil {
		return answer{}, err
	}
	if err := c.addVersion(path, body.Data, cas); err != nil {
		return answer{}, err
	}
	return bare(v2VersionOf(sec.versions[sec.current], true)), nil
}

// putVersion sets the state of a version. Each state takes a right of its own.
func (c *call) putVersion(path string, number uint32) (answer, error) {
	var body struct {
		State State `json:"state"`
	}
	if err := c.decodeV2(&body); err != nil {
		return answer{}, err
	}
	action, ok := map[State]string{Active: actionActivate, Deactivated: actionDeactivate,
		Deleted: actionDestroy}[body.State]
	if !ok {
		return answer{}, errArgument("state %q is not one of active, deactivated, deleted", body.State)
	}
	if err := c.require(action, path); err != nil {
		return answer{}, err
	}
	if err := c.e.store.setState(path, []uint32{number}, body.State, c.now); err != nil {
		return answer{}, err
	}
	return bare(v2VersionOf(c.e.store.secrets[path].versions[number], false)), nil
}

func (c *call) v2Config() (answer, error) {
	return c.byMethod(map[string]func() (answer, error){"GET": c.getConfig, "PUT": c.putConfig})
}

func (c *call) getConfig() (answer, error) {
	if err := c.require(actionGetConfig, ""); err != nil {
		return answer{}, err
	}
	return bare(c.configOf()), nil
}

// configOf returns the defaults of the domain, which both APIs share.
func (c *call) configOf() []byte {
	store, none := c.e.store, &secret{}
	return envelope(`"casRequired":`, marshal(store.casRequired(none)), `,"deactivateVersionAfter":`,
		marshal(store.deleteAfter(none)),
		`,"maxVersions":`, marshal(store.maxVersions(none)))
}

func (c *call) putConfig() (answer, error) {
	var body struct {
		CASRequired            *bool   `json:"casRequired"`
		DeactivateVersionAfter *string `json:"deactivateVersionAfter"`
		MaxVersions            *uint32 `json:"maxVersions"`
	}
	if err := c.decodeV2(&body); err != nil {
		return answer{}, err
	}
	if err := c.require(actionWriteConfig, ""); err != nil {
		return answer{}, err
	}
	to := v1Settings{CASRequired: body.CASRequired, DeleteVersionAfter: body.DeactivateVersionAfter,
		MaxVersions: body.MaxVersions}
	if err := to.check(); err != nil {
		return answer{}, err
	}
	to.apply(&c.e.store.defaults)
	return bare(append(c.configOf()[:len(c.configOf())-1], `,"warnings":[]}`...)), nil
}
