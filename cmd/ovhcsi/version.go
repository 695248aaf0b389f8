package main

import (
	"runtime/debug"
	"strings"
)

// version is the module's version by the build information, as the daemon prints its own:
// semver without a v. A build from a work tree without version control is 0.0.0-devel.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(info.Main.Version, "v") {
		return info.Main.Version[1:]
	}
	return "0.0.0-devel"
}
