// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"net/http"
	"strconv"
)

// send writes the answer with the fault applied; f may be nil. It panics with http.ErrAbortHandler
// to close the connection.
func send(w http.ResponseWriter, r *http.Request, ans answer, f *activeFault) {
	header := w.Header()
	for name, values := range ans.header {
		header[name] = values
	}
	if ans.status != http.StatusNoContent && ans.status != http.StatusNotModified {
		if header.Get("Content-Type") == "" {
			header.Set("Content-Type", "application/json")
		}
		header.Set("Content-Length", strconv.Itoa(len(ans.body)))
	}
	w.WriteHeader(ans.status)
	switch {
	case f == nil:
		_, _ = w.Write(ans.body) // the client may have closed the connection
	case f.CloseAfterHeaders:
		cut(w, nil)
	case f.Truncate:
		cut(w, ans.body[:len(ans.body)/2])
	case f.Drip > 0:
		drip(w, r, ans.body, f)
	default:
		_, _ = w.Write(ans.body)
	}
}

func cut(w http.ResponseWriter, part []byte) {
	_, _ = w.Write(part)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func drip(w http.ResponseWriter, r *http.Request, body []byte, f *activeFault) {
	flusher := http.NewResponseController(w)
	for i := range body {
		if _, err := w.Write(body[i : i+1]); err != nil {
			return
		}
		_ = flusher.Flush()
		if i < len(body)-1 && pause(r.Context(), f.Drip) != nil {
			panic(http.ErrAbortHandler)
		}
	}
}
