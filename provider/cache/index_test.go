// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"
	"unsafe"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
)

// keyOf is a key by small numbers.
func keyOf(credential byte, site, path string, version int, bundle string) Key {
	return Key{Credential: [sha256.Size]byte{credential},
		Domain: place.Domain{Endpoint: "https://e", ID: site, CABundle: bundle},
		Ref:    okms.Ref{Path: path, Version: version}}
}

func TestTheIndexFindsByEachPartOfTheKey(t *testing.T) {
	x := newIndex[*entry]()
	var all []*entry
	for i := range 64 {
		pick := func(bit int, a, b string) string {
			if i>>bit&1 == 0 {
				return a
			}
			return b
		}
		all = append(all, &entry{key: keyOf(byte(i&1), pick(1, "d", "e"), pick(2, "p", "q"), i>>3&3, pick(5, "", "ca"))})
	}
	for _, e := range all {
		if x.find(e.key) != nil {
			t.Fatalf("%+v is there already", e.key)
		}
		x.add(e)
	}
	for _, e := range all {
		if x.find(e.key) != e {
			t.Errorf("%+v is not found", e.key)
		}
	}
	for s, want := range map[scope]int{allOfCredential: 32, allOfDomain: 16, allOfPath: 8} {
		if got := len(x.within(s, all[0].key)); got != want {
			t.Errorf("scope %d holds %d, want %d", s, got, want)
		}
	}
	for i, e := range all {
		x.remove(e.key)
		x.remove(e.key)
		if x.find(e.key) != nil || i+1 < len(all) && x.find(all[i+1].key) != all[i+1] {
			t.Errorf("%+v was not removed, or another one was", e.key)
		}
	}
	if len(x.holders) != 0 || x.shelves != 0 {
		t.Errorf("%d credentials and %d shelves are left", len(x.holders), x.shelves)
	}
}

// TestARefusalDoesNotLookAtWhatIsOfOthers: what it must not look at holds nil, so that a
// look would panic. There are 100,000 values of others: of other credentials, in other
// places, and of other paths.
func TestARefusalDoesNotLookAtWhatIsOfOthers(t *testing.T) {
	for kind, spared := range map[failure.Kind]string{
		failure.ClientRefused: "credentials", failure.Unauthenticated: "places", failure.Denied: "paths",
		failure.VersionAbsent: "paths",
	} {
		t.Run(string(kind), func(t *testing.T) {
			c := New(Config{TTL: time.Hour})
			mine := &entry{key: keyOf(1, "d", "p", 0, ""), keep: time.Hour, at: time.Now()}
			c.store.put(mine)
			for i := range 100_000 {
				name := fmt.Sprint(i)
				switch spared {
				case "credentials":
					c.store.entries.holders[sha256.Sum256([]byte(name))] = map[site]shelf[*entry]{{"https://e", "d"}: {"p": {nil}}}
				case "places":
					c.store.entries.holders[mine.key.Credential][site{"https://e", name}] = shelf[*entry]{"p": {nil}}
				case "paths":
					c.store.entries.holders[mine.key.Credential][mine.key.site()][name] = []*entry{nil}
				}
			}
			c.settle(&flight{key: mine.key, err: &okms.Error{Kind: kind}})
			if c.store.recent.Len() != 0 {
				t.Error("the value is still there")
			}
		})
	}
}

// TestWhatIsKeptDoesNotHoldOnToLongTexts: an okmsId or a path can be a few bytes of a
// parameter of a megabyte, which would stay in memory as long as the value.
func TestWhatIsKeptDoesNotHoldOnToLongTexts(t *testing.T) {
	long := "d p created" + strings.Repeat(" ", 1<<20)
	k := keyOf(1, long[:1], long[2:3], 0, "")
	c := New(Config{TTL: time.Hour})
	c.store.put(&entry{key: k, secret: okms.Secret{Path: long[2:3], Created: long[4:11]}, keep: time.Hour})
	e := c.store.entries.find(k)
	for _, text := range []string{e.key.Domain.ID, e.key.Ref.Path, e.secret.Path, e.secret.Created} {
		begin, at := uintptr(unsafe.Pointer(unsafe.StringData(long))), uintptr(unsafe.Pointer(unsafe.StringData(text)))
		if at >= begin && at < begin+uintptr(len(long)) {
			t.Errorf("%q is a part of the long text", text)
		}
	}
}

// TestWhatIsReadAndTheAPIArePartsOfTheKey: a list is not served for a secret, nor what one API gave
// for the other one. A refusal is about all of them.
func TestWhatIsReadAndTheAPIArePartsOfTheKey(t *testing.T) {
	x := newIndex[*entry]()
	var all []*entry
	for _, what := range []okms.What{okms.Data, okms.Versions, okms.Folder} {
		for _, api := range []place.API{place.KV2, place.REST} {
			e := &entry{key: keyOf(1, "d", "p", 0, "")}
			e.key.Ref.What, e.key.Domain.API = what, api
			if x.find(e.key) != nil {
				t.Fatalf("%+v is there already", e.key)
			}
			x.add(e)
			all = append(all, e)
		}
	}
	for _, e := range all {
		if x.find(e.key) != e || len(x.within(allOfPath, e.key)) != len(all) {
			t.Errorf("%+v is not found, or a refusal is not about all", e.key)
		}
	}
}
