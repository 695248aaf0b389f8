// SPDX-License-Identifier: Apache-2.0

package certificate

import "bytes"

// Limits of a password in bytes.
const (
	leastOfJKS   = 6 // keytool's
	mostPassword = 1024
)

// checkPassword returns an error for a password that programs could not open the keystore with. Java
// before version 18 opens PKCS #12 with printable ASCII only, and JKS has no encoding for the rest
// that programs agree on.
func checkPassword(k Keystore, password []byte) error {
	outside := func(r rune) bool { return r < ' ' || r > '~' }
	switch bare := bytes.TrimRight(password, "\r\n"); {
	case len(password) == 0:
		return wrong("the password of the keystore is empty, and a keystore needs one; store it")
	case len(bare) < len(password) && !bytes.ContainsFunc(bare, outside):
		return wrong("the password of the keystore ends in a line break; store it without")
	case bytes.ContainsFunc(password, outside):
		return wrong("the password of the keystore has a character that is not printable ASCII, and Java could not open " +
			"the keystore; use another password")
	case len(password) > mostPassword:
		return wrong("the password of the keystore has %d bytes; at most %d are supported", len(password), mostPassword)
	case k == JKS && len(password) < leastOfJKS:
		return wrong("the password of the keystore has fewer than %d characters, the least for JKS; use a longer one, or "+
			"keystore: pkcs12", leastOfJKS)
	}
	return nil
}
