package commandline

import (
	"runtime/debug"
	"strings"
)

// Version is the module's version by the build information, as semver without a v. A
// build from a work tree without version control is 0.0.0-devel.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(info.Main.Version, "v") {
		return info.Main.Version[1:]
	}
	return "0.0.0-devel"
}
