// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"ovhcloud-csi-provider/test/emulator"
)

// The environment of a run against a real domain. Without OKMS_LIVE=1, which `make live` sets, the
// rest has no effect: people export it for other programs.
const (
	envLive     = "OKMS_LIVE"
	envEndpoint = "OKMS_ENDPOINT"          // https://<region>.okms.ovh.net
	envID       = "OKMS_ID"                // the UUID of the domain
	envToken    = "OKMS_TOKEN_FILE"        // a file with a PAT that may read and write secrets
	envDenied   = "OKMS_DENIED_TOKEN_FILE" // optional: one with a PAT without any right
	envCA       = "OKMS_CA_FILE"           // optional: more certificate authorities, as PEM
)

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// open returns the domain that the environment names, or an emulator.
func open(getenv func(string) string) (*target, error) {
	random := make([]byte, 6)
	_, _ = rand.Read(random)
	d := &target{folder: "ovhcsi-conformance-" + hex.EncodeToString(random), out: os.Stderr, close: func() {},
		client: &http.Client{Timeout: 30 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if getenv(envLive) != "1" {
		return d, d.openEmulator()
	}
	return d, d.openReal(getenv)
}

func (d *target) openReal(getenv func(string) string) (err error) {
	endpoint, err := url.Parse(getenv(envEndpoint))
	if err != nil || endpoint.Scheme != "https" || endpoint.Host == "" || strings.Trim(endpoint.Path, "/") != "" {
		return fmt.Errorf("%s is not https://<region>.okms.ovh.net", envEndpoint)
	}
	if !uuid.MatchString(getenv(envID)) {
		return fmt.Errorf("%s is not the okmsId, a UUID", envID)
	}
	if d.token, err = readToken(envToken, getenv); err != nil {
		return err
	}
	if d.denied, err = readToken(envDenied, getenv); err != nil && getenv(envDenied) != "" {
		return err
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if file := getenv(envCA); file != "" {
		if bundle, err := os.ReadFile(file); err != nil || !roots.AppendCertsFromPEM(bundle) {
			return fmt.Errorf("%s: no certificate is readable in it (%v)", envCA, err)
		}
	}
	d.transport(roots)
	d.real, d.base = true, "https://"+endpoint.Host+"/api/"+getenv(envID)
	if ip := net.ParseIP(endpoint.Hostname()); ip == nil || !ip.IsLoopback() { // there, it is an emulator
		d.pause, d.retry = 400*time.Millisecond, 10*time.Second
	}
	return nil
}

// readToken returns the token in the file that a variable names.
func readToken(variable string, getenv func(string) string) (string, error) {
	file := getenv(variable)
	if file == "" {
		return "", fmt.Errorf("set %s to a file with a token", variable)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", variable, err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("the file of %s is empty", variable)
	}
	return token, nil
}

func (d *target) openEmulator() error {
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		return err
	}
	d.token, d.denied = "conformance-token", "denied-token"
	if err := e.AddToken(d.token,
		emulator.Identity{Name: "conformance", Actions: []string{emulator.AllActions}}); err != nil {
		return err
	}
	if err := e.AddToken(d.denied, emulator.Identity{Name: "denied", Actions: []string{}}); err != nil {
		return err
	}
	s, err := e.Start("")
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CA)
	d.transport(roots)
	d.base, d.emulator = s.URL+"/api/"+e.OKMSID(), e
	d.close = func() { _ = s.Close() }
	return nil
}

func (d *target) transport(roots *x509.CertPool) {
	d.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true,
		Proxy: http.ProxyFromEnvironment}
}
