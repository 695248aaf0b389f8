package server_test

import (
	"os"
	"strings"
	"testing"

	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/test/harness"
)

func TestHealthGoesThroughTheSocket(t *testing.T) {
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

func TestMetricsTellMountsAndRequests(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	d.Store.Hold(t, map[string]string{"s": `{"a":"1"}`})
	for _, objects := range []string{"- secretPath: s", "- secretPath: s", "- secretPath: x", "- x"} {
		_, _ = d.Do(t.Context(), harness.Mount{Objects: objects})
	}
	got := harness.Page(t, d.Admin+"/metrics")
	for _, line := range []string{
		`ovhcloud_csi_mounts_total{result="ok"} 2`, `ovhcloud_csi_mounts_total{result="secret_absent"} 1`, `ovhcloud_csi_mounts_total{result="invalid"} 1`,
		`ovhcloud_csi_mount_seconds_count 4`, `ovhcloud_csi_mounts_in_flight 0`, `ovhcloud_csi_panics_total 0`,
		`ovhcloud_csi_okms_requests_total{api="kv2",operation="read",status="200"} 2`, `ovhcloud_csi_okms_requests_total{api="kv2",operation="read",status="404"} 1`,
		`ovhcloud_csi_okms_request_seconds_count{api="kv2",operation="read"} 3`,
		`ovhcloud_csi_seconds_since_good_mount{secretproviderclass="store/shop"} `, `ovhcloud_csi_build_info{version="0.0.0-test"} 1`,
		`go_goroutines `, "process_resident_memory_bytes ",
	} {
		if !strings.Contains(got, "\n"+line) {
			t.Errorf("no line %s", line)
		}
	}
}

func TestThereIsNothingToDebugWith(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	for _, page := range []string{"/", "/debug/", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/debug/flags/v"} {
		if got := harness.Page(t, d.Admin+page); !strings.HasPrefix(got, "404") {
			t.Errorf("%s: %.40s", page, got)
		}
	}
}

func TestVersionIsSemver(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	v, err := d.Client.Version(t.Context(), &pb.VersionRequest{Version: "v1alpha1"})
	if err != nil || v.GetVersion() != "v1alpha1" || v.GetRuntimeName() != "ovhcloud-csi-provider" || v.GetRuntimeVersion() != "0.0.0-test" {
		t.Errorf("%v, %v", v, err)
	}
}
