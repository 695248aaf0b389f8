// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"ovhcloud-csi-provider/provider/keypair"
	"ovhcloud-csi-provider/provider/message"
)

// chain returns the leaf and the certificates above it, and true. Certificates of authorities alone
// need not be a chain: if they are none, it returns them as they are, and false.
func (p *pieces) chain() (all []found, hasLeaf bool, err error) {
	leaf, err := p.leaf()
	switch {
	case err != nil:
		return nil, false, err
	case leaf == nil:
		return p.authorities()
	}
	all, rest, err := p.climb(*leaf)
	if err == nil && len(rest) > 0 {
		err = unconnected(all, rest)
	}
	return all, true, err
}

// authorities returns the chain of certificates if they are one.
func (p *pieces) authorities() (all []found, isChain bool, err error) {
	lowest := p.lowest(p.certificates)
	if len(lowest) != 1 {
		return p.certificates, false, nil
	}
	chain, rest, err := p.climb(lowest[0])
	if err != nil || len(rest) > 0 {
		return p.certificates, false, err
	}
	return chain, true, nil
}

// lowest returns those of some certificates that have issued no other one, by their names.
func (p *pieces) lowest(of []found) (lowest []found) {
	for _, one := range of {
		issued := false
		for _, other := range p.certificates {
			issued = issued || other.Certificate != one.Certificate && one.maybeIssued(other)
		}
		if !issued {
			lowest = append(lowest, one)
		}
	}
	return lowest
}

// leaf returns the certificate of the private key or, without one, the only certificate that is not
// an authority's. It returns nil if there are only certificates of authorities, or none.
func (p *pieces) leaf() (*found, error) {
	if p.key != nil && len(p.certificates) > 0 {
		return p.leafOfKey()
	}
	var ends []found
	for _, one := range p.certificates {
		if one.isEnd() {
			ends = append(ends, one)
		}
	}
	if len(ends) == 0 {
		return nil, nil
	}
	leaves := p.lowest(ends) // an old certificate of an authority may not say that it is one
	if len(leaves) != 1 {
		return nil, wrong("%d certificates are not of an authority: %s; name only the keys of one of them and of its chain",
			len(ends), subjects(ends))
	}
	return &leaves[0], nil
}

// leafOfKey returns the certificate of the private key.
func (p *pieces) leafOfKey() (*found, error) {
	where := "the private key in the key " + message.Quote(p.key.from)
	public, _ := p.key.Public().(interface{ Equal(crypto.PublicKey) bool })
	var leaves []found
	for _, one := range p.certificates {
		if public != nil && public.Equal(one.PublicKey) {
			leaves = append(leaves, one)
		}
	}
	switch len(leaves) {
	case 0:
		return nil, wrong("%s is not of any of the certificates: %s; store the certificate and the private key of one pair",
			where, subjects(p.certificates))
	case 1:
	default:
		return nil, wrong("%s has %d certificates: %s until %s, and %s until %s; keep one", where, len(leaves),
			leaves[0], leaves[0].NotAfter.UTC().Format(time.DateOnly), leaves[1], leaves[1].NotAfter.UTC().Format(time.DateOnly))
	}
	if key, is := leaves[0].PublicKey.(*rsa.PublicKey); is && key.N.BitLen() < leastModulus {
		return nil, wrong("%s has %d bits; use one of at least 2048 bits", where, key.N.BitLen())
	}
	if err := p.steps.Take(costOfProving(leaves[0].PublicKey)); err != nil {
		return nil, err
	}
	if err := keypair.ProvePossession(p.key.Signer, leaves[0].PublicKey); err != nil {
		return nil, wrong("%s is not that of the certificate of %s: %s; store the certificate and the private key of "+
			"one pair", where, leaves[0], err)
	}
	return &leaves[0], nil
}

// leastModulus is the smallest RSA key in bits that crypto/rsa signs with.
const leastModulus = 1024

// climbing is a chain, and which of the certificates are in it.
type climbing struct {
	chain []found
	taken []bool // by the place in pieces.certificates
}

// climb returns the chain of a leaf: above each certificate its issuer, and further issuers of the
// same name and key (cross-signed certificates) behind the end of the first one's chain, all in the
// order of the texts. rest is the certificates that are not in it.
func (p *pieces) climb(leaf found) (chain, rest []found, err error) {
	c := climbing{chain: []found{leaf}, taken: make([]bool, len(p.certificates))}
	for i, one := range p.certificates {
		c.taken[i] = one.Certificate == leaf.Certificate
	}
	if err := p.climbFrom(&c, leaf); err != nil {
		return nil, nil, err
	}
	for i, one := range p.certificates {
		if !c.taken[i] {
			rest = append(rest, one)
		}
	}
	return c.chain, rest, nil
}

// climbFrom adds the issuers of a certificate of the chain, and theirs. It is called once for each
// certificate, so each two are compared once.
func (p *pieces) climbFrom(c *climbing, below found) error {
	for i, above := range p.certificates {
		if c.taken[i] {
			continue
		}
		issued, err := p.issued(above, below)
		if err != nil {
			return err
		}
		if !issued {
			continue
		}
		c.taken[i] = true
		c.chain = append(c.chain, above)
		if err := p.climbFrom(c, above); err != nil {
			return err
		}
	}
	return nil
}

// issued reports whether a certificate issued another one: it has the name of the issuer, and its
// key verifies the signature. If the signature is of a kind that cannot be verified, such as one
// with MD5, the identifiers of the key decide.
func (p *pieces) issued(above, below found) (bool, error) {
	if !above.maybeIssued(below) {
		return false, nil
	}
	if err := p.steps.Take(costOfVerifying(above.PublicKey)); err != nil {
		return false, err
	}
	err := above.CheckSignature(below.SignatureAlgorithm, below.RawTBSCertificate, below.Signature)
	if _, insecure := errors.AsType[x509.InsecureAlgorithmError](err); insecure ||
		errors.Is(err, x509.ErrUnsupportedAlgorithm) {
		named := len(below.AuthorityKeyId) > 0 && len(above.SubjectKeyId) > 0
		return !named || bytes.Equal(below.AuthorityKeyId, above.SubjectKeyId), nil
	}
	return err == nil, nil
}

// unconnected returns the error for certificates that are not in a chain.
func unconnected(chain, rest []found) error {
	for _, other := range rest {
		for _, below := range chain {
			if other.maybeIssued(below) {
				return wrong("the certificate of %s has the name of the issuer of %s, but did not sign it; store the certificate "+
					"that did", other, below)
			}
		}
	}
	for _, last := range chain {
		if rest[0].isEnd() || last.selfIssued() ||
			slices.ContainsFunc(chain, func(f found) bool { return f.maybeIssued(last) }) {
			continue
		}
		return wrong("the certificate of %s is missing, which issued that of %s, so that of %s does not connect; add the "+
			"missing one, or drop the other",
			quote(last.Issuer), last, rest[0])
	}
	return wrong("the certificate of %s is not in the chain of %s; drop it", rest[0], chain[0])
}
