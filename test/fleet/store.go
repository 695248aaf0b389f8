// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"sync"
	"testing"
	"time"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/memnet"
)

const token = "planted-token-of-the-fleet"

// address is where the store listens.
const address = "127.0.0.1:80"

// latency is how long the store takes for an answer.
const latency = 20 * time.Millisecond

// store is the OKMS domain of the fleet: an emulator behind a limit.
type store struct {
	*emulator.Emulator
	plan     Plan
	listener *memnet.Listener
	server   *http.Server
	began    time.Time

	mu      sync.Mutex
	seconds map[int]int // requests
	limited int
}

func startStore(t *testing.T, p Plan) *store {
	t.Helper()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.AddToken(token, emulator.Identity{Name: "fleet"}); err != nil {
		t.Fatal(err)
	}
	for i := range p.Secrets {
		if _, err := e.Put(fmt.Sprint("fleet/", i), `{"key":"value"}`); err != nil {
			t.Fatal(err)
		}
	}
	s := &store{Emulator: e, plan: p, listener: memnet.Listen(address), began: time.Now(),
		seconds: map[int]int{}}
	s.server = &http.Server{Handler: http.HandlerFunc(s.answer), ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = s.server.Serve(s.listener) }()
	return s
}

// stop closes the store, and waits for the answers that are still under way.
func (s *store) stop() {
	_ = s.server.Close()
	time.Sleep(time.Minute)
}

// down reports whether the store is in its outage.
func (s *store) down() bool {
	at := time.Since(s.began)
	return s.plan.For > 0 && at >= s.plan.From && at < s.plan.From+s.plan.For
}

// answer counts a request, and answers it after the latency. Connections break in an outage.
func (s *store) answer(w http.ResponseWriter, r *http.Request) {
	if s.down() {
		panic(http.ErrAbortHandler)
	}
	s.mu.Lock()
	second := int(time.Since(s.began) / time.Second)
	s.seconds[second]++
	over := s.plan.Rate > 0 && s.seconds[second] > s.plan.Rate
	if over {
		s.limited++
	}
	s.mu.Unlock()
	time.Sleep(latency)
	if over {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"error_code":50434049,"errors":["too many requests"],"request_id":"OKMS.fleet"}`)
		return
	}
	s.ServeHTTP(w, r)
}

// perSecond returns the requests of each second.
func (s *store) perSecond(lasts time.Duration) []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]int, int(lasts/time.Second))
	for at, n := range s.seconds {
		if at < len(all) {
			all[at] = n
		}
	}
	return all
}
