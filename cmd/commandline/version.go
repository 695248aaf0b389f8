// SPDX-License-Identifier: Apache-2.0

package commandline

import (
	"runtime/debug"
	"strings"
)

// version is set by the linker for a release (make release), without a v.
var version string

// Version returns the version of the release as semver without a v. For other builds it is the
// module's version from the build information, or 0.0.0-devel if there is no version control.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(info.Main.Version, "v") {
		return info.Main.Version[1:]
	}
	return "0.0.0-devel"
}
