package connections

import (
	"fmt"
	"os"
	"testing"
)

// TestALinkTwoFoldersUpIsSeen: a credential's folder may be reached through a link, which
// is swapped at each change. Only a watch on the folder that holds the link sees this. It
// is swapped often, since a swap during a reload may be seen by chance.
func TestALinkTwoFoldersUpIsSeen(t *testing.T) {
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
