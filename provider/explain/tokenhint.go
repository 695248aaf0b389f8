// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"cmp"

	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/okms"
)

// refusedClientAdvice returns what to do if the token endpoint refuses an OAuth2 client.
func refusedClientAdvice(c credential.Credential) string {
	const check = "check clientId and clientSecret, and tokenUrl: " +
		"set it if the OVHcloud account is not of the region's continent"
	return cmp.Or(c.Hint(), check) + "; OKMS was not asked"
}

// movedAdvice returns what to do if a token endpoint of OVHcloud may have moved. It returns
// "" if the endpoint answers.
func movedAdvice(c credential.Credential, e *okms.Error) string {
	successor := c.Client().Successor()
	if successor == "" {
		return ""
	}
	switch {
	case e.Status == 0, e.Status >= 300 && e.Status < 400, e.Status == 404, e.Status == 410:
		return "; if this persists, OVHcloud may have moved it: set tokenUrl to " + successor
	}
	return ""
}
