// SPDX-License-Identifier: Apache-2.0

package events

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/message"
)

// notice is an event that is not written yet.
type notice struct {
	of        *volume
	namespace string
	pod, uid  string
	class     string
	kind      string // of the failure; "" if the volume works again
	message   string
	failures  int
	since     time.Time // when the volume got into this state
	event     string    // the name of the Event
	exists    bool      // the Event was written before, and is changed
}

func newNotice(v *volume, m Mount, now time.Time) *notice {
	n := &notice{of: v, namespace: strings.Clone(m.Namespace), pod: strings.Clone(m.Pod), uid: bounded(m.UID, mostName),
		class: bounded(m.Class, 2*mostName), since: now}
	n.say(v, m)
	return n
}

// say replaces what the event says.
func (n *notice) say(v *volume, m Mount) {
	n.kind, n.failures, n.message = m.Kind, v.failures, bounded(m.Message, mostMessage)
	if n.exists = m.Kind != "" && m.Kind == v.written; n.exists {
		n.event = v.event
	} else {
		n.event = eventName(n.pod, fmt.Sprintf("%x %d %s", v.key, n.since.UnixNano(), n.kind))
	}
}

// bounded returns a copy of text, cut to most bytes: text may be a small part of a large request.
func bounded(text string, most int) string { return strings.Clone(message.Bound(text, most)) }

// text returns the message of the event.
func (n *notice) text() string {
	if n.kind == "" {
		return "the files of SecretProviderClass " + n.class + " are renewed again"
	}
	return "the files of this pod stay as they are: " + n.message
}

// eventName returns a name that no other event has, and that is the same if a request whose answer
// was lost is sent again. A name has at most 253 characters.
func eventName(pod, state string) string {
	sum := sha256.Sum256([]byte(state))
	return fmt.Sprintf("%s.%x", strings.TrimRight(pod[:min(len(pod), 220)], "-."), sum[:8])
}
