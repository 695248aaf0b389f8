// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// slowAnswer is how long the stores of the attack take for an answer.
const slowAnswer = 20 * time.Millisecond

// answerLimit is what the daemon reads of an answer at most, in bytes.
const answerLimit = 1 << 20

// hostileStore is a store in the hands of an attacker: it takes every okmsId and every
// credential, and the first segment of a secret's path says what it answers.
type hostileStore struct {
	*httptest.Server
	ca      string
	closing chan struct{} // ends the requests that hang
}

// startHostileStore starts one that speaks HTTP/2, or HTTP/1.1 alone.
func startHostileStore(http2 bool) *hostileStore {
	s := &hostileStore{closing: make(chan struct{})}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.answer))
	s.EnableHTTP2 = http2
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	s.ca = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	return s
}

func (s *hostileStore) answer(w http.ResponseWriter, r *http.Request) {
	_, rest, _ := strings.Cut(r.URL.Path, "/v1/secret/")
	operation, path, _ := strings.Cut(rest, "/")
	name, _, _ := strings.Cut(path, "/")
	s.pause(r, slowAnswer)
	if operation == "metadata" {
		_, _ = io.WriteString(w, manyVersions())
		return
	}
	hostileAnswers[name](s, w, r)
}

// pause waits for so long, and says whether the client and the store are still there.
func (s *hostileStore) pause(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-s.closing:
	}
	return false
}

// hostileAnswers is what the store answers, by the first segment of the path.
var hostileAnswers = map[string]func(*hostileStore, http.ResponseWriter, *http.Request){
	"small": sends(200, func() string { return secretAnswer(`{"a":"` + strings.Repeat("x", 1000) + `"}`) }),
	"share": sends(200, func() string { return secretAnswer(`{"a":"` + strings.Repeat("x", 60_000) + `"}`) }),
	"large": sends(200, func() string { return secretAnswer(`{"a":"` + strings.Repeat("x", 120_000) + `"}`) }),
	"array": sends(200, func() string {
		return secretAnswer(`{"k":[` + fill(60_000, `{"a":1}`) + `],"a":"` + strings.Repeat("a", 500) + `"}`)
	}),
	"keys":        sends(200, func() string { return secretAnswer("{" + tinyKeys(answerLimit-1000) + "}") }),
	"errors404":   sends(404, func() string { return `{"errors":[` + fill(answerLimit-20, `""`) + `]}` }),
	"errors500":   sends(500, func() string { return `{"errors":[` + fill(answerLimit-20, `""`) + `]}` }),
	"status999":   sends(999, func() string { return `{"errors":["no"]}` }),
	"deactivated": sends(404, func() string { return deactivatedAnswer }),
	"redirect": func(_ *hostileStore, w http.ResponseWriter, r *http.Request) {
		w.Header()["Location"] = []string{"http://%zz/" + r.Header.Get("X-Vault-Token")}
		w.WriteHeader(http.StatusFound)
	},
	"endless": func(s *hostileStore, w http.ResponseWriter, r *http.Request) {
		s.stream(w, r, strings.Repeat(`"",`, 10_000), 0)
	},
	"drip": func(s *hostileStore, w http.ResponseWriter, r *http.Request) {
		s.stream(w, r, " ", 100*time.Millisecond)
	},
	"hang": func(s *hostileStore, _ http.ResponseWriter, r *http.Request) { s.pause(r, time.Hour) },
}

// sends answers with a status and a body that is made once.
func sends(status int, body func() string) func(*hostileStore, http.ResponseWriter, *http.Request) {
	body = sync.OnceValue(body)
	return func(_ *hostileStore, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body())
	}
}

// stream sends a text again and again until the client leaves.
func (s *hostileStore) stream(w http.ResponseWriter, r *http.Request, text string, every time.Duration) {
	_, _ = io.WriteString(w, `{"errors":[`)
	for s.pause(r, every) {
		if _, err := io.WriteString(w, text); err != nil {
			return
		}
		w.(http.Flusher).Flush()
	}
}

const deactivatedAnswer = `{"errors":[],"data":{"data":null,"metadata":{"created_time":"2026-01-02T03:04:05Z",` +
	`"deletion_time":"2026-01-03T03:04:05Z","destroyed":false,"version":1}}}`

func secretAnswer(data string) string {
	return `{"request_id":"1","data":{"data":` + data +
		`,"metadata":{"created_time":"2026-01-02T03:04:05Z","deletion_time":"","destroyed":false,"version":1}}}`
}

// manyVersions is the metadata of a secret with 11,000 versions.
var manyVersions = sync.OnceValue(func() string {
	var versions strings.Builder
	for i := range 11_000 {
		fmt.Fprintf(&versions, `,"%d":{"created_time":"2","deletion_time":"3","destroyed":false}`, i+1)
	}
	return `{"data":{"versions":{` + versions.String()[1:] + `}}}`
})

// fill repeats an element of a JSON array up to so many bytes.
func fill(size int, element string) string {
	return strings.Repeat(element+",", (size-len(element))/(len(element)+1)) + element
}

// tinyKeys are members of a JSON object, of so many bytes.
func tinyKeys(size int) string {
	var keys strings.Builder
	for i := 0; keys.Len() < size-20; i++ {
		fmt.Fprintf(&keys, `,"%x":0`, i)
	}
	return keys.String()[1:]
}
