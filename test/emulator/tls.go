// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"time"
)

// authority is the emulator's CA. It signs server and client certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issued is a signed certificate with its key.
type issued struct {
	der             []byte
	certPEM, keyPEM []byte
}

// newAuthority makes a CA. It panics if that fails, which neither random numbers nor this template can cause.
func newAuthority() *authority {
	must := func(err error) {
		if err != nil {
			panic(fmt.Sprint("making the emulator's CA: ", err))
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template := newTemplate("OKMS emulator CA", 10*365*24*time.Hour)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(err)
	cert, err := x509.ParseCertificate(der)
	must(err)
	return &authority{cert: cert, key: key}
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// newTemplate returns a template that is valid until lifetime from now. lifetime may be negative;
// the validity always began earlier.
func newTemplate(name string, lifetime time.Duration) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // never fails
	now := time.Now()
	end := now.Add(lifetime)
	begin := now.Add(-time.Hour)
	if !end.After(begin) {
		begin = end.Add(-time.Hour)
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: begin, NotAfter: end,
	}
}

// sign returns a signed certificate with a new key.
func (a *authority) sign(template *x509.Certificate) (*issued, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return a.signFor(template, key)
}

// signFor returns a signed certificate of a key.
func (a *authority) signFor(template *x509.Certificate, key crypto.Signer) (*issued, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return &issued{
		der:     der,
		certPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		keyPEM:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	}, nil
}

// issueClient returns a client certificate for a key; nil means a new key.
func (a *authority) issueClient(name, okmsID string, lifetime time.Duration, key crypto.Signer) (*issued, error) {
	template := newTemplate(name, lifetime)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	template.Subject.OrganizationalUnit = []string{okmsID}
	if key != nil {
		return a.signFor(template, key)
	}
	return a.sign(template)
}

// issueServer returns a server certificate for localhost and the hosts, which are DNS names or IP
// addresses.
func (a *authority) issueServer(hosts []string) (tls.Certificate, error) {
	template := newTemplate("OKMS emulator", 365*24*time.Hour)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames = []string{"localhost"}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip == nil {
			template.DNSNames = append(template.DNSNames, host)
		} else if !slices.ContainsFunc(template.IPAddresses, ip.Equal) {
			template.IPAddresses = append(template.IPAddresses, ip)
		}
	}
	made, err := a.sign(template)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(made.certPEM, made.keyPEM)
}

// tlsConfig returns a configuration with optional client certificates. It checks them in
// VerifyConnection instead of ClientAuth, because that sends the alert bad_certificate, which was
// seen on the live service.
func (e *Emulator) tlsConfig(hosts []string) (*tls.Config, error) {
	cert, err := e.ca().issueServer(hosts)
	if err != nil {
		return nil, fmt.Errorf("issuing the server's certificate: %w", err)
	}
	config := &tls.Config{
		MinVersion:       tls.VersionTLS12,
		Certificates:     []tls.Certificate{cert},
		ClientAuth:       tls.RequestClientCert,
		ClientCAs:        e.ca().pool(),
		NextProtos:       []string{"h2", "http/1.1"},
		VerifyConnection: e.verifyConnection,
	}
	// In TLS 1.3 the handshake of a client is complete before the server refuses it, so the
	// client often sees a closed connection instead of the alert. An injected alert is
	// therefore sent in TLS 1.2, unless the client requires 1.3.
	refusing := config.Clone()
	refusing.MaxVersion = tls.VersionTLS12
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if e.faults.alerting() && slices.Contains(hello.SupportedVersions, tls.VersionTLS12) {
			return refusing, nil
		}
		return nil, nil // use config itself
	}
	return config, nil
}

func (e *Emulator) verifyConnection(state tls.ConnectionState) error {
	if e.faults.takeAlert() {
		return errors.New("refused by an injected fault")
	}
	if len(state.PeerCertificates) == 0 {
		return nil
	}
	cert := state.PeerCertificates[0]
	_, err := cert.Verify(x509.VerifyOptions{
		Roots: e.ca().pool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return fmt.Errorf("verifying the client certificate: %w", err)
	}
	if !e.admitsCertificate(cert) {
		return errors.New("the client certificate has no permission")
	}
	return nil
}
