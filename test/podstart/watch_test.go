// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// An API server ends watches. What happens meanwhile is in the next list.
func TestAWatchThatEndsLosesNothing(t *testing.T) {
	const running = `{"metadata": {"name": "b"}, "status": {"phase": "Running"}}`
	var lists atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Get("watch") == "" && lists.Add(1) == 1:
			fmt.Fprint(w, `{"metadata": {"resourceVersion": "1"}, "items": [{"metadata": {"name": "a"}}]}`)
		case r.URL.Query().Get("watch") == "":
			fmt.Fprint(w, `{"metadata": {"resourceVersion": "9"}, "items": [`+running+`]}`)
		case r.URL.Query().Get("resourceVersion") == "1":
			fmt.Fprint(w, `{"type": "ERROR", "object": {"status": "Failure", "code": 410}}`)
		default:
			fmt.Fprint(w, `{"type": "DELETED", "object": `+running+`}`)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel() // before the server is closed, which waits for the watch
	w := follow(ctx, &cluster{url: server.URL, http: server.Client()}, "ns")
	for name, event := range map[string]chan struct{}{"a is gone": w.of("a").gone, "b runs": w.of("b").running,
		"b is gone": w.of("b").gone} {
		if err := w.await(ctx, event); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
