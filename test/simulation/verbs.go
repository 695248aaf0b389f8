// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"strconv"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/test/emulator"
)

// verb is a kind of event.
type verb struct {
	least int // arguments
	do    func(w *world, args []string)
}

// verbs are the events, with their arguments. A STORE is par, dev, rbx or login; a FOR is a
// duration.
var verbs map[string]verb

func init() { // the table names functions that need the table
	verbs = map[string]verb{
		// The store's owners.
		"write": {3, func(w *world, a []string) { // STORE PATH N: a new version with the text of a number
			n, _ := strconv.Atoi(a[2])
			_, err := w.stores[a[0]].Put(a[1], valueText(n))
			w.must(err)
		}},
		"state": {4, func(w *world, a []string) { // STORE PATH VERSION STATE; version 0 is the latest
			n, _ := strconv.Atoi(a[2])
			_ = w.stores[a[0]].SetState(a[1], n, emulator.State(a[3])) // of one that may not exist
		}},
		"delete": {2, func(w *world, a []string) { _ = w.stores[a[0]].Delete(a[1]) }}, // STORE PATH
		"grant": {3, func(w *world, a []string) { // CRED STORE PREFIX,… [FOR]
			var life time.Duration
			if len(a) > 3 {
				life = duration(a[3])
			}
			w.grant(a[0], w.stores[a[1]], strings.Split(a[2], ","), life)
		}},
		"revoke": {2, func(w *world, a []string) { w.revoke(a[0], w.stores[a[1]]) }}, // CRED STORE
		"untoken": {1, func(w *world, a []string) { // CRED: its access tokens
			w.stores["par"].RevokeAccessTokens(w.material(a[0])["clientId"])
		}},
		// The cluster's users.
		"class":  {4, doClass},  // NAMESPACE NAME PLACE OBJECT… [refresh=TIME]
		"secret": {3, doSecret}, // NAMESPACE NAME CRED
		"pod": {5, func(w *world, a []string) { // NAMESPACE NAME ACCOUNT CLASS SECRET
			w.addPod(a[0], a[1], a[2], a[3], a[4])
		}},
		"unpod":   {2, func(w *world, a []string) { w.removePod(a[0]+"/"+a[1], false) }}, // NAMESPACE NAME
		"killpod": {2, func(w *world, a []string) { w.removePod(a[0]+"/"+a[1], true) }},  // NAMESPACE NAME
		// The operator.
		"conn": {5, doConn}, // NAME STORE FALLBACK MAXSTALE NAMESPACE:ACCOUNT:PATH,…
		"unconn": {1, func(w *world, a []string) { // NAME
			delete(w.operator.connections, a[0])
			w.operate()
		}},
		"folder": {2, func(w *world, a []string) { // NAME CRED
			w.operator.folders[a[0]] = a[1]
			w.operate()
		}},
		"file": {1, func(w *world, a []string) { // good, broken or cut
			w.operator.file = a[0]
			w.operate()
		}},
		"handover": {0, func(w *world, _ []string) { w.handOver() }},
		// The world.
		"fault": {4, doFault}, // STORE PART KIND FOR
		"down": {3, func(w *world, a []string) { // STORE refuse|blackhole FOR
			host := w.stores[a[0]].host
			w.network.setDown(host, a[1])
			w.after(duration(a[2]), func() { w.network.setDown(host, "") })
		}},
		"cut": {1, func(w *world, a []string) { w.network.cut(w.stores[a[0]].host) }}, // STORE
		"jump": {1, func(w *world, a []string) { // BY
			w.mu.Lock()
			defer w.mu.Unlock()
			w.offset += duration(a[0])
			w.Jumps = append(w.Jumps, Jump{w.now(), duration(a[0])})
		}},
		"ballast": {2, func(w *world, a []string) { w.ballast(stages[a[0]], duration(a[1])) }}, // STAGE FOR
	}
}

// stages are the parts of the daemon's memory that others may hold.
var stages = map[string]int{"arrived": budget.Arrived, "running": budget.Running, "holding": budget.Holding,
	"making": budget.Making, "clients": budget.Clients}

func duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		panic("simulation: " + err.Error())
	}
	return d
}

// operate puts in use what the operator has changed, if a daemon runs.
func (w *world) operate() {
	if w.operator.file == "" {
		w.operator.file = "good"
	}
	if len(w.daemons) > 0 {
		w.reload()
	}
}

func doClass(w *world, a []string) {
	c := Class{Place: a[2]}
	for _, text := range a[3:] {
		if text == "invalid" {
			c.Invalid = true
			continue
		}
		if every, is := strings.CutPrefix(text, "refresh="); is {
			c.Refresh = duration(every)
			continue
		}
		o, err := parseObject(text)
		w.must(err)
		c.Objects = append(c.Objects, o)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.classes[a[0]+"/"+a[1]] = c
}

func doSecret(w *world, a []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets[a[0]+"/"+a[1]] = a[2]
}

func doConn(w *world, a []string) {
	c := connection{name: a[0], store: a[1], rules: parseRules(a[4])}
	if a[2] != noCred {
		c.fallback = a[2]
	}
	if a[3] != noCred {
		c.stale = duration(a[3])
	}
	w.operator.connections[a[0]] = c
	w.operate()
}

// doFault puts something between the node and a store. The kinds are: a status, with the seconds
// of Retry-After behind a colon; hang; slow:TIME; drip; half (an answer); drop (the
// connection); page:STATUS (a proxy's); echo (of the credential).
func doFault(w *world, a []string) {
	s := w.stores[a[0]]
	f := &fault{path: a[1], kind: a[2], over: make(chan struct{})}
	if f.path == noCred {
		f.path = ""
	}
	w.mu.Lock()
	s.faults = append(s.faults, f)
	w.mu.Unlock()
	w.after(duration(a[3]), func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for i, one := range s.faults {
			if one == f {
				s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
				break
			}
		}
		close(f.over)
	})
}

// connectionOf returns the connection that a class names.
func connectionOf(c Class) (name string, is bool) { return strings.CutPrefix(c.Place, "conn:") }
