// SPDX-License-Identifier: Apache-2.0

package connections

import (
	"fmt"
	"os"
	"testing"
)

// TestALinkTwoFoldersUpIsWatched: a link on the path to a credential's folder may be replaced. Only
// a watch on the folder of the link sees this. The test replaces it 20 times, since the change may
// be seen by chance during a reload.
func TestALinkTwoFoldersUpIsWatched(t *testing.T) {
	link := func(g *ground, state int) {
		g.write(fmt.Sprintf("states/%d/default/token", state), fmt.Sprint("token", state))
		g.must(os.Symlink(g.path(fmt.Sprint("states/", state)), g.path("next")))
		g.must(os.Rename(g.path("next"), g.path("credentials")))
	}
	g := newGround(t, func(g *ground) {
		g.write("config/config.yaml", g.config())
		link(g, 0)
	})
	g.inUse("token0")
	for state := 1; state <= 20; state++ {
		link(g, state)
		g.inUse(fmt.Sprint("token", state))
	}
}
