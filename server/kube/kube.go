// SPDX-License-Identifier: Apache-2.0

// Package kube makes requests to the Kubernetes API server, with the service account of the pod.
// Only features that the administrator turns on use it. It is net/http and no client of Kubernetes:
// the daemon makes few requests, of three kinds.
package kube

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"ovhcloud-csi-provider/provider/wire"
)

// Dir is where kubelet mounts the token and the CA of a pod's service account.
const Dir = "/var/run/secrets/kubernetes.io/serviceaccount"

// Bounds of a request.
const (
	timeout   = 10 * time.Second
	mostToken = 64 << 10
	mostCA    = 1 << 20
	// mostAnswer is more than an object of etcd can have.
	mostAnswer = 3 << 20
	// mostRetryAfter bounds how long an API server may ask to wait, in seconds.
	mostRetryAfter = 3600
)

// API makes requests to an API server. It keeps no connection and no credential: kubelet
// rotates the token and the CA, and requests are rare.
type API struct {
	// Address is host:port of the API server.
	Address string
	// Dir has the files token and ca.crt.
	Dir string
	// Dial opens connections; nil is the system's dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// InCluster returns the API server of the cluster that this process runs in, by the variables
// that kubelet sets. dir has the files token and ca.crt.
func InCluster(getenv func(string) string, dir string) (*API, error) {
	host, port := getenv("KUBERNETES_SERVICE_HOST"), getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return nil, errors.New("the environment variables KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: " +
			"the Kubernetes API is only known in a pod")
	}
	return &API{Address: net.JoinHostPort(host, port), Dir: dir}, nil
}

// Refusal is an answer of the API server that is not a success.
type Refusal struct {
	Status int
	// Reason is the API server's word for it, such as Forbidden; "" if it has none.
	Reason string
	// RetryAfter is how long the API server asks to wait; 0 if it does not.
	RetryAfter time.Duration
}

// Error has no text of the server but its reason, which is one word.
func (r *Refusal) Error() string {
	if r.Reason == "" {
		return fmt.Sprintf("the API server answered with HTTP %d", r.Status)
	}
	return fmt.Sprintf("the API server answered with HTTP %d (%s)", r.Status, r.Reason)
}

// Passes reports whether the same request may succeed later, without a change of permissions or
// objects. It is true for errors of the network and of files.
func Passes(err error) bool {
	var refused *Refusal
	return !errors.As(err, &refused) || refused.Status >= 500 || refused.Status == http.StatusTooManyRequests ||
		refused.Status == http.StatusUnauthorized || refused.Status == http.StatusConflict
}

// Is reports whether err is a Refusal with this HTTP status.
func Is(err error, status int) bool {
	var refused *Refusal
	return errors.As(err, &refused) && refused.Status == status
}

// Get reads the object at path into an object.
func (a *API) Get(ctx context.Context, path string, into any) error {
	return a.do(ctx, http.MethodGet, path, "", nil, into)
}

// Create creates an object in the list at path.
func (a *API) Create(ctx context.Context, path string, object any) error {
	return a.do(ctx, http.MethodPost, path, "application/json", object, nil)
}

// Patch changes the object at path by a JSON merge patch.
func (a *API) Patch(ctx context.Context, path string, patch any) error {
	return a.do(ctx, http.MethodPatch, path, "application/merge-patch+json", patch, nil)
}

// do makes one request, which takes ten seconds at most. path must be made of names that
// IsName accepts.
func (a *API) do(ctx context.Context, method, path, contentType string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	text := []byte(nil)
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "https://"+a.Address+path, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("the address %q of the API server is invalid", a.Address) // err has no more
	}
	client, token, err := a.client()
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "ovhcloud-csi-provider")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("asking the API server %s: %s", a.Address, wire.Explain(err).Text)
	}
	defer resp.Body.Close()
	return answered(resp, into)
}

// client returns a client for one request, and the token for it, from the newest files.
func (a *API) client() (c *http.Client, token string, err error) {
	key, err := read(filepath.Join(a.Dir, "token"), mostToken)
	if err != nil {
		return nil, "", err
	}
	if key = bytes.TrimSpace(key); len(key) == 0 || bytes.ContainsFunc(key, func(r rune) bool {
		return r <= ' ' ||
			r > '~'
	}) {
		return nil, "", fmt.Errorf("%s is not a token", filepath.Join(a.Dir, "token"))
	}
	ca, err := read(filepath.Join(a.Dir, "ca.crt"), mostCA)
	if err != nil {
		return nil, "", err
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(ca) {
		return nil, "", fmt.Errorf("%s has no certificate", filepath.Join(a.Dir, "ca.crt"))
	}
	// No proxy: the API server is in the cluster's network, and the proxy is for OKMS.
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12},
		DialContext:       a.Dial,
		DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10}
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: transport, CheckRedirect: noRedirect}, string(key), nil
}

// read returns a file of at most so many bytes.
func read(path string, most int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s has more than %d bytes", path, most)
	}
	return text, err
}

// reasonWord is the form of the API's reasons, such as NotFound.
var reasonWord = regexp.MustCompile(`^[A-Z][A-Za-z]{0,39}$`)

// answered reads an answer.
func answered(resp *http.Response, into any) error {
	body := io.LimitReader(resp.Body, mostAnswer)
	if resp.StatusCode/100 == 2 {
		if into == nil {
			return nil
		}
		if err := json.NewDecoder(body).Decode(into); err != nil {
			return fmt.Errorf("the answer of the API server is not the JSON of an object of at most %d bytes", mostAnswer)
		}
		return nil
	}
	refused := &Refusal{Status: resp.StatusCode}
	var status struct{ Reason string }
	if json.NewDecoder(io.LimitReader(body, 64<<10)).Decode(&status) == nil && reasonWord.MatchString(status.Reason) {
		refused.Reason = status.Reason
	}
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After")) // 0 for a text, the largest int for a larger number
	refused.RetryAfter = time.Duration(min(max(seconds, 0), mostRetryAfter)) * time.Second
	return refused
}

// The length is checked apart: {0,251} in a pattern takes 200 kB of every node's memory.
var name = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)

// mostName is the length of the longest name of an object, in bytes.
const mostName = 253

// IsName reports whether text can be the name of an object. Such a name is safe in a path.
func IsName(text string) bool { return len(text) <= mostName && name.MatchString(text) }
