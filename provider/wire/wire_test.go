// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// within returns an error wrapped as net/http does.
func within(err error) error {
	return &url.Error{Op: "Get", URL: "https://x.example/" + planted, Err: fmt.Errorf("%s: %w", planted, err)}
}

func dialling(err error) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: err}
}

func TestExplain(t *testing.T) {
	errno := func(e syscall.Errno) error { return dialling(os.NewSyscallError("connect", e)) }
	alert := func(text string) error { return &net.OpError{Op: "remote error", Err: errors.New("tls: " + text)} }
	named := &x509.Certificate{DNSNames: []string{planted}}
	for _, c := range []struct {
		err   error
		cause Cause
		text  string
	}{
		{errors.New(planted), NoAnswer, "the exchange failed"},
		{ErrFull, NodeFull, "the provider on this node has too many connections to OKMS at once"},
		{ErrSwitched, Switched, "answered 101 Switching Protocols, which was not requested"},
		{errProxyAddress, Proxy, "the proxy that the environment names is not a valid URL"},
		{&proxyError{"proxy.example:3128", 407}, Proxy, "the proxy proxy.example:3128 refused the connection (HTTP 407)"},
		{&proxyUnusable{"p.example", errno(syscall.ECONNREFUSED)}, Proxy,
			"the proxy p.example cannot be used: connection refused"},
		{&proxyUnusable{"p.example", errors.New(planted)}, Proxy, "the proxy p.example cannot be used: the exchange failed"},
		{dialling(&net.DNSError{Err: planted, Name: planted, IsNotFound: true}), NoAnswer,
			"name lookup failed: no such host"},
		{dialling(&net.DNSError{Err: planted, IsTimeout: true}), NoAnswer, "name lookup failed: no answer in time"},
		{dialling(&net.DNSError{Err: planted, Server: planted}), NoAnswer, "name lookup failed"},
		{errno(syscall.ECONNREFUSED), NoAnswer, "connection refused"},
		{errno(syscall.ECONNRESET), NoAnswer, "the connection was reset"},
		{errno(syscall.EHOSTUNREACH), NoAnswer, "the host is unreachable"},
		{errno(syscall.ENETUNREACH), NoAnswer, "the network is unreachable"},
		{errno(syscall.EPERM), NoAnswer, "this node forbids the connection"},
		{errno(syscall.EMFILE), NoAnswer, "this program has too many open files"},
		{errno(syscall.ETIMEDOUT), NoAnswer, "no answer in time"},
		{dialling(os.ErrDeadlineExceeded), TimedOut, "no answer in time"},
		{context.DeadlineExceeded, TimedOut, "no answer in time"},
		{io.EOF, NoAnswer, "the connection was closed"},
		{io.ErrUnexpectedEOF, NoAnswer, "the connection was closed"},
		{tls.RecordHeaderError{Msg: planted}, NoAnswer, "the server does not speak TLS"},
		{alert("bad certificate"), LoginRefused, "refused the TLS handshake: bad certificate"},
		{alert("handshake failure"), NoAnswer, "refused the TLS handshake: handshake failure"},
		{alert(planted), NoAnswer, "ended the TLS connection with an alert"},
		{errors.New("malformed HTTP response " + planted), NoAnswer, "the answer is not HTTP"},
		{errors.New("failed to parse Location header " + planted), NoAnswer, "answered with a redirect that cannot be read"},
		{errors.New("http2: server sent GOAWAY; debug=" + planted), NoAnswer, "the server aborted the exchange"},
		{errors.New("tls: " + planted), NoAnswer, "the TLS connection failed"},
		{&tls.CertificateVerificationError{Err: errors.New(planted)}, BadCertificate,
			"the certificate is not valid for a server"},
		{&tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: named, Host: "okms.example"}}, WrongName,
			"the certificate is not for okms.example"},
	} {
		for _, err := range []error{c.err, within(c.err)} {
			if got := Explain(err); got != (Failure{c.cause, c.text}) || strings.Contains(got.Text, planted) {
				t.Errorf("%v:\n got %+v\nwant %s: %s", err, got, c.cause, c.text)
			}
		}
	}
}

// TestACertificateOfTheChainThatIsOutOfTime checks a chain of which crypto/x509 only reports that
// the authority is unknown.
func TestACertificateOfTheChainThatIsOutOfTime(t *testing.T) {
	now := time.Now()
	root, rootKey := issue(t, "root", nil, nil, now.Add(time.Hour))
	between, betweenKey := issue(t, "between", root, rootKey, now.Add(-time.Minute))
	leaf, _ := issue(t, "leaf", between, betweenKey, now.Add(time.Hour))
	other, _ := issue(t, "other", nil, nil, now.Add(-time.Minute))
	roots := x509.NewCertPool()
	roots.AddCert(root)
	explain := func(sent ...*x509.Certificate) Failure {
		t.Helper()
		intermediates := x509.NewCertPool()
		for _, c := range sent[1:] {
			intermediates.AddCert(c)
		}
		_, err := sent[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates})
		if err == nil {
			t.Fatal("the chain is trusted")
		}
		return Explain(&tls.CertificateVerificationError{UnverifiedCertificates: sent, Err: err})
	}
	ended := between.NotAfter.UTC().Format(time.DateTime)
	want := "a certificate authority of the certificate expired on " + ended + " UTC"
	if got := explain(leaf, between); got != (Failure{Expired, want}) {
		t.Errorf("got %+v, want %s", got, want)
	}
	for _, sent := range [][]*x509.Certificate{{leaf}, {leaf, other}} {
		if got := explain(sent...); got.Cause != UnknownAuthority {
			t.Errorf("got %+v", got)
		}
	}
}
