// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/test/harness"
)

func TestHealthPagesCallTheSocket(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{})
	for _, page := range []string{"/healthz", "/readyz"} {
		if got := harness.Page(t, d.Admin+page); got != "200 ok\n" {
			t.Errorf("%s: %s", page, got)
		}
	}
	d = harness.Start(t, harness.Options{}) // an answer is good for a second
	if err := os.Rename(d.Socket, d.Socket+".away"); err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"/healthz", "/readyz"} {
		if got := harness.Page(t, d.Admin+page); !strings.HasPrefix(got, "503 asking the service on "+d.Socket) {
			t.Errorf("%s without the socket: %s", page, got)
		}
	}
	if requests := d.Store.Requests(); len(requests) > 0 {
		t.Errorf("OKMS was asked: %+v", requests)
	}
}

func TestMetricsCountMountsAndRequests(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{})
	d.Store.Hold(t, map[string]string{"s": `{"a":"1"}`})
	for _, objects := range []string{"- secretPath: s", "- secretPath: s", "- secretPath: x", "- x"} {
		_, _ = d.Do(t.Context(), harness.Mount{Objects: objects})
	}
	d.WantLines(t,
		`ovhcloud_csi_mounts_total{result="ok"} 2`, `ovhcloud_csi_mounts_total{result="secret_absent"} 1`,
		`ovhcloud_csi_mounts_total{result="invalid"} 1`,
		`ovhcloud_csi_mount_seconds_count 4`, `ovhcloud_csi_mounts_in_flight 0`, `ovhcloud_csi_panics_total 0`,
		`ovhcloud_csi_okms_requests_total{api="kv2",operation="read",status="200"} 2`,
		`ovhcloud_csi_okms_requests_total{api="kv2",operation="read",status="404"} 1`,
		`ovhcloud_csi_okms_request_seconds_count{api="kv2",operation="read"} 3`,
		`ovhcloud_csi_seconds_since_good_mount{secretproviderclass="store/shop"} `,
		`ovhcloud_csi_build_info{version="0.0.0-test"} 1`, `ovhcloud_csi_memory_budget_bytes{part="secrets"} `,
		`ovhcloud_csi_memory_budget_used_bytes{part="secrets"} 0`,
		`ovhcloud_csi_memory_budget_refusals_total{part="secrets"} 0`,
		`go_goroutines `, "process_resident_memory_bytes ",
	)
}

func TestThereAreNoDebugPages(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{})
	for _, page := range []string{"/", "/debug/", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/debug/flags/v"} {
		if got := harness.Page(t, d.Admin+page); !strings.HasPrefix(got, "404") {
			t.Errorf("%s: %.40s", page, got)
		}
	}
}

func TestVersionIsSemver(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{})
	v, err := d.Client.Version(t.Context(), &pb.VersionRequest{Version: "v1alpha1"})
	if err != nil || v.GetVersion() != "v1alpha1" || v.GetRuntimeName() != "ovhcloud-csi-provider" ||
		v.GetRuntimeVersion() != "0.0.0-test" {
		t.Errorf("%v, %v", v, err)
	}
}

// dialFrom connects to the admin address from an address of loopback.
func dialFrom(source string) func(context.Context, string, string) (net.Conn, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
	return dialer.DialContext
}

// pageFrom fetches a page from an address of loopback as a probe or a scrape does, with
// a new connection.
func pageFrom(source, url string) (string, error) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: dialFrom(source)}}
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return fmt.Sprint(resp.StatusCode, " ", string(body)), err
}

// occupy opens n connections from source that each send a text and then nothing more. It
// returns them.
func occupy(t *testing.T, address, source string, n int, sent string) (conns []net.Conn) {
	t.Helper()
	for range n {
		c, err := dialFrom(source)(t.Context(), "tcp", address)
		if err != nil {
			t.Skipf("cannot connect from %s on this system: %v", source, err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if err := c.(*net.TCPConn).SetReadBuffer(1); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, sent) // a later connection may have taken its place
		conns = append(conns, c)
	}
	return conns
}

func TestOneSourceCannotBlockTheAdminAddress(t *testing.T) { // not parallel, since it needs the processors
	for name, sent := range map[string]string{
		"silent":             "",
		"one byte":           "G",
		"half a header":      "GET /healthz HTTP/1.1\r\nHost: x\r\n",
		"TLS":                "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"a body to come":     "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
		"a body in chunks":   "GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
		"answers not read":   "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
		"requests in a row":  strings.Repeat("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 20),
		"a header too large": "GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 20_000),
	} {
		t.Run(name, func(t *testing.T) {
			d := harness.Start(t, harness.Options{})
			conns := occupy(t, strings.TrimPrefix(d.Admin, "http://"), "127.0.0.2", 1000, sent)
			dripping, stop := context.WithCancel(t.Context())
			dripped := make(chan struct{})
			go func() {
				defer close(dripped)
				for dripping.Err() == nil {
					for _, c := range conns {
						_ = c.SetWriteDeadline(time.Now().Add(time.Millisecond))
						_, _ = c.Write([]byte("x"))
					}
				}
			}()
			for _, source := range []string{"127.0.0.3", "127.0.0.2"} {
				for page, want := range map[string]string{"/healthz": "200 ok\n", "/metrics": "200 "} {
					var got string
					var err error
					harness.Await(t, page, func() bool { // one page of a source at a time: the attack is the same source
						got, err = pageFrom(source, d.Admin+page)
						return source != "127.0.0.2" || !strings.HasPrefix(got, "503 other pages")
					})
					if err != nil || !strings.HasPrefix(got, want) {
						t.Errorf("%s from %s: %.60s, %v", page, source, got, err)
					}
				}
			}
			stop()
			<-dripped
		})
	}
}

func TestManySourcesCannotBlockTheAdminAddress(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	for i := range 40 {
		occupy(t, strings.TrimPrefix(d.Admin, "http://"), fmt.Sprintf("127.0.1.%d", i+1), 25, "")
	}
	if got, err := pageFrom("127.0.0.3", d.Admin+"/healthz"); err != nil || got != "200 ok\n" {
		t.Errorf("%s, %v", got, err)
	}
}
