// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// overdue counts the mounts that still run although their time is over and they have
// been answered. A mount that never ends keeps what it has taken of the budget until the
// process ends.
type overdue struct{ running atomic.Int64 }

// begin counts a mount. The returned function, called when the mount ends, stops
// counting it; further calls do nothing.
func (o *overdue) begin() (end func()) {
	o.running.Add(1)
	return sync.OnceFunc(func() { o.running.Add(-1) })
}

// err returns nil if no mount is overdue. Liveness fails while one is, so that kubelet
// restarts the container.
func (o *overdue) err() error {
	const cure = "if this lasts, restart the provider's pod and report the log of the mount"
	switch n := o.running.Load(); n {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("1 mount did not end when its time was over; %s", cure)
	default:
		return fmt.Errorf("%d mounts did not end when their time was over; %s", n, cure)
	}
}
