// SPDX-License-Identifier: Apache-2.0

package fairhttp

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

func TestASourceGetsOnePageAtATime(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	slow := OnePerSource(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			begun <- struct{}{}
			<-end
		}
	}))
	get := func(path, from string) int {
		r, w := httptest.NewRequest(http.MethodGet, path, nil), httptest.NewRecorder()
		r.RemoteAddr = from
		slow.ServeHTTP(w, r)
		return w.Code
	}
	var all sync.WaitGroup
	for i := range maxPages {
		all.Go(func() { get("/slow", fmt.Sprintf("10.0.0.%d:1", i)) })
		<-begun
		ofAnother := 200
		if i == maxPages-1 {
			ofAnother = 503
		}
		if got, want := [2]int{get("/", "10.0.0.0:2"), get("/", "10.1.0.1:1")}, [2]int{503, ofAnother}; got != want {
			t.Errorf("while %d pages are sent: %v, want %v", i+1, got, want)
		}
	}
	end <- struct{}{}
	await(t, func() bool { return get("/", "10.1.0.1:1") == 200 })
	close(end)
	all.Wait()
}

// await waits until ok says true, for 20 s at most.
func await(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen in 20 s")
		}
	}
}
