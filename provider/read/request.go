// SPDX-License-Identifier: Apache-2.0

package read

import (
	"time"

	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/pace"
)

// request is one read of a mount.
type request struct {
	ref   okms.Ref
	mount *pace.Mount
	// maxAge is how old a value may be that is served without asking the store, if that is more
	// than the TTL; keep is that of a later renewal.
	maxAge, keep time.Duration
}
