// SPDX-License-Identifier: Apache-2.0

// Package audit writes one record of JSON for each mount to a file or to standard output.
// The records are an interface with a version: docs/audit.md has their fields.
package audit

import (
	"encoding/json"
	"time"

	"ovhcloud-csi-provider/server/lines"
)

// Version is the version of the records. Fields may be added to it; a field that changes or
// goes makes a new version.
const Version = "v1"

// The kinds of records.
const (
	KindMount = "mount" // a mount that has ended
	KindMore  = "more"  // further secrets of the mount before it
	KindLost  = "lost"  // records that could not be written
)

// Record is a record. It has no secret values, and no secret part of a credential.
type Record struct {
	Version string `json:"version"`
	Kind    string `json:"kind"`
	Time    string `json:"time"`

	Result              string `json:"result,omitempty"`
	Namespace           string `json:"namespace,omitempty"`
	Pod                 string `json:"pod,omitempty"`
	UID                 string `json:"uid,omitempty"`
	ServiceAccount      string `json:"serviceAccount,omitempty"`
	SecretProviderClass string `json:"secretProviderClass,omitempty"`
	Connection          string `json:"connection,omitempty"`
	Credential          string `json:"credential,omitempty"`

	Secrets        []string `json:"secrets,omitempty"`
	FurtherSecrets int      `json:"furtherSecrets,omitempty"`
	Files          *int     `json:"files,omitempty"`
	Bytes          *int     `json:"bytes,omitempty"`
	TookSeconds    *float64 `json:"tookSeconds,omitempty"`

	Stale              []string `json:"stale,omitempty"`
	StaleBecause       string   `json:"staleBecause,omitempty"`
	Fallback           []string `json:"fallback,omitempty"`
	FallbackConnection string   `json:"fallbackConnection,omitempty"`
	FallbackCredential string   `json:"fallbackCredential,omitempty"`
	FallbackBecause    string   `json:"fallbackBecause,omitempty"`
	Error              string   `json:"error,omitempty"`
	Reason             string   `json:"reason,omitempty"`

	LostSlow   int64 `json:"lostSlow,omitempty"`
	LostFailed int64 `json:"lostFailed,omitempty"`
}

// maxSecrets and maxText bound the secrets of one record, in number and in bytes. Further
// ones are in records of their own, so that no record is too large for the queue.
const (
	maxSecrets = 500
	maxText    = 64 << 10
)

// Lines returns the record of a mount as lines of JSON: itself with its first secrets, and
// the records of further ones. ended is when the mount ended. Version, Kind and Time of r
// are set.
func Lines(r Record, ended time.Time) (all [][]byte) {
	rest := r.Secrets
	r.Version, r.Kind, r.Time = Version, KindMount, stamp(ended)
	r.Secrets, rest = cut(rest)
	r.FurtherSecrets = len(rest)
	all = append(all, line(r))
	more := Record{Version: Version, Kind: KindMore, Time: r.Time, Namespace: r.Namespace, Pod: r.Pod, UID: r.UID,
		ServiceAccount: r.ServiceAccount, SecretProviderClass: r.SecretProviderClass, Connection: r.Connection}
	for len(rest) > 0 {
		more.Secrets, rest = cut(rest)
		more.FurtherSecrets = len(rest)
		all = append(all, line(more))
	}
	return all
}

// cut returns the secrets that fit into one record, at least one, and the rest.
func cut(secrets []string) (first, rest []string) {
	text := 0
	for i, s := range secrets {
		if text += len(s); i > 0 && (i == maxSecrets || text > maxText) {
			return secrets[:i], secrets[i:]
		}
	}
	return secrets, nil
}

// ReportLost returns a lines.Report that reports lost records as a record. now is the clock.
func ReportLost(now func() time.Time) lines.Report {
	return func(lost lines.Lost, err error) []byte {
		r := Record{Version: Version, Kind: KindLost, Time: stamp(now()), LostSlow: lost.Full, LostFailed: lost.Failed}
		if err != nil {
			r.Error = err.Error()
		}
		return line(r)
	}
}

// stamp returns a time in UTC, as RFC 3339 with milliseconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// line returns a record as a line of JSON. Whatever names it has, it is one line of UTF-8.
func line(r Record) []byte {
	text, _ := json.Marshal(r) // a Record is always valid
	return append(text, '\n')
}
