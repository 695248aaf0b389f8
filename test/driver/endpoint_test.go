// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// listener is a server of an attacker, who wants to receive a credential.
type listener struct {
	url         string
	host        string // host:port
	ca          string // PEM
	connections atomic.Int32
	client      *http.Client
}

func startListener(t *testing.T) *listener {
	t.Helper()
	l := &listener{}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Listener = countingListener{server.Listener, &l.connections}
	server.StartTLS()
	t.Cleanup(server.Close)
	l.url, l.host, l.client = server.URL, server.Listener.Addr().String(), server.Client()
	l.ca = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	return l
}

// countingListener counts accepted connections, before any byte is read.
type countingListener struct {
	net.Listener
	connections *atomic.Int32
}

func (l countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.connections.Add(1)
	}
	return conn, err
}

// A pod's author can override every parameter of a SecretProviderClass with volumeAttributes, and the driver does not
// show that to the provider.
func TestPodCannotRedirectTheEndpoint(t *testing.T) {
	s := stocked(t, Options{})
	elsewhere := startListener(t)
	good := strings.TrimPrefix(s.server.URL, "https://")
	for name, attributes := range map[string]map[string]string{
		"another server":             {"endpoint": elsewhere.url},
		"another server and its CA":  {"endpoint": elsewhere.url, "caBundle": elsewhere.ca},
		"under the API's path":       {"endpoint": elsewhere.url + "/api/" + s.okms.OKMSID(), "caBundle": elsewhere.ca},
		"the real one as user name":  {"endpoint": "https://" + good + "@" + elsewhere.host, "caBundle": elsewhere.ca},
		"the real one in the path":   {"endpoint": elsewhere.url + "/" + good, "caBundle": elsewhere.ca},
		"the real one as a fragment": {"endpoint": elsewhere.url + "#." + good, "caBundle": elsewhere.ca},
		"a region that is a host":    {"endpoint": "", "region": elsewhere.host + "/x?y="},
		"plain http":                 {"endpoint": "http://" + elsewhere.host},
		"in capitals":                {"endpoint": "HTTPS://" + strings.ToUpper(elsewhere.host), "caBundle": elsewhere.ca},
	} {
		t.Run(name, func(t *testing.T) {
			pod := s.podWith(PodSpec{Name: strings.ReplaceAll(name, " ", "-"), Credentials: "okms", Attributes: attributes})
			err := pod.Publish()
			switch status.Code(err) {
			case codes.InvalidArgument, codes.PermissionDenied:
			default:
				t.Errorf("publish gave %v, want a refusal", err)
			}
			if err != nil && strings.Contains(err.Error(), token) {
				t.Errorf("the error contains the token: %v", err)
			}
			if n := elsewhere.connections.Load(); n != 0 {
				t.Errorf("%d connections were made to the attacker's server", n)
			}
		})
	}
	// The class itself is valid, and the listener counts.
	publish(t, s.pod("web"))
	if resp, err := elsewhere.client.Get(elsewhere.url); err != nil {
		t.Fatal(err)
	} else {
		resp.Body.Close()
	}
	if n := elsewhere.connections.Load(); n != 1 {
		t.Errorf("the listener counted %d connections instead of one, so the test proves nothing", n)
	}
}
