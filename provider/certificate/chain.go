package certificate

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"strings"

	"ovhcloud-csi-provider/provider/keypair"
	"ovhcloud-csi-provider/provider/message"
)

// bundle orders the certificates, and checks the key against the leaf.
func (r *reader) bundle() (*Bundle, error) {
	b := &Bundle{key: r.key, block: r.block}
	leaf, err := r.leaf()
	if err != nil {
		return nil, err
	}
	if leaf == nil { // authorities, or a key alone
		b.chain = r.all
		return b, nil
	}
	b.leaf = true
	if b.chain, err = r.above(leaf); err != nil {
		return nil, err
	}
	for _, one := range r.all {
		if !contains(b.chain, one) {
			return nil, wrong("the certificate of %s is not above that of %s, whose chain ends with one that %s issued: a certificate in between may be missing",
				subject(one.Subject.String()), subject(leaf.Subject.String()), subject(b.chain[len(b.chain)-1].Issuer.String()))
		}
	}
	return b, nil
}

// subject returns the name of a certificate for a message.
func subject(name string) string { return message.Quote(message.Bound(name, 100)) }

// contains reports whether a chain has a certificate, or another one of the same subject and key:
// authorities are certified by several others at times.
func contains(chain []*x509.Certificate, one *x509.Certificate) bool {
	for _, c := range chain {
		if c.Equal(one) || bytes.Equal(c.RawSubject, one.RawSubject) && bytes.Equal(c.RawSubjectPublicKeyInfo, one.RawSubjectPublicKeyInfo) {
			return true
		}
	}
	return false
}

// leaf returns the certificate of the private key, or without a key the one that issued no other;
// nil if there are only authorities, or no certificates.
func (r *reader) leaf() (*x509.Certificate, error) {
	if len(r.all) == 0 {
		return nil, nil
	}
	if r.key != nil {
		return r.ofKey()
	}
	var leaves []*x509.Certificate
	for _, one := range r.all {
		if !one.IsCA {
			leaves = append(leaves, one)
		}
	}
	switch len(leaves) {
	case 0:
		return r.lowest(), nil
	case 1:
		return leaves[0], nil
	}
	return nil, wrong("holds %d certificates that are not of authorities: %s and %s; name keys with one of them", len(leaves),
		subject(leaves[0].Subject.String()), subject(leaves[1].Subject.String()))
}

// lowest returns the only authority that issued none of the others; nil if there are several.
func (r *reader) lowest() (lowest *x509.Certificate) {
	for _, one := range r.all {
		issued := false
		for _, other := range r.all {
			issued = issued || other != one && bytes.Equal(other.RawIssuer, one.RawSubject)
		}
		switch {
		case issued:
		case lowest != nil:
			return nil
		default:
			lowest = one
		}
	}
	return lowest
}

// ofKey returns the certificate of the private key.
func (r *reader) ofKey() (*x509.Certificate, error) {
	public, _ := r.key.Public().(interface{ Equal(crypto.PublicKey) bool })
	for _, one := range r.all {
		if public == nil || !public.Equal(one.PublicKey) {
			continue
		}
		kilobits := 2
		if key, is := one.PublicKey.(*rsa.PublicKey); is {
			kilobits = key.N.BitLen()/1024 + 1
		}
		if err := r.steps.Take(possessCost * kilobits * kilobits * kilobits); err != nil {
			return nil, err
		}
		if err := keypair.ProvePossession(r.key, one.PublicKey); err != nil {
			return nil, wrong("%s holds a private key that is not that of the certificate of %s: %s", r.from, subject(one.Subject.String()), err)
		}
		return one, nil
	}
	var subjects []string
	for _, one := range r.all[:min(len(r.all), 3)] {
		subjects = append(subjects, subject(one.Subject.String()))
	}
	return nil, wrong("%s holds a private key that is of none of the certificates, which are of %s", r.from, strings.Join(subjects, ", "))
}

// above returns the chain of a certificate, as far as it is there. Names alone do not prove that one
// issued the other: signatures do.
func (r *reader) above(leaf *x509.Certificate) ([]*x509.Certificate, error) {
	chain := []*x509.Certificate{leaf}
	for at := leaf; !bytes.Equal(at.RawIssuer, at.RawSubject); {
		var issuer *x509.Certificate
		for _, one := range r.all {
			if issuer != nil || contains(chain, one) || !bytes.Equal(one.RawSubject, at.RawIssuer) {
				continue
			}
			if err := r.steps.Take(signatureCost); err != nil {
				return nil, err
			}
			if at.CheckSignatureFrom(one) == nil {
				issuer = one
			}
		}
		if issuer == nil {
			break
		}
		chain, at = append(chain, issuer), issuer
	}
	return chain, nil
}
