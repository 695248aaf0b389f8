// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"flag"
	"os"
	"testing"
)

// atOnce is how many parallel tests of a package run at once. Most of them wait for a
// timeout, so this does not depend on the number of processors.
const atOnce = "24"

// Main runs the tests of a package, up to 24 parallel ones at once unless -parallel is
// given, and exits. A package calls it in its TestMain.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is Main without the exit. It returns the exit status.
func Run(m *testing.M) int {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", atOnce); err != nil {
			panic(err) // package testing has the flag
		}
	}
	return m.Run()
}
