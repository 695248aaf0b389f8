// SPDX-License-Identifier: Apache-2.0

package place

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ovhcloud-csi-provider/provider/message"
)

// Endpoints are the endpoints that the credential of a mount may be sent to: OVHcloud's OKMS
// hosts, and those that the administrator added. A pod can override every parameter of its
// SecretProviderClass, also the endpoint; this check prevents it from sending a credential
// elsewhere. The zero value allows OVHcloud's hosts only.
type Endpoints struct{ added []endpoint }

type endpoint struct{ scheme, host, port string }

// ovhHosts matches OVHcloud's regional hosts. The region is exactly one label.
var ovhHosts = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?\.okms\.ovh\.(net|us)$`)

// ParseEndpoints returns the endpoints of the values of --allow-endpoint: "host" (https, port
// 443), "host:port" (https) or a URL. Plain http is valid for loopback addresses only.
func ParseEndpoints(values []string) (Endpoints, error) {
	var e Endpoints
	for _, v := range values {
		text := v
		if !strings.Contains(text, "://") {
			text = "https://" + text
		}
		at, err := parseEndpoint(text)
		if err != nil {
			return Endpoints{}, fmt.Errorf("%s is not a host, host:port or URL: %w", message.Quote(v), err)
		}
		if err := at.checkScheme(); err != nil {
			return Endpoints{}, fmt.Errorf("%s: %w", message.Quote(v), err)
		}
		e.added = append(e.added, at)
	}
	return e, nil
}

// Normalize returns an endpoint, scheme://host[:port] with an optional slash, in the form that
// this package and the HTTP client share: lower case, no default port, no slash. It does not
// check whether the endpoint is allowed. Errors do not quote the text, which may hold a
// password.
func Normalize(text string) (string, error) {
	at, err := parseEndpoint(text)
	if err != nil {
		return "", err
	}
	return at.String(), nil
}

// Check returns nil if a credential may be sent to an endpoint. Otherwise the error names the
// endpoint.
func (e Endpoints) Check(text string) error {
	at, err := parseEndpoint(text)
	if err != nil {
		return err
	}
	if at.scheme == "https" && at.port == "443" && ovhHosts.MatchString(at.host) {
		return nil
	}
	if slices.Contains(e.added, at) {
		return nil
	}
	if at.scheme == "http" {
		return fmt.Errorf("%s is not https; plain http is for loopback addresses that --allow-endpoint names as http://…", at)
	}
	return fmt.Errorf("%s is not a host of OVHcloud, and the provider's --allow-endpoint does not name it; "+
		"use a host of OVHcloud, or ask the cluster's administrator to add this one", at)
}

// String returns the endpoint in the spelling of Normalize.
func (at endpoint) String() string {
	host := at.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if at.port == defaultPort(at.scheme) {
		return at.scheme + "://" + host
	}
	return at.scheme + "://" + host + ":" + at.port
}

func defaultPort(scheme string) string {
	if scheme == "http" {
		return "80"
	}
	return "443"
}

// hostName matches a DNS name. A resolver must not get anything else.
var hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)

// parseEndpoint returns the parts of an endpoint, with its port. Errors do not quote the text.
func parseEndpoint(text string) (endpoint, error) {
	u, err := url.Parse(text)
	switch {
	case !strings.Contains(text, "://"):
		return endpoint{}, errors.New("does not begin with https://")
	case err != nil:
		return endpoint{}, errors.New("is not a URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return endpoint{}, errors.New("does not begin with https://")
	case u.User != nil:
		return endpoint{}, errors.New("holds a user name or password; drop it")
	case u.Path != "" && u.Path != "/":
		return endpoint{}, errors.New("has a path after the host")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(text, "#"):
		return endpoint{}, errors.New("has a query or fragment")
	}
	at := endpoint{scheme: u.Scheme, host: strings.ToLower(u.Hostname()), port: u.Port()}
	if at.port == "" {
		at.port = defaultPort(at.scheme)
	}
	if n, err := strconv.ParseUint(at.port, 10, 16); err != nil || strconv.FormatUint(n, 10) != at.port || n == 0 {
		return endpoint{}, errors.New("the port is not a number from 1 to 65535")
	}
	if ip, err := netip.ParseAddr(at.host); err == nil {
		at.host = ip.String()
		if ip.Zone() != "" {
			return endpoint{}, errors.New("an address with a zone cannot be used")
		}
	} else if !hostName.MatchString(at.host) || len(at.host) > 253 {
		return endpoint{}, errors.New("the host is not a valid name or address")
	}
	return at, nil
}

// checkScheme returns an error for plain HTTP to a host that is not a loopback address. It is the
// only check of an endpoint that the administrator names.
func (at endpoint) checkScheme() error {
	if at.scheme == "http" && !isLoopback(at.host) {
		return errors.New("plain http is for loopback addresses only")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// CheckScheme returns an error if the domain's endpoint is plain HTTP and not a loopback
// address, and nil if the endpoint is empty. It is the only check of an endpoint that the
// administrator names: it may be any host.
func (p Domain) CheckScheme() error {
	at, err := parseEndpoint(p.Endpoint)
	if err != nil {
		return nil // Parse has reported it
	}
	return at.checkScheme()
}
