// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"ovhcloud-csi-provider/provider/failure"
)

// These tests check how much memory a store can make this program use.

func TestARefusalTakesLittleMemory(t *testing.T) {
	for _, size := range []int{maxRefusal, 1 << 20} {
		for name, body := range hostileBodies(size) {
			c := serving(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusForbidden)
				_, _ = io.WriteString(w, body)
			})
			_, _ = c.Get(t.Context(), Ref{Path: "warm"})
			const reads = 2
			got := allocates(func() {
				for range reads {
					if _, err := c.Get(t.Context(), Ref{Path: "s"}); err == nil {
						t.Error("the read succeeded")
					}
				}
			}) / reads
			if got > 1<<20 {
				t.Errorf("%s of %d bytes: a read allocates %d bytes", name, len(body), got)
			}
		}
	}
}

func TestALongRefusalIsNotDecoded(t *testing.T) {
	long := `{"errors":["planted"],"error_code":17125377,"x":"` + strings.Repeat("x", 1<<20) + `"}`
	c := serving(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, long)
	})
	_, failed := c.Get(t.Context(), Ref{Path: "s"})
	const want = "not an answer of OKMS: more than 64 KiB of application/json (HTTP 404)"
	if failed == nil || failed.Kind != failure.Failing || failed.Error() != want {
		t.Errorf("error = %v", failed)
	}
}

func TestASecretIsInMemoryOnceWithoutTheAnswer(t *testing.T) {
	long := `{"k":"` + strings.Repeat("v", 300_000) + `"}`
	for name, c := range map[string]struct {
		data, junk string
		length     bool
	}{
		"a long one":                   {long, "", true},
		"a long one of unknown length": {long, "", false},
		"a short one in a long answer": {`{}`, strings.Repeat("j", 900_000), true},
		"the same of unknown length":   {`{}`, strings.Repeat("j", 900_000), false},
	} {
		t.Run(name, func(t *testing.T) {
			body := `{"junk":"` + c.junk + `","data":{"data":` + c.data + `,"metadata":` + goodMetadata + `}}`
			client := serving(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
				if c.length {
					w.Header().Set("Content-Length", fmt.Sprint(len(body)))
				}
				_, _ = io.WriteString(w, body)
			})
			if _, err := client.Get(t.Context(), Ref{Path: "s"}); err != nil { // it opens the connection
				t.Fatal(err)
			}
			const reads = 3
			secrets := make([]Secret, reads)
			held := func() int {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				return int(m.HeapAlloc)
			}
			before := held()
			for i := range secrets {
				var err *Error
				if secrets[i], err = client.Get(t.Context(), Ref{Path: "s"}); err != nil {
					t.Fatal(err)
				}
			}
			per, most := (held()-before)/reads, len(c.data)*9/8+64<<10
			for range 100 { // net/http still holds the last answer until a goroutine of its own has ended
				if per <= most {
					break
				}
				time.Sleep(time.Millisecond)
				per = (held() - before) / reads
			}
			if per > most {
				t.Errorf("a secret of %d bytes takes %d bytes, want at most %d", len(c.data), per, most)
			}
			for _, s := range secrets {
				if string(s.Data.Reveal()) != c.data {
					t.Fatal("got the wrong secret")
				}
			}
		})
	}
}

func TestAllVersionsTakeLittleMemory(t *testing.T) {
	var body strings.Builder
	body.WriteString(`{"data":{"versions":{`)
	for i := MaxVersion; i > 0; i-- {
		fmt.Fprintf(&body, `"%d":{"deletion_time":""},`, i)
	}
	body.WriteString(`"x":{}}}}`)
	c := serving(t, Options{}, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body.String()) })
	if _, _, err := c.LatestActive(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	got := allocates(func() {
		if latest, some, err := c.LatestActive(t.Context(), "s"); err != nil || latest != MaxVersion || !some {
			t.Errorf("%d, %v, %v", latest, some, err)
		}
	})
	if got > 6*body.Len() {
		t.Errorf("a list of %d bytes allocates %d bytes", body.Len(), got)
	}
}

func TestAContentLengthIsTakenFromTheQuota(t *testing.T) {
	answers := NewQuota(1<<20, 64<<10)
	promised := make(chan struct{})
	c := serving(t, Options{Answers: answers}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(maxAnswer))
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(promised)
	})
	answers.Take(0, 600_000)
	if _, err := c.Get(t.Context(), Ref{Path: "s"}); err == nil || err.Kind != failure.NodeFull {
		t.Errorf("error = %v", err)
	}
	<-promised
	if answers.Held() != 600_000 {
		t.Errorf("got %d bytes held", answers.Held())
	}
}

// TestAServerCannotPushIntoMemory checks that few bytes are received before a reader asks.
func TestAServerCannotPushIntoMemory(t *testing.T) {
	var pushed atomic.Int64
	pushing := make(chan struct{})
	c := serving(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		defer close(pushing)
		control := http.NewResponseController(w)
		_ = control.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)) // fails when the client accepts no more
		part := bytes.Repeat([]byte("x"), 16<<10)
		for pushed.Load() < 16<<20 {
			n, err := w.Write(part)
			if err != nil {
				return
			}
			pushed.Add(int64(n))
		}
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.vault.Address(), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.transport.base.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	<-pushing
	if resp.ProtoMajor != 2 {
		t.Fatalf("got protocol %s", resp.Proto)
	}
	if most := int64(256<<10 + 64<<10); pushed.Load() > most {
		t.Errorf("received %d bytes of a body that was not read, want at most %d", pushed.Load(), most)
	}
}

func TestLongHeadersAreRefused(t *testing.T) {
	c := serving(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 20<<10))
		w.WriteHeader(http.StatusForbidden)
	})
	_, failed := c.Get(t.Context(), Ref{Path: "s"})
	if failed == nil || failed.Kind != failure.Unreachable || failed.Status != 0 {
		t.Errorf("error = %v", failed)
	}
}

// TestAListTakesWhatItHoldsOfTheQuota compares the memory of lists with the bytes that they take.
func TestAListTakesWhatItHoldsOfTheQuota(t *testing.T) {
	held := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	// one is the size of an element: append copies the slice that the list outgrows, and both are
	// in memory then.
	report := func(name string, count, one, took, charged int) {
		t.Logf("%s: an entry takes %d bytes, and %d of the quota", name, took/count, charged/count)
		if took+count*one > charged {
			t.Errorf("%s: %d entries take %d bytes, but %d of the quota", name, count, took, charged)
		}
	}
	for _, length := range []int{1, 20, 90} {
		before := held()
		entries := pages[string]{most: 10_000}
		for i := range entries.most {
			name := fmt.Sprintf("%05d", i) + strings.Repeat("x", length)
			if failed := entries.add(answer{}, under("f", name), len(name)+2); failed != nil {
				t.Fatal(failed)
			}
		}
		list := listOfEntries(Ref{What: Folder}, entries.all)
		report(fmt.Sprintf("entries of %d bytes", length+7), entries.most, int(unsafe.Sizeof("")), held()-before,
			entries.held)
		runtime.KeepAlive(entries)
		runtime.KeepAlive(list)
	}
	before := held()
	versions := pages[VersionState]{most: MaxVersion}
	for i := range versions.most {
		if failed := versions.add(answer{}, VersionState{i + 1, Deactivated}, mostLine); failed != nil {
			t.Fatal(failed)
		}
	}
	list, failed := listOfVersions(Ref{What: Versions}, versions.all)
	if failed != nil {
		t.Fatal(failed)
	}
	report("versions", versions.most, int(unsafe.Sizeof(VersionState{})), held()-before, versions.held)
	runtime.KeepAlive(versions)
	runtime.KeepAlive(list)
}
