// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// steering is a domain with its control API on a socket.
type steering struct {
	t   *testing.T
	url string
}

func control(t *testing.T, d *domain) steering {
	server := httptest.NewServer(d.Control())
	t.Cleanup(server.Close)
	return steering{t: t, url: server.URL}
}

func (s steering) do(method, path, body string, status int) string {
	s.t.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.StatusCode != status {
		s.t.Fatalf("%s %s: status %d, want %d: %s", method, path, resp.StatusCode, status, got)
	}
	return strings.TrimSpace(string(got))
}

func TestControlSecrets(t *testing.T) {
	d := start(t, Options{})
	c := control(t, d)
	if got := c.do("PUT", "/secrets/prod/va1/x", `{ "k": 1.0 }`, 200); got != `{"version":1}` {
		t.Error(got)
	}
	d.get("secret/data/prod/va1/x").want(200).wantAt(`{ "k": 1.0 }`, "data", "data")
	c.do("PUT", "/secrets/prod/va1/x", `[1]`, 400)
	c.do("PUT", "/secrets/prod/va1/x?raw=true", `[1]`, 200)
	d.get("secret/data/prod/va1/x").want(200).wantAt(`[1]`, "data", "data")
	c.do("POST", "/state", `{"path":"prod/va1/x","version":2,"state":"deactivated"}`, 204)
	d.get("secret/data/prod/va1/x").wantError(404, 17125378, "deactivated")
	c.do("POST", "/state", `{"path":"prod/va1/x","state":"active"}`, 204)
	d.get("secret/data/prod/va1/x").want(200)
	for _, body := range []string{`{"path":"prod/va1/x","state":"gone"}`, `{"path":"prod/va1/x","versions":2}`, `x`,
		`{"path":"prod/va1/x","version":-1,"state":"active"}`} {
		if got := c.do("POST", "/state", body, 400); !strings.HasPrefix(got, `{"error":`) {
			t.Error(got)
		}
	}
	c.do("POST", "/state", `{"path":"absent","state":"active"}`, 404)
	c.do("DELETE", "/secrets/prod/va1/x", "", 204)
	c.do("DELETE", "/secrets/prod/va1/x", "", 404)
}

func TestControlFaults(t *testing.T) {
	d := start(t, Options{})
	c := control(t, d)
	d.put("x", `{}`)
	if got := c.do("POST", "/faults", `{"status":503,"times":2,"path":"data/x"}`, 200); got != `{"id":1}` {
		t.Error(got)
	}
	c.do("POST", "/faults", `{"delay":"1ms","truncate":true}`, 200)
	d.get("secret/data/x").want(503)
	want := `[{"id":1,"left":1,"fault":"path=data/x,times=2,status=503"},{"id":2,"left":null,"fault":"delay=1ms,` +
		`truncate"}]`
	if got := c.do("GET", "/faults", "", 200); got != want {
		t.Errorf("got faults %s, want %s", got, want)
	}
	c.do("DELETE", "/faults/1", "", 204)
	c.do("DELETE", "/faults/1", "", 404)
	c.do("DELETE", "/faults", "", 204)
	d.get("secret/data/x").want(200)
	for body, message := range map[string]string{
		`{"statsu":503}`:                `unknown field \"statsu\"`,
		`{"status":{"a":1}}`:            "status is not a string",
		`{"status":null}`:               "status is not a string",
		`{}`:                            "the fault has no effect",
		`[]`:                            "not a JSON object",
		`{"hang":"perhaps"}`:            "is not true or false",
		`{"tls-alert":true,"path":"x"}`: "TLS alert",
	} {
		if got := c.do("POST", "/faults", body, 400); !strings.Contains(got, message) {
			t.Errorf("%s: %s", body, got)
		}
	}
}

func TestControlRequests(t *testing.T) {
	d := start(t, Options{})
	c := control(t, d)
	remove := d.inject(Fault{Hang: true})
	defer remove()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		req, _ := http.NewRequestWithContext(ctx, "GET", d.server.URL+"/hanging", nil)
		_, _ = d.client.Do(req)
	}()
	var all []Request
	if err := json.Unmarshal([]byte(c.do("GET", "/requests?await=1", "", 200)), &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 || all[0].URI != "/hanging" || all[0].Status != 0 {
		t.Errorf("got requests %+v", all)
	}
	c.do("GET", "/requests?await=some", "", 400)
	c.do("DELETE", "/requests", "", 204)
	if got := c.do("GET", "/requests", "", 200); got != "[]" {
		t.Error(got)
	}
	cancel()
	<-ended
}

func TestControlCredentials(t *testing.T) {
	d := start(t, Options{})
	c := control(t, d)
	d.put("prod/x", `{}`)
	c.do("POST", "/tokens", `{"token":"fresh","name":"ci","paths":["prod/"]}`, 204)
	d.do(request{path: "secret/data/prod/x", token: "fresh"}).want(200)
	c.do("DELETE", "/tokens", `{"token":"fresh"}`, 204)
	d.do(request{path: "secret/data/prod/x", token: "fresh"}).want(401)
	c.do("POST", "/tokens", `{"name":"ci"}`, 400)
	c.do("POST", "/tokens", `{"token":"x","actoins":[]}`, 400)

	var pair struct{ Certificate, Key string }
	if err := json.Unmarshal([]byte(c.do("POST", "/certificates", `{"name":"pod"}`, 200)), &pair); err != nil {
		t.Fatal(err)
	}
	cert, err := tls.X509KeyPair([]byte(pair.Certificate), []byte(pair.Key))
	if err != nil {
		t.Fatal(err)
	}
	d.client = newClient(t, d.server, cert)
	d.do(request{path: "secret/data/prod/x", token: "-"}).want(200)
	c.do("POST", "/certificates", `{"token":"x"}`, 400)
	if got := c.do("GET", "/ca.pem", "", 200); got != strings.TrimSpace(string(d.CA())) {
		t.Errorf("got ca.pem %s", got)
	}
	if got := c.do("GET", "/nothing", "", 404); got != `{"error":"no route for GET /nothing"}` {
		t.Error(got)
	}
}
