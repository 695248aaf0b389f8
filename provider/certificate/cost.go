// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
)

// perMicrosecond is the number of steps that are taken for a microsecond of cryptography. A mount
// that uses all of its steps so computes for half a second. BenchmarkCosts compares.
const perMicrosecond = 64

// costOfByte is the steps to decode a byte of PEM, and to parse and compare the certificates in it.
const costOfByte = 3

// costOfParsing returns the steps to read a private key of so many bytes. The numbers of an RSA key
// are compared, and the public part of an ECDSA key is computed.
func costOfParsing(bytes int) int {
	units := bytes / 64
	return (500 + units*units/2) * perMicrosecond
}

// costOfVerifying returns the steps to verify a signature with a public key.
func costOfVerifying(public crypto.PublicKey) int {
	micros := 100
	switch key := public.(type) {
	case *rsa.PublicKey:
		kilobits := (key.N.BitLen() + 1023) / 1024
		micros = 20 * kilobits * kilobits
		if key.E > 1<<17 {
			micros *= 4
		}
	case *ecdsa.PublicKey:
		switch bits := key.Curve.Params().BitSize; {
		case bits > 384:
			micros = 3000
		case bits != 256: // only P-256 is written in assembly
			micros = 1000
		default:
			micros = 150
		}
	}
	return micros * perMicrosecond
}

// costOfProving returns the steps to sign with the private key of a public key, and to verify.
func costOfProving(public crypto.PublicKey) int {
	if key, is := public.(*rsa.PublicKey); is {
		kilobits := (key.N.BitLen() + 1023) / 1024
		return 150 * kilobits * kilobits * kilobits * perMicrosecond
	}
	return 2 * costOfVerifying(public)
}

// costOfKeystore is the steps to make a keystore: the password is hashed 2,048 times for each salt,
// at most four times, one after the other.
const costOfKeystore = 3000 * perMicrosecond
