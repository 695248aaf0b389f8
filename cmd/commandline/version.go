package commandline

import (
	"runtime/debug"
	"strings"
)

// Version returns the module's version from the build information, as semver without a v.
// It is 0.0.0-devel for a build from a work tree without version control.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(info.Main.Version, "v") {
		return info.Main.Version[1:]
	}
	return "0.0.0-devel"
}
