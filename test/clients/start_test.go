// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/google/uuid"
	vault "github.com/hashicorp/vault/api"
	"github.com/ovh/okms-sdk-go"

	"ovhcloud-csi-provider/test/emulator"
)

const token = "eyJ-a-personal-access-token"

// domain is a running emulator, with the clients that call it.
type domain struct {
	*emulator.Emulator
	t      *testing.T
	server *emulator.Server
	okmsID uuid.UUID
}

func start(t *testing.T, o emulator.Options) *domain {
	t.Helper()
	e, err := emulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.AddToken(token, everything()); err != nil {
		t.Fatal(err)
	}
	server, err := e.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return &domain{Emulator: e, t: t, server: server, okmsID: uuid.MustParse(e.OKMSID())}
}

func everything() emulator.Identity {
	return emulator.Identity{Name: "client", Actions: []string{emulator.AllActions}}
}

// tlsConfig returns a configuration that trusts the emulator, with a client certificate if withCertificate.
func (d *domain) tlsConfig(withCertificate bool) *tls.Config {
	d.t.Helper()
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	if !config.RootCAs.AppendCertsFromPEM(d.server.CA) {
		d.t.Fatal("the CA is not PEM")
	}
	if withCertificate {
		certPEM, keyPEM, err := d.IssueCertificate(everything())
		if err != nil {
			d.t.Fatal(err)
		}
		cert, err := tls.X509KeyPair(certPEM, keyPEM)
		if err != nil {
			d.t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{cert}
	}
	return config
}

func (d *domain) transport(config *tls.Config) *http.Transport {
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	d.t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// credentials returns the authentication methods that both clients support, and whether each uses a certificate.
func credentials() map[string]bool { return map[string]bool{"token": false, "certificate": true} }

// vaultClient returns HashiCorp's client, configured as in OVHcloud's guides.
func (d *domain) vaultClient(withCertificate bool) *vault.Client {
	d.t.Helper()
	config := vault.DefaultConfig()
	config.Address = d.server.VaultAddress()
	config.HttpClient.Transport = d.transport(d.tlsConfig(withCertificate))
	config.MaxRetries = 0
	client, err := vault.NewClient(config)
	if err != nil {
		d.t.Fatal(err)
	}
	client.ClearToken()
	if !withCertificate {
		client.SetToken(token)
	}
	return client
}

// sdkClient returns OVHcloud's client, without retries.
func (d *domain) sdkClient(withCertificate bool) *okms.Client {
	d.t.Helper()
	client, err := okms.NewRestAPIClientWithHttp(d.server.URL,
		&http.Client{Transport: d.transport(d.tlsConfig(withCertificate))})
	if err != nil {
		d.t.Fatal(err)
	}
	if !withCertificate {
		client.WithCustomHeader("Authorization", "Bearer "+token)
	}
	return client
}

func (d *domain) put(path, data string) {
	d.t.Helper()
	if _, err := d.Put(path, data); err != nil {
		d.t.Fatal(err)
	}
}

// last returns the emulator's most recent request.
func (d *domain) last() emulator.Request {
	d.t.Helper()
	all := d.Requests()
	if len(all) == 0 {
		d.t.Fatal("the emulator got no request")
	}
	return all[len(all)-1]
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantJSON compares a value with JSON text, which must be compact and have sorted names.
func wantJSON(t *testing.T, got any, want string) {
	t.Helper()
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != want {
		t.Errorf("got %s, want %s", text, want)
	}
}

func wantSame(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
