// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// connection is a connection of the operator's file.
type connection struct {
	name, store, fallback string
	stale                 time.Duration // its maxStale; 0 is none of its own
	rules                 []rule
}

// rule allows the pods of a namespace and a service account to read some paths. * is any. A path
// is exact, or ends in ** for all below.
type rule struct{ namespace, account, path string }

func parseRules(text string) (all []rule) {
	for one := range strings.SplitSeq(text, ",") {
		parts := strings.SplitN(one, ":", 3)
		all = append(all, rule{parts[0], parts[1], parts[2]})
	}
	return all
}

func (r rule) matches(namespace, account string) bool {
	return (r.namespace == "*" || r.namespace == namespace) && (r.account == "*" || r.account == account)
}

func (r rule) allows(path string) bool {
	below, all := strings.CutSuffix(r.path, "**")
	return r.path == path || all && strings.HasPrefix(path, below)
}

// allows reports whether a connection allows a path to a pod; "" asks for any path.
func (c connection) allows(namespace, account, path string) bool {
	return slices.ContainsFunc(c.rules, func(r rule) bool {
		return r.matches(namespace, account) && (path == "" || r.allows(path))
	})
}

// operator is what the operator has written: the file of connections, and a credential for each.
type operator struct {
	file        string // good, broken or cut
	connections map[string]connection
	folders     map[string]string // the credential of each connection, by its name
}

// view is what a daemon must use of it: the last good state of everything.
type view struct {
	connections map[string]connection
	credentials map[string]string // "" is none
}

// valid reports whether the file can be used: it is whole, and each fallback is in it.
func (o operator) valid() bool {
	for _, c := range o.connections {
		if _, there := o.connections[c.fallback]; c.fallback != "" && !there {
			return false
		}
	}
	return o.file == "good" && len(o.connections) > 0
}

// next returns what must be used after everything was read again.
func (v view) next(o operator) view {
	next := view{connections: v.connections, credentials: map[string]string{}}
	if o.valid() {
		next.connections = maps.Clone(o.connections)
	}
	for name := range next.connections {
		if next.credentials[name] = v.credentials[name]; usable(o.folders[name]) {
			next.credentials[name] = o.folders[name]
		}
	}
	return next
}

// text returns the file of connections.
func (w *world) fileText() string {
	if w.operator.file == "broken" {
		return "connections: [\n"
	}
	var b strings.Builder
	b.WriteString("connections:\n")
	for _, name := range slices.Sorted(maps.Keys(w.operator.connections)) {
		c := w.operator.connections[name]
		fmt.Fprintf(&b, "  %s:\n", c.name)
		for key, value := range w.placeOf(c.store) {
			fmt.Fprintf(&b, "    %s: %q\n", key, value)
		}
		fmt.Fprintf(&b, "    credentialsDir: %q\n", filepath.Join(w.dir, c.name))
		if c.fallback != "" {
			fmt.Fprintf(&b, "    fallback: %s\n", c.fallback)
		}
		if c.stale > 0 {
			fmt.Fprintf(&b, "    maxStale: %s\n", c.stale)
		}
		b.WriteString("    allow:\n")
		for _, r := range c.rules {
			fmt.Fprintf(&b, "      - {namespaces: [%q], serviceAccounts: [%q], paths: [%q]}\n", r.namespace, r.account, r.path)
		}
	}
	if w.operator.file == "cut" {
		return b.String()[:b.Len()-5]
	}
	return b.String()
}

// reload writes what the operator has written, and has all daemons read it. The files are real;
// the watcher of files, which a bubble cannot have, is replaced by this call.
func (w *world) reload() {
	if w.operator.file == "" {
		return
	}
	w.write("connections.yaml", map[string]string{"": w.fileText()})
	for name, cred := range w.operator.folders {
		var files map[string]string // nil: there is no folder
		if cred != noCred && cred != "" {
			files = w.mention(cred)
		}
		w.write(name, files)
	}
	for _, d := range w.daemons {
		if d.set != nil && !d.closed {
			d.set.Reload()
			w.mu.Lock()
			d.view = d.view.next(w.operator)
			for _, x := range w.Mounts {
				if x.Daemon == d && x.End == 0 {
					x.Later = append(x.Later, d.view)
				}
			}
			w.mu.Unlock()
		}
	}
}

// write makes a folder with files, or one file if that has no name, unless it is there already.
func (w *world) write(name string, files map[string]string) {
	before, is := w.written[name]
	if is && maps.Equal(before, files) && (before == nil) == (files == nil) {
		return
	}
	w.written[name] = files
	path := filepath.Join(w.dir, name)
	if text, one := files[""]; one {
		w.must(os.WriteFile(path, []byte(text), 0o600))
		return
	}
	w.must(os.RemoveAll(path))
	if files != nil {
		w.must(os.MkdirAll(path, 0o700))
	}
	for key, value := range files {
		w.must(os.WriteFile(filepath.Join(path, key), []byte(value), 0o600))
	}
}
