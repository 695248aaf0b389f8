// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ovhcloud-csi-provider/cmd/ovhcsi/cluster/clustertest"
	"ovhcloud-csi-provider/provider/place"
)

// startOKMS starts a server that answers as OKMS does without a path, and returns its CA.
func startOKMS(t *testing.T) (server *httptest.Server, ca string) {
	t.Helper()
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" || len(r.Header["Authorization"])+len(r.Header["X-Vault-Token"]) > 0 {
			t.Errorf("got %s %v", r.URL, r.Header)
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that do not trust it
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

func TestEndpointsAreAskedFromThisMachine(t *testing.T) {
	server, ca := startOKMS(t)
	closed := httptest.NewServer(nil)
	closed.Close()
	c := clustertest.Read(t, "testdata/healthy.json")
	c.Remove("ConfigMap")
	parameters := c.Find(t, "SecretProviderClass",
		"files")["spec"].(clustertest.Object)["parameters"].(clustertest.Object)
	delete(parameters, "region")
	parameters["endpoint"], parameters["caBundle"] = server.URL, ca
	report, err := Examine(t.Context(), clustertest.Reader{Server: c.Start(t)}, Options{Now: now, Network: true,
		Domains: []place.Domain{
			{Endpoint: server.URL}, {Endpoint: "https://" + strings.TrimPrefix(closed.URL, "http://")}}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, one := range report.Results {
		if one.Category == network {
			got = append(got, string(one.Severity)+" "+one.line())
		}
	}
	untrusted, refused, passed := false, false, false
	for _, one := range got {
		untrusted = untrusted || strings.HasPrefix(one,
			"error OVH671 "+server.URL+": this machine does not reach it: ") && strings.Contains(one, "authority")
		refused = refused || strings.HasPrefix(one, "error OVH671 https://127.0.0.1:") && strings.Contains(one,
			"refused")
		passed = passed || one == "ok this machine reaches "+server.URL+": name, connection and certificate"
	}
	if len(got) != 3 || !untrusted || !refused || !passed {
		t.Errorf("got %q", got)
	}
}

func TestThePodsOfTheProviderSayWhetherOKMSAnswers(t *testing.T) {
	c := clustertest.Read(t, "testdata/healthy.json")
	c.Texts = map[string]string{
		"/api/v1/namespaces/kube-system/pods/ovhcloud-csi-provider-node-1:8080/proxy/metrics": "# HELP x\n" +
			`ovhcloud_csi_okms_requests_total{api="kv2",operation="read",status="200"} 41` + "\n" +
			`ovhcloud_csi_okms_requests_total{api="kv2",operation="read",status="0"} 2` + "\n",
		"/api/v1/namespaces/kube-system/pods/ovhcloud-csi-provider-node-2:8080/proxy/metrics": `ovhcloud_csi_okms_requests_total{api="kv2",operation="read",status="0"} 1.2e+03` + "\n",
	}
	report, err := Examine(t.Context(), clustertest.Reader{Server: c.Start(t)}, Options{Now: now, FromInside: true})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := report.Write(&out, "text", "0.1.0", false); err != nil {
		t.Fatal(err)
	}
	const want = `Network
  ✓ Pod kube-system/ovhcloud-csi-provider-node-1: on node node-1: requests to OKMS with an answer: 41, without: 2
  ✗ OVH672 Pod kube-system/ovhcloud-csi-provider-node-2: on node node-2: it sent 1200 requests to OKMS and got no answer
`
	if !strings.Contains(out.String(), want) {
		t.Errorf("got %s", out.String())
	}
}
