// SPDX-License-Identifier: Apache-2.0

package class

import "ovhcloud-csi-provider/provider/certificate"

// Certificate is what an object makes of PEM: a part, or a keystore.
type Certificate struct {
	Part        certificate.Part     // "" for a keystore
	Keystore    certificate.Keystore // "" for a part
	PasswordKey string               // of the keystore, in the source PasswordSource
}

// PasswordSource is the name of the source that has the password of a keystore. No source of a
// template can have it.
const PasswordSource = "certificate.password"
