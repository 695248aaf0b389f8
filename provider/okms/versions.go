package okms

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Version is a version of a secret as its metadata lists it, without data.
type Version struct {
	Number int
	State  State
}

// decodeVersions reads SW's SecretMetadata: the versions still listed, in
// ascending order.
func decodeVersions(a answer) ([]Version, *Error) {
	var body struct {
		Data *struct {
			Versions map[string]versionMetadata `json:"versions"`
		} `json:"data"`
	}
	valid := json.Unmarshal(a.body, &body) == nil
	if a.status != http.StatusOK {
		var refused dataAnswer
		valid := json.Unmarshal(a.body, &refused) == nil
		return nil, refusal(a, refused, valid)
	}
	if !valid || body.Data == nil {
		return nil, &Error{Kind: Unreadable, Status: a.status, Text: "unreadable answer: not the metadata of a secret"}
	}
	var versions []Version
	for number, meta := range body.Data.Versions {
		n, err := strconv.Atoi(number)
		if err != nil {
			continue
		}
		versions = append(versions, Version{Number: n, State: stateOf(meta, a.at)})
	}
	slices.SortFunc(versions, func(a, b Version) int { return a.Number - b.Number })
	return versions, nil
}

// stateOf reads Vault's convention: a deletion_time in the future is a plan
// (delete_version_after), one in the past a fact.
func stateOf(meta versionMetadata, now time.Time) State {
	if meta.Destroyed {
		return StateDeleted
	}
	if meta.DeletionTime == "" {
		return StateActive
	}
	if at, err := time.Parse(time.RFC3339, meta.DeletionTime); err == nil && at.After(now) {
		return StateActive
	}
	return StateDeactivated
}
