// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// HTTP/2 allows any status of three digits, and a label is never removed.
func TestAnyStatusIsOneOfFewLabels(t *testing.T) {
	t.Parallel()
	var status atomic.Int64
	h2 := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("the request came over %s", r.Proto)
		}
		w.WriteHeader(int(status.Load()))
	}))
	h2.EnableHTTP2 = true
	h2.StartTLS()
	defer h2.Close()
	store := harness.StartStore(t)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h2.Certificate().Raw})
	store.Server = &emulator.Server{URL: h2.URL, CA: authority}
	d := harness.Start(t, harness.Options{Emulator: store, MountTimeout: 20 * time.Second})
	for _, s := range []int{200, 404, 418, 599, 600, 601, 666, 700, 888, 998, 999} {
		status.Store(int64(s))
		// Each with its own token: else the circuit breaker would open.
		_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s", Token: "eyJ." + strconv.Itoa(s)})
		if err == nil || harness.Forbidden(err) {
			t.Errorf("%d: the mount ended with %v", s, err)
		}
	}
	var got []string
	label := regexp.MustCompile(`okms_requests_total\{.*status="([^"]*)"\}`)
	for _, m := range label.FindAllStringSubmatch(harness.Page(t, d.Admin+"/metrics"), -1) {
		got = append(got, m[1])
	}
	slices.Sort(got)
	if want := "200 404 418 other"; strings.Join(got, " ") != want {
		t.Errorf("the labels are %q, want %s", got, want)
	}
}
