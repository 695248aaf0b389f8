// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"ovhcloud-csi-provider/provider/config"
	"ovhcloud-csi-provider/provider/place"
)

// Options are what findings depend on besides the sources. The zero value is none of it.
type Options struct {
	// Namespace is that of objects that name none; "" if it is not known.
	Namespace string
	// Endpoints are the hosts besides OVHcloud's that the provider sends credentials to.
	Endpoints place.Endpoints
	// Connections are those of the provider; nil if they are not known.
	Connections map[string]config.Connection
	// Applied are the classes that running pods have.
	Applied []Source
}
