// SPDX-License-Identifier: Apache-2.0

package fairhttp

import (
	"net/http"
	"net/netip"
	"sync"
)

// maxPages is how many pages of metrics are made and sent at once. A whole page is in
// memory until its client has read it.
const maxPages = 16

// OnePerSource serves one page to a source at a time, and maxPages in all, so that slow
// clients cannot use up the memory and the places of others.
func OnePerSource(handler http.Handler) http.Handler {
	var mu sync.Mutex
	serving := map[string]bool{}
	begin := func(source string) bool {
		mu.Lock()
		defer mu.Unlock()
		if serving[source] || len(serving) >= maxPages {
			return false
		}
		serving[source] = true
		return true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		source := r.RemoteAddr
		if address, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
			source = sourceOfAddress(address.Addr()).String()
		}
		if !begin(source) {
			http.Error(w, "other pages are being sent; try again in a moment", http.StatusServiceUnavailable)
			return
		}
		defer func() {
			mu.Lock()
			defer mu.Unlock()
			delete(serving, source)
		}()
		handler.ServeHTTP(w, r)
	})
}
