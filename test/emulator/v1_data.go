// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

type v1VersionMetadata struct {
	CreatedTime    string            `json:"created_time"`
	CustomMetadata map[string]string `json:"custom_metadata"` // null if there is none
	DeletionTime   string            `json:"deletion_time"`
	Destroyed      bool              `json:"destroyed"`
	Version        uint32            `json:"version"`
}

func v1VersionOf(sec *secret, v *version) []byte {
	return marshal(v1VersionMetadata{
		CreatedTime: v1Time(v.created), CustomMetadata: sec.custom,
		DeletionTime: v1Time(v.deactivated), Destroyed: v.state == Deleted, Version: v.number,
	})
}

// readable returns the version of a read; 0 is the current one. For a deactivated or deleted version
// it returns the 404 with the metadata.
func (c *call) readable(path string, number uint32) (*secret, *version, error) {
	sec, err := c.e.store.get(path, c.now)
	if err != nil {
		return nil, nil, err
	}
	v, err := sec.version(number)
	if err != nil {
		return nil, nil, err
	}
	if v.state == Active {
		return sec, v, nil
	}
	gone := refusef(http.StatusNotFound, codeVersionNotFound, "version %d of secret %q is %s", v.number, path, v.state)
	if !c.e.switches.PlainDeletedAnswer {
		gone.data = envelope(`"data":null,"metadata":`, v1VersionOf(sec, v))
	}
	return nil, nil, gone
}

func (c *call) readData(path string) (answer, error) {
	number, err := c.queryNumber("version", 1, maxVersionNumber)
	if err != nil {
		return answer{}, err
	}
	if err := c.require(actionGetData, path); err != nil {
		return answer{}, err
	}
	sec, v, err := c.readable(path, number)
	if err != nil {
		return answer{}, err
	}
	return c.ok(envelope(`"data":`, v.data, `,"metadata":`, v1VersionOf(sec, v))), nil
}

func (c *call) readSubkeys(path string) (answer, error) {
	number, err := c.queryNumber("version", 1, maxVersionNumber)
	if err != nil {
		return answer{}, err
	}
	depth, err := c.queryNumber("depth", 0, 1<<31-1)
	if err != nil {
		return answer{}, err
	}
	if err := c.require(actionSubkeys, path); err != nil {
		return answer{}, err
	}
	sec, v, err := c.readable(path, number)
	if err != nil {
		return answer{}, err
	}
	keys, err := subkeys(v.data, int(depth))
	if err != nil {
		return answer{}, err
	}
	return c.ok(envelope(`"metadata":`, v1VersionOf(sec, v), `,"subkeys":`, keys)), nil
}

type v1Write struct {
	Data    json.RawMessage `json:"data"`
	Options *struct {
		CAS *uint32 `json:"cas"`
	} `json:"options"`
}

func (w v1Write) cas() *uint32 {
	if w.Options == nil {
		return nil
	}
	return w.Options.CAS
}

// decodeWrite decodes the body of a data write. Data may be null, but not missing (source: OKMS's
// API description).
func (c *call) decodeWrite() (v1Write, error) {
	var w v1Write
	if !utf8.Valid(c.body) {
		return w, errArgument("request body is not UTF-8")
	}
	if err := c.decode(&w); err != nil {
		return w, err
	}
	if w.Data == nil {
		return w, badData("data is missing")
	}
	return w, nil
}

func (c *call) writeData(path string) (answer, error) {
	w, err := c.decodeWrite()
	if err != nil {
		return answer{}, err
	}
	action := actionNewVersion
	if _, err := c.e.store.get(path, c.now); err != nil {
		action = actionCreate
	}
	if err := c.require(action, path); err != nil {
		return answer{}, err
	}
	if err := c.e.store.checkCAS(path, w.cas()); err != nil {
		return answer{}, err
	}
	return c.storeData(path, w.Data)
}

func (c *call) storeData(path string, data []byte) (answer, error) {
	if string(data) != "null" {
		if err := checkData(data); err != nil {
			return answer{}, err
		}
	}
	v, err := c.e.store.write(path, data, c.now)
	if err != nil {
		return answer{}, err
	}
	return c.okWritten(v1VersionOf(c.e.store.secrets[path], v)), nil
}

func (c *call) patchData(path string) (answer, error) {
	w, err := c.decodeWrite()
	if err != nil {
		return answer{}, err
	}
	if err := c.require(actionNewVersion, path); err != nil {
		return answer{}, err
	}
	_, current, err := c.readable(path, 0)
	if err != nil {
		return answer{}, c.patchRefusal(path, err)
	}
	if err := c.e.store.checkCAS(path, w.cas()); err != nil {
		return answer{}, err
	}
	merged, err := mergePatch(current.data, w.Data)
	if err != nil {
		return answer{}, badData("%v", err)
	}
	return c.storeData(path, merged)
}

// patchRefusal returns the error of a patch. Its 404 has a different form: the version's metadata is
// directly in data.
func (c *call) patchRefusal(path string, err error) error {
	r, ok := err.(*refusal)
	if !ok || r.data == nil {
		return err
	}
	sec := c.e.store.secrets[path]
	shaped := *r
	shaped.data = v1VersionOf(sec, sec.versions[sec.current])
	return &shaped
}

func (c *call) deactivateLatest(path string) (answer, error) {
	return c.changeStates(path, []uint32{0}, Deactivated, actionDeactivate)
}

func (c *call) deactivate(path string) (answer, error) {
	return c.changeNamed(path, Deactivated, actionDeactivate)
}

func (c *call) reactivate(path string) (answer, error) {
	return c.changeNamed(path, Active, actionActivate)
}

func (c *call) destroy(path string) (answer, error) {
	return c.changeNamed(path, Deleted, actionDestroy)
}

// changeNamed changes the versions that the body lists. It accepts numbers and strings, since
// Vault's client sends strings for a deletion.
func (c *call) changeNamed(path string, state State, action string) (answer, error) {
	var body struct {
		Versions []json.RawMessage `json:"versions"`
	}
	if err := c.decode(&body); err != nil {
		return answer{}, err
	}
	if len(body.Versions) == 0 {
		return answer{}, errArgument("versions is missing or empty")
	}
	numbers := make([]uint32, 0, len(body.Versions))
	for _, raw := range body.Versions {
		n, err := strconv.ParseUint(strings.Trim(string(raw), `"`), 10, 32)
		if err != nil || n < 1 || n > maxVersionNumber {
			return answer{}, errArgument("version %s is not a number from 1 to %d", raw, maxVersionNumber)
		}
		numbers = append(numbers, uint32(n))
	}
	return c.changeStates(path, numbers, state, action)
}

func (c *call) changeStates(path string, numbers []uint32, state State, action string) (answer, error) {
	if err := c.require(action, path); err != nil {
		return answer{}, err
	}
	if err := c.e.store.setState(path, numbers, state, c.now); err != nil {
		return answer{}, err
	}
	return noContent(), nil
}
