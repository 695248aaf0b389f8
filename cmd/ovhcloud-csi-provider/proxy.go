// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// proxyVariables are the proxy variables that net/http reads
// (golang.org/x/net/http/httpproxy), except NO_PROXY.
var proxyVariables = []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"}

// checkProxies returns an error that names the first invalid proxy variable. net/http
// ignores a proxy that it cannot parse, and the variable ALL_PROXY, without an error: the
// credentials would not go through the configured proxy. The error never has the value,
// which may have a password.
func checkProxies(getenv func(string) string) error {
	for _, name := range proxyVariables {
		value := getenv(name)
		if value == "" { // net/http uses no proxy then
			continue
		}
		if err := checkProxy(value); err != nil {
			return fmt.Errorf("the environment variable %s is not a usable proxy: %w; "+
				"write it as http://HOST:PORT, or remove the variable", name, err)
		}
	}
	return checkUnused(getenv)
}

// checkUnused returns an error for variables that are meant to set a proxy, or to except hosts from it, and do
// not: ALL_PROXY without HTTPS_PROXY, and a range of addresses in NO_PROXY that net/http takes for a
// name.
func checkUnused(getenv func(string) string) error {
	first := func(names ...string) (name, value string) {
		for _, name = range names {
			if value = getenv(name); value != "" {
				break
			}
		}
		return name, value
	}
	_, used := first("HTTPS_PROXY", "https_proxy")
	if name, value := first("ALL_PROXY", "all_proxy"); value != "" && used == "" {
		return fmt.Errorf("the environment variable %s is not used, so that requests would go without a proxy; "+
			"set HTTPS_PROXY instead, or remove %[1]s", name)
	}
	name, value := first("NO_PROXY", "no_proxy")
	for entry := range strings.SplitSeq(value, ",") {
		if entry = strings.TrimSpace(entry); entry == "*" || used == "" {
			return nil // no other entry has an effect
		}
		if _, _, err := net.ParseCIDR(entry); err != nil && strings.Contains(entry, "/") {
			return fmt.Errorf("the environment variable %s has an entry with / that is not a range of addresses, and has no "+
				"effect; write a range as 10.0.0.0/8, and a host without https:// and path", name)
		}
	}
	return nil
}

// checkProxy accepts a URL with a scheme that net/http supports, or host:port. It is
// stricter than net/http, so that net/http uses every value that it accepts.
func checkProxy(value string) error {
	if strings.ContainsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return errors.New("it has white space or a control character")
	}
	if !strings.Contains(value, "://") {
		value = "http://" + value // as net/http does
	}
	u, err := url.Parse(value)
	switch {
	case err != nil:
		return proxyParseError(err)
	case !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme):
		return errors.New("its scheme is not http, https, socks5 or socks5h")
	case u.Hostname() == "":
		return errors.New("it has no host")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || strings.Contains(value, "#"):
		return errors.New("text follows the host and port; in a password, write / as %2F, ? as %3F and # as %23")
	}
	return checkProxyHost(u)
}

// proxyParseError returns the cause of an error of url.Parse, whose own text quotes the
// value.
func proxyParseError(err error) error {
	var escape url.EscapeError
	switch {
	case errors.As(err, &escape):
		return errors.New("a % is not followed by two hexadecimal digits; in a password, write % as %25")
	case strings.Contains(err.Error(), "invalid port"):
		return errors.New("its port is not a number; write an IPv6 address in brackets, " +
			"and in a password / as %2F and # as %23")
	case strings.Contains(err.Error(), "invalid userinfo"):
		return errors.New("its user name or password has a character that must be written with %, such as @ as %40")
	}
	return errors.New("it is not a URL")
}

func checkProxyHost(u *url.URL) error {
	inName := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(".-_", r) }
	isIPv6 := strings.HasPrefix(u.Host, "[") // url.Parse has checked it
	if !isIPv6 && strings.ContainsFunc(u.Hostname(), func(r rune) bool { return !inName(r) }) {
		return errors.New("its host is neither a name nor an address")
	}
	if u.Port() == "" {
		if strings.HasSuffix(u.Host, ":") {
			return errors.New("the port after the colon is missing")
		}
		return nil
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || port == 0 {
		return errors.New("its port is not from 1 to 65535")
	}
	return nil
}
