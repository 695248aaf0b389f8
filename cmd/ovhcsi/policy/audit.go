// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// Read is a secret that a pod read over a connection.
type Read struct{ Connection, Namespace, Account, Path string }

// Reads are what audit records say.
type Reads struct {
	All     map[Read]bool
	Records int // lines that are records of mounts
	// Mixed counts records of mounts over several connections: which secret came over which is not
	// in them.
	Mixed int
	// Cut counts lists of secrets that the record has not in full, and whose further records were
	// not there.
	Cut int

	cut map[string]bool // by the pod's UID
}

// record is the audit record of a mount, as a line of the log (server/audit.go) or as a record
// of --audit-log (server/audit), which has a Version, a Kind and a Namespace of its own.
type record struct {
	Version    string   `json:"version"`
	Kind       string   `json:"kind"`
	Namespace  string   `json:"namespace"`
	Further    int      `json:"furtherSecrets"`
	Message    string   `json:"msg"`
	Pod        podName  `json:"pod"`
	UID        string   `json:"uid"`
	Account    string   `json:"serviceAccount"`
	Connection string   `json:"connection"`
	Secrets    []string `json:"secrets"`
}

// podName is the name of a pod: "namespace/name", or an object.
type podName struct{ Namespace string }

// UnmarshalJSON reads either form.
func (p *podName) UnmarshalJSON(text []byte) error {
	var name string
	if json.Unmarshal(text, &name) == nil {
		p.Namespace, _, _ = strings.Cut(name, "/")
		return nil
	}
	var object struct {
		Namespace string `json:"namespace"`
	}
	err := json.Unmarshal(text, &object)
	p.Namespace = object.Namespace
	return err
}

// The messages of the log's lines.
const (
	lineOfMount = "mount"
	lineOfMore  = "mount, further secrets"
)

// longestLine bounds a line of the log in bytes.
const longestLine = 1 << 20

// ReadAudit reads records of --audit-log, or the provider's log: lines of --log-format=json or
// text. There may be other lines among them.
func ReadAudit(from io.Reader) (*Reads, error) {
	r := &Reads{All: map[Read]bool{}, cut: map[string]bool{}}
	callers := map[string]record{} // by the pod's UID, for records of further secrets
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		one, is := parseRecord(lines.Bytes())
		switch {
		case !is:
		case one.Message == lineOfMount:
			callers[one.UID] = one
			r.Records++
			r.add(one, one.Secrets)
		default: // its further secrets
			delete(r.cut, one.UID)
			of := one
			if one.Version == "" { // the log does not repeat the pod
				of = callers[one.UID]
			}
			r.add(of, one.Secrets)
		}
	}
	r.Cut = len(r.cut)
	return r, lines.Err()
}

// moreSecrets matches the last entry of a list that was cut.
var moreSecrets = regexp.MustCompile(`^and [0-9]+ more$`)

// add adds secrets of a mount, written as path@version.
func (r *Reads) add(of record, secrets []string) {
	if of.Connection == "" {
		return // the mount had credentials of its own
	}
	if strings.Contains(of.Connection, ",") {
		r.Mixed++
		return
	}
	if of.Further > 0 {
		r.cut[of.UID] = true
	}
	for _, secret := range secrets {
		if moreSecrets.MatchString(secret) {
			r.cut[of.UID] = true
			continue
		}
		if at := strings.LastIndexByte(secret, '@'); at > 0 {
			r.All[Read{of.Connection, of.Pod.Namespace, of.Account, secret[:at]}] = true
		}
	}
}

// parseRecord reads a line of the log. kubectl logs --prefix puts text before it.
func parseRecord(line []byte) (one record, is bool) {
	if start := bytes.IndexByte(line, '{'); start >= 0 && json.Unmarshal(line[start:], &one) == nil {
		if one.Version == "v1" {
			one.Pod.Namespace, one.Message = one.Namespace, map[string]string{"mount": lineOfMount, "more": lineOfMore}[one.Kind]
		}
		return one, one.Message == lineOfMount || one.Message == lineOfMore
	}
	for _, kind := range []string{lineOfMount, lineOfMore} {
		if _, rest, found := strings.Cut(string(line), `] "`+kind+`" `); found {
			one = recordOf(rest)
			one.Message = kind
			return one, true
		}
	}
	return one, false
}

// pair matches a key with a value of klog's text: a text in quotes, a list of them, or a word.
var pair = regexp.MustCompile(`([a-zA-Z]+)=("(?:[^"\\]|\\.)*"|\[(?:"(?:[^"\\]|\\.)*",?)*\]|\S*)`)

// recordOf reads the keys and values of a line of text.
func recordOf(text string) (one record) {
	for _, m := range pair.FindAllStringSubmatch(text, -1) {
		value := m[2]
		if unquoted, err := strconv.Unquote(value); err == nil {
			value = unquoted
		}
		switch m[1] {
		case "pod":
			one.Pod.Namespace, _, _ = strings.Cut(value, "/")
		case "uid":
			one.UID = value
		case "serviceAccount":
			one.Account = value
		case "connection":
			one.Connection = value
		case "secrets":
			_ = json.Unmarshal([]byte(value), &one.Secrets) // no list if there are none
		}
	}
	return one
}
