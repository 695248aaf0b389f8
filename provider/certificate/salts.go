// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math/rand/v2"
)

// salts returns what a keystore takes for random numbers: its salts and initialization vectors. A
// keystore is made again at each renewal, once a minute, and the driver writes files that differ; so
// they are computed, from everything that the keystore holds and from the password.
//
// This is safe enough. Equal keystores need equal salts only if kind, content and password are equal,
// and then the file is the same file. If anything differs, the salts differ, as random ones do: no
// key or key stream is used for two contents. And salts reveal nothing that the file does not. They
// depend on the private key, which is unknown to those who would guess the password; without one,
// the content of a keystore of certificates may be known, so a guess by the salts costs as many
// hashes as a guess by the file itself.
func salts(k Keystore, password []byte, content ...[]byte) (io.Reader, error) {
	h := sha256.New()
	for _, part := range append([][]byte{[]byte("ovhcloud-csi-provider keystore"), []byte(k)}, content...) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write(part)
	}
	seed, err := pbkdf2.Key(sha256.New, string(password), h.Sum(nil), iterations, 32)
	if err != nil {
		return nil, err
	}
	return rand.NewChaCha8([32]byte(seed)), nil
}
