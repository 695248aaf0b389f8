// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http/httpproxy"

	"ovhcloud-csi-provider/test/harness"
)

// goodProxies are valid values of proxy variables.
var goodProxies = []string{
	"http://proxy.example:3128", "https://proxy.example:443/", "socks5://10.0.0.1:1080", "socks5h://proxy",
	"HTTP://PROXY:3128",
	"proxy.example:3128", "proxy", "10.0.0.1:3128", "localhost:65535",
	"http://[2001:db8::1]:3128", "[::1]:3128", "http://[fe80::1%25eth0]:3128",
	"http://user:pl4nted@proxy.example:3128", "user:pl4nted@proxy:3128", "http://user:pl4nted%40%2F%25@proxy:3128",
	"http://us_er@my_proxy-1:3128",
	"http://user:p:w@@proxy:3128", "http://bücher.example:3128",
}

// badProxies are values that net/http ignores or cannot use, with a part of the error. The
// password in them is pl4nted.
var badProxies = []struct{ value, want string }{
	{"http//proxy:3128", "text follows the host and port"},
	{"http:/proxy:3128", "text follows the host and port"},
	{"http:proxy:3128", "its port is not a number"},
	{"//proxy:3128", "it has no host"},
	{"://proxy:3128", "it is not a URL"},
	{"http://", "it has no host"},
	{"http://:3128", "it has no host"},
	{":3128", "it has no host"},
	{"http://user:pl4nted@", "it has no host"},
	{"http://user:pl4nted@:3128", "it has no host"},
	{"proxy:port", "its port is not a number"},
	{"proxy:31x28", "its port is not a number"},
	{"proxy:-1", "its port is not a number"},
	{"http://proxy:$PORT", "its port is not a number"},
	{"http://proxy:", "the port after the colon is missing"},
	{"http://proxy:99999", "its port is not from 1 to 65535"},
	{"http://proxy:65536", "its port is not from 1 to 65535"},
	{"proxy:0", "its port is not from 1 to 65535"},
	{"http://proxy:99999999999999999999", "its port is not from 1 to 65535"},
	{"ftp://x", "its scheme is not http, https, socks5 or socks5h"},
	{"socks4://proxy:1080", "its scheme is not"},
	{"socks://proxy:1080", "its scheme is not"},
	{"unix:///run/proxy.sock", "its scheme is not"},
	{"htp://user:pl4nted@proxy:3128", "its scheme is not"},
	{"pl4nted://user@proxy:3128", "its scheme is not"},
	{"http://user:pl4nted%zz@proxy:3128", "a % is not followed by two hexadecimal digits"},
	{"http://user:pl4nted%@proxy:3128", "a % is not followed by two hexadecimal digits"},
	{"user:pl4nted%4@proxy:3128", "a % is not followed by two hexadecimal digits"},
	{"http://pro%20xy:3128", "a % is not followed by two hexadecimal digits"},
	{"http://user:pl4nted/x@proxy:3128", "its port is not a number"},
	{"http://user:pl4nted#x@proxy:3128", "its port is not a number"},
	{"http://user:1234#pl4nted@proxy:3128", "text follows the host and port"},
	{"http://user:1234?pl4nted@proxy:3128", "text follows the host and port"},
	{"http://proxy:3128/pl4nted", "text follows the host and port"},
	{"http://proxy:3128?", "text follows the host and port"},
	{"http://proxy:3128#", "text follows the host and port"},
	{"http://user:pl4nted<x@proxy:3128", "its user name or password has a character"},
	{"http://user:pl4ntedü@proxy:3128", "its user name or password has a character"},
	{"http://user:pl4nted\xff@proxy:3128", "its user name or password has a character"},
	{" http://proxy:3128", "white space or a control character"},
	{"http://proxy:3128\n", "white space or a control character"},
	{"http://user:pl4nted\x00@proxy:3128", "white space or a control character"},
	{"http://user:pl4 nted@proxy:3128", "white space or a control character"},
	{"http://proxy\x7f:3128", "white space or a control character"},
	{"http://proxy\u00a0:3128", "white space or a control character"},
	{"http://proxy\u200b:3128", "white space or a control character"},
	{" ", "white space or a control character"},
	{`"http://proxy:3128"`, "it is not a URL"},
	{"'proxy:3128'", "its port is not a number"},
	{"<proxy>", "its host is neither a name nor an address"},
	{"proxy1,proxy2", "its host is neither a name nor an address"},
	{"proxy=none", "its host is neither a name nor an address"},
	{"http://${PROXY}", "it is not a URL"},
	{"2001:db8::1", "write an IPv6 address in brackets"},
	{"http://[2001:db8::1", "it is not a URL"},
	{"http://[10.0.0.1]:3128", "it is not a URL"},
	{"http://[::1]x:3128", "its port is not a number"},
}

func TestValidProxies(t *testing.T) {
	for _, value := range append(goodProxies, "") {
		for _, name := range proxyVariables {
			if err := checkProxies(environment{name: value}.get); err != nil {
				t.Errorf("%s=%q: %v", name, value, err)
			}
		}
	}
}

// environment holds environment variables.
type environment map[string]string

func (e environment) get(name string) string { return e[name] }

// proxied is an environment with a proxy and a variable.
func proxied(name, value string) environment {
	return environment{name: value, "HTTPS_PROXY": "proxy:3128"}
}

func TestVariablesThatDoNotSetAProxy(t *testing.T) {
	const all, no = " is not used, so that requests would go without a proxy; set HTTPS_PROXY instead, or remove ",
		" has an entry with / that is not a range of addresses, and has no effect; write a range as 10.0.0.0/8, and a host " +
			"without https:// and path"
	for _, c := range []struct {
		variables environment
		want      string
	}{
		{environment{"ALL_PROXY": "http://pl4nted:3128"}, "ALL_PROXY" + all + "ALL_PROXY"},
		{environment{"all_proxy": "pl4nted", "HTTP_PROXY": "proxy:3128"}, "all_proxy" + all + "all_proxy"},
		{environment{"ALL_PROXY": "socks5://proxy", "HTTPS_PROXY": "proxy:3128"}, ""},
		{environment{"all_proxy": "socks5://proxy", "https_proxy": "proxy:3128"}, ""},
		{proxied("NO_PROXY", ".svc, 10.0.0.0/8,fd00::/8 ,10.1.2.3:80,[::1]:80,*.example,"), ""},
		{proxied("no_proxy", "*,10.0/16"), ""},
		{proxied("NO_PROXY", ".svc,10.0.0.0/99"), "NO_PROXY" + no},
		{proxied("no_proxy", "https://pl4nted"), "no_proxy" + no},
		{proxied("no_proxy", "pl4nted/"), "no_proxy" + no},
		{proxied("NO_PROXY", "10.0/16,*"), "NO_PROXY" + no},
		{environment{"NO_PROXY": ".svc", "no_proxy": "10.0/16", "HTTPS_PROXY": "proxy"}, ""}, // the second is not read
		{environment{"NO_PROXY": "10.0/16"}, ""},                                             // there is no proxy
	} {
		err := checkProxies(c.variables.get)
		if (err == nil) != (c.want == "") || err != nil && err.Error() != "the environment variable "+c.want {
			t.Errorf("%v: got %v, want %s", c.variables, err, c.want)
		}
	}
}

func TestAnInvalidProxyEndsTheDaemon(t *testing.T) {
	for _, name := range proxyVariables {
		t.Setenv(name, "")
	}
	stopped, stop := context.WithCancel(t.Context())
	stop() // a daemon that serves ends at once
	for i, c := range badProxies {
		if strings.Contains(c.value, "\x00") {
			continue // no environment can hold it
		}
		name := proxyVariables[i%len(proxyVariables)]
		t.Setenv(name, c.value)
		var out, errs bytes.Buffer
		code := run(stopped, []string{"--endpoint=unix://" + harness.SocketPath(t), "--admin-address="}, &out, &errs)
		prefix := "ovhcloud-csi-provider: the environment variable " + name + " is not a usable proxy: "
		if code != 2 || !strings.HasPrefix(errs.String(), prefix) || out.Len() > 0 {
			t.Errorf("%s=%q: exit status %d, %s%s", name, c.value, code, &out, &errs)
		}
		t.Setenv(name, "")
	}
}

func TestTheErrorsOfProxies(t *testing.T) {
	for _, c := range badProxies {
		err := checkProxy(c.value)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.value, err, c.want)
			continue
		}
		if strings.Contains(err.Error(), "pl4nted") || len(c.value) > 5 && strings.Contains(err.Error(), c.value) {
			t.Errorf("%q is quoted: %v", c.value, err)
		}
	}
}

// FuzzProxy checks that net/http uses every proxy that checkProxy accepts. net/http has a
// copy of httpproxy.
func FuzzProxy(f *testing.F) {
	for _, value := range goodProxies {
		f.Add(value)
	}
	for _, c := range badProxies {
		f.Add(c.value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if value == "" || checkProxy(value) != nil {
			return
		}
		config := httpproxy.Config{HTTPSProxy: value, HTTPProxy: value}
		for _, scheme := range []string{"http", "https"} {
			used, err := config.ProxyFunc()(&url.URL{Scheme: scheme, Host: "okms.example"})
			if err != nil || used == nil {
				t.Fatalf("%q is ignored: %v, %v", value, used, err)
			}
			if !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, used.Scheme) || used.Hostname() == "" {
				t.Fatalf("%q is used as %s", value, used.Redacted())
			}
		}
	})
}
