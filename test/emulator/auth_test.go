// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestUnknownRoutes checks the errors of unknown routes and domains, and the order of checks.
func TestUnknownRoutes(t *testing.T) {
	d := start(t, Options{})
	d.put("prod/x", `{}`)
	base := "/api/" + d.OKMSID()
	for path, row := range map[string]struct {
		status, code int
		message      string
	}{
		"/":                               {404, codeRESTNotFound, "no route"},
		"/v1/secret/data/prod/x":          {404, codeRESTNotFound, "no route"},
		"/api/":                           {400, codeRESTArgument, "not a UUID"},
		"/api/my-domain/v1/secret/data/x": {400, codeRESTArgument, "not a UUID"},
		"/api/11111111-2222-3333-4444-555555555555/v1/secret/data/x": {404, codeDomainNotFound, "domain 11111111-"},
		base:                            {404, codeRESTNotFound, "no route"},
		base + "/v1":                    {404, codeRESTNotFound, "no route"},
		base + "/v1/secret":             {404, codeRESTNotFound, "no route"},
		base + "/v1/secret/prod/x/data": {404, codeRESTNotFound, "no route"},
		base + "/v1/kv/data/prod/x":     {404, codeRESTNotFound, "no route"},
		base + "/v1/sys/health":         {404, codeRESTNotFound, "no route"},
		base + "/v1/sys/internal/ui/mounts/secret": {404, codeRESTNotFound, "no route"},
		base + "/v1/auth/token/renew-self":         {404, codeRESTNotFound, "no route"},
		base + "/v2/secrets":                       {404, codeRESTNotFound, "no route"},
		base + "/v2/servicekey":                    {404, codeRESTNotFound, "no route"},
		base + "/v1/secret/destroy/prod/x":         {405, codeRESTArgument, "method GET is not allowed"},
	} {
		d.get(path).wantError(row.status, row.code, row.message)
	}
	d.do(request{path: "/api/my-domain/v1/secret/data/x", token: "-"}).wantError(400, codeRESTArgument, "not a UUID")
	d.do(request{path: "secret/data//", token: "-"}).wantError(401, codeUnauthenticated, "no credential")
	d.do(request{path: "secret/data//", token: noneToken}).wantError(400, codeSecretBadPath, "path")
	d.do(request{path: "secret/data/absent", token: noneToken}).wantError(403, codeIAMDenied, "not allowed")
	d.get(strings.ToUpper("/api/"+d.OKMSID()[:8]) + "x").want(404)
	d.do(request{path: strings.Replace(base, d.OKMSID(), strings.ToUpper(d.OKMSID()),
		1) + "/v1/secret/data/prod/x"}).want(200)
}

func TestStrictVerbs(t *testing.T) {
	d := start(t, Options{Switches: Switches{StrictVerbs: true}})
	d.put("x", `{}`)
	for _, r := range []request{
		{method: "PUT", path: "secret/data/x", body: `{"data":{}}`}, {method: "LIST", path: "secret/metadata"},
		{method: "PUT", path: "secret/delete/x", body: `{"versions":[1]}`},
		{method: "PUT", path: "secret/undelete/x", body: `{"versions":[1]}`},
		{method: "POST", path: "secret/destroy/x", body: `{"versions":[1]}`},
		{method: "PUT", path: "secret/metadata/x", body: `{}`},
	} {
		d.do(r).wantError(405, codeRESTArgument, "not allowed")
	}
	d.send("POST", "secret/data/x", `{"data":{}}`).want(200)
}

// TestUnauthenticated checks requests without a valid credential.
func TestUnauthenticated(t *testing.T) {
	now := newClock()
	d := start(t, Options{Now: now.Now})
	d.put("prod/x", `{"k":1}`)
	if err := d.AddToken("short", Identity{Name: "short", Expires: now.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	read := func(header http.Header, token string) reply {
		return d.do(request{path: "secret/data/prod/x", token: token, header: header})
	}
	read(nil, "-").wantError(401, 50475011, "no credential")
	read(nil, "wrong").wantError(401, 50475011, "token is not valid")
	read(http.Header{"Authorization": {"Bearer wrong"}}, "").wantError(401, 50475011, "token is not valid")
	read(http.Header{"Authorization": {"Basic " + adminToken}}, "").wantError(401, 50475011, "not Bearer")
	read(http.Header{"Authorization": {"Bearer " + readerToken}}, "-").want(200)
	read(http.Header{"Authorization": {"bearer " + readerToken}}, "wrong").want(200)
	read(nil, "short").want(200)
	now.advance(time.Hour)
	read(nil, "short").wantError(401, 50475011, "token has expired")
	read(nil, readerToken).want(200)
	d.RevokeToken(readerToken)
	read(nil, readerToken).wantError(401, 50475011, "token is not valid")
}

// TestEachCallNeedsItsAction checks that each call requires the action that OKMS documents.
func TestEachCallNeedsItsAction(t *testing.T) {
	d := start(t, Options{})
	for _, row := range []struct {
		action, method, uri, body string
		status                    int
	}{
		{actionCreate, "POST", "secret/data/prod/x", `{"data":{"k":1}}`, 200},
		{actionNewVersion, "POST", "secret/data/prod/x", `{"data":{"k":2}}`, 200},
		{actionNewVersion, "PATCH", "secret/data/prod/x", `{"data":{"k":2}}`, 200},
		{actionGetData, "GET", "secret/data/prod/x", "", 200},
		{actionSubkeys, "GET", "secret/subkeys/prod/x", "", 200},
		{actionGet, "GET", "secret/metadata/prod/x", "", 200},
		{actionUpdateMeta, "POST", "secret/metadata/prod/x", `{}`, 204},
		{actionUpdateMeta, "PATCH", "secret/metadata/prod/x", `{}`, 204},
		{actionDeactivate, "DELETE", "secret/data/prod/x", "", 204},
		{actionDeactivate, "POST", "secret/delete/prod/x", `{"versions":[1]}`, 204},
		{actionActivate, "POST", "secret/undelete/prod/x", `{"versions":[1]}`, 204},
		{actionDestroy, "PUT", "secret/destroy/prod/x", `{"versions":[1]}`, 204},
		{actionGetConfig, "GET", "secret/config", "", 200},
		{actionWriteConfig, "POST", "secret/config", `{}`, 204},
		{actionDelete, "DELETE", "secret/metadata/prod/x", "", 204},
	} {
		var others []string
		for _, a := range dataPlaneActions() {
			if a != row.action {
				others = append(others, a)
			}
		}
		grant := func(token string, actions ...string) {
			if err := d.AddToken(token, Identity{Name: "someone", Actions: actions, Paths: []string{"prod/"}}); err != nil {
				t.Fatal(err)
			}
		}
		grant("others", others...)
		grant("only", row.action)
		r := request{method: row.method, path: row.uri, body: row.body, token: "others"}
		d.do(r).wantError(403, 16924673, `identity "someone" is not allowed `+row.action)
		r.token = "only"
		d.do(r).want(row.status)
		if all := d.Requests(); all[len(all)-1].Operation != row.action {
			t.Errorf("%s %s is recorded as %s", row.method, row.uri, all[len(all)-1].Operation)
		}
	}
}

func TestActionsBelowAPath(t *testing.T) {
	d := start(t, Options{})
	d.put("prod/x", `{}`)
	d.put("production", `{}`)
	if err := d.AddToken("prod",
		Identity{Actions: []string{"okms:apikms:secret/*", "okms:apiovh:secret/get"}, Paths: []string{"prod/"}}); err != nil {
		t.Fatal(err)
	}
	d.do(request{path: "secret/data/prod/x", token: "prod"}).want(200)
	d.do(request{path: "secret/metadata/prod/x", token: "prod"}).want(200)
	d.do(request{path: "secret/data/production", token: "prod"}).wantError(403, 16924673, "not allowed")
	d.do(request{path: "secret/config", token: "prod"}).wantError(403, 16924673,
		"secretConfig/get on urn:v1:eu:resource:okms:"+d.OKMSID())
}

func TestDenialStatus(t *testing.T) {
	for _, status := range []int{401, 403, 404} {
		d := start(t, Options{Switches: Switches{DenialStatus: status}})
		d.do(request{path: "secret/data/x", token: noneToken}).wantError(status, 16924673, "not allowed")
	}
}

func TestPermissionsApplyAfterADelay(t *testing.T) {
	now := newClock()
	d := start(t, Options{Now: now.Now, Switches: Switches{IAMDelay: 45 * time.Second}})
	d.put("x", `{}`)
	d.get("secret/data/x").wantError(403, 16924673, "not allowed")
	now.advance(45 * time.Second)
	d.get("secret/data/x").want(200)
}

func TestBadOptionsAndIdentities(t *testing.T) {
	for _, o := range []Options{{OKMSID: "mine"}, {Switches: Switches{DenialStatus: 418}}} {
		if _, err := New(o); err == nil {
			t.Errorf("New accepted %+v", o)
		}
	}
	e, err := New(Options{Region: "ca-east-bhs"})
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"", "a b", "a\nb", "é"} {
		if err := e.AddToken(token, Identity{}); err == nil {
			t.Errorf("AddToken accepted %q", token)
		} else if token != "" && strings.Contains(err.Error(), token) {
			t.Errorf("the error repeats the token: %v", err)
		}
	}
	for _, action := range []string{"okms:apikms:secret/read", "secret/get", ""} {
		if err := e.AddToken("t", Identity{Actions: []string{action}}); err == nil {
			t.Errorf("AddToken accepted the action %q", action)
		}
	}
	if got := e.urn("a/b"); got != "urn:v1:ca:resource:okms:"+defaultOKMSID+"/secret/a/b" {
		t.Errorf("got URN %s", got)
	}
}

// TestLookupSelf checks the properties of the caller's token.
func TestLookupSelf(t *testing.T) {
	now := newClock()
	d := start(t, Options{Now: now.Now})
	if err := d.AddToken("short", Identity{Name: "ci", Expires: now.Now().Add(90 * time.Second)}); err != nil {
		t.Fatal(err)
	}
	got := d.do(request{path: "auth/token/lookup-self", token: "short"}).want(200)
	got.wantAt(`{"type":"service","display_name":"ci","ttl":90,"expire_time":"2026-08-22T02:25:36.945319214Z",`+
		`"policies":[],"renewable":false}`, "data")
	got = d.get("auth/token/lookup-self").want(200)
	got.wantAt("0", "data", "ttl")
	got.wantAt("null", "data", "expire_time")
	d.do(request{path: "auth/token/lookup-self", token: "wrong"}).wantError(401, 50475011, "not valid")
	d.switches.NoLookupSelf = true
	d.get("auth/token/lookup-self").wantError(404, codeRESTNotFound, "no route")
}

func (d *domain) clientWith(id Identity) *http.Client {
	d.t.Helper()
	certPEM, keyPEM, err := d.IssueCertificate(id)
	if err != nil {
		d.t.Fatal(err)
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		d.t.Fatal(err)
	}
	return newClient(d.t, d.server, cert)
}

func TestClientCertificate(t *testing.T) {
	now := newClock()
	d := start(t, Options{Now: now.Now})
	d.put("prod/x", `{"k":1}`)
	d.client = d.clientWith(Identity{Name: "pod", Paths: []string{"prod/"}, Expires: now.Now().Add(time.Hour)})
	d.do(request{path: "secret/data/prod/x", token: "-"}).want(200)
	d.do(request{path: "secret/data/dev/x", token: "-"}).wantError(403, 16924673, `identity "pod"`)
	d.do(request{path: "secret/data/prod/x", token: "wrong"}).wantError(401, 50475011, "not valid")
	if got := d.Requests()[0]; got.Auth != "certificate" || got.Identity != "pod" {
		t.Errorf("got the record %+v", got)
	}
	now.advance(time.Hour)
	d.do(request{path: "secret/data/prod/x", token: "-"}).wantError(401, 50475011, "certificate has expired")
	d.client = d.clientWith(Identity{Actions: []string{}})
	d.do(request{path: "secret/data/prod/x", token: "-"}).wantError(403, 16924673, "not allowed")
}

// TestBadClientCertificateGetsAnAlert checks that invalid certificates are refused in the handshake,
// as on the live service.
func TestBadClientCertificateGetsAnAlert(t *testing.T) {
	d := start(t, Options{Switches: Switches{DeniedCertificateAlert: true}})
	other := start(t, Options{})
	certPEM, keyPEM, err := other.IssueCertificate(Identity{})
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	clients := map[string]*http.Client{
		"expired":             d.clientWith(Identity{Expires: time.Now().Add(-time.Minute)}),
		"without permissions": d.clientWith(Identity{Actions: []string{}}),
		"foreign":             newClient(t, d.server),
	}
	// Without this function, a client only sends a certificate of an issuer that the server names.
	clients["foreign"].Transport.(*http.Transport).TLSClientConfig.GetClientCertificate =
		func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &foreign, nil }
	for name, client := range clients {
		d.client = client
		// In TLS 1.3 the client may see a closed connection before the alert.
		client.Transport.(*http.Transport).TLSClientConfig.MaxVersion = tls.VersionTLS12
		_, err := d.try(request{path: "secret/data/x"})
		if err == nil || !strings.Contains(err.Error(), "bad certificate") {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.client = d.clientWith(Identity{})
	d.do(request{path: "secret/data/x", token: "-"}).wantError(404, 17125377, "not found")
	if n := len(d.Requests()); n != 1 {
		t.Errorf("got %d requests", n)
	}
}
