// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"ovhcloud-csi-provider/provider/okms"
)

var (
	histories = flag.Uint64("histories", 60, "how many histories TestHistories runs; of TestSimulate if it is given")
	from      = flag.Uint64("from", 1, "TestHistories: the first seed")
	processes = flag.Int("processes", runtime.NumCPU(), "how many histories run at once")
	stop      = flag.Bool("stop", false,
		"TestHistories: end with the first history that breaks a rule, and do not tell it")
	seed  = flag.Uint64("seed", 0, "TestSeed: the seed of a history to run and tell")
	file  = flag.String("file", "", "TestSeed: a file with a history instead of a seed")
	whole = flag.Bool("whole", false, "TestSeed: do not shrink the history")
)

func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "NO_PROXY", "no_proxy"} {
		_ = os.Unsetenv(name)
	}
	okms.ClearEnvironment()
	flag.Parse()
	os.Exit(m.Run())
}

// TestHistories runs histories in processes of one processor each. Two runs of a seed have the
// same events, but things that happen at the same time may have another order.
func TestHistories(t *testing.T) {
	sum, bad := runRange(t, *from, *from+*histories)
	t.Logf("seeds %d to %d: %s", *from, *from+*histories-1, sum)
	for _, one := range bad {
		t.Error(one)
	}
	if !*stop {
		tellSome(t, bad)
	}
}

// TestSeed runs one history, shrinks it if it breaks a rule, and tells its story.
func TestSeed(t *testing.T) {
	h := Generate(*seed)
	switch {
	case *file != "":
		h = read(t, *file)
	case *seed == 0:
		t.Skip("give -seed or -file")
	}
	tell(t, h, !*whole)
}

// tell runs a history and prints its story. If it breaks a rule, the test fails.
func tell(t *testing.T, h History, shrink bool) {
	t.Helper()
	runtime.GOMAXPROCS(1)
	dir := t.TempDir()
	o := Run(t, h, dir)
	if len(o.Violations) > 0 && shrink {
		rule := o.Violations[0].Rule
		h = Shrink(h, func(h History) bool {
			for range 2 {
				if breaks(Run(t, h, dir), rule) {
					return true
				}
			}
			return false
		})
		o = Run(t, h, dir)
	}
	t.Logf("the history:\n%s\nwhat happened:\n%s", h, Story(h, o))
	for _, v := range o.Violations {
		t.Error(v)
	}
}

func breaks(o Outcome, rule string) bool {
	for _, v := range o.Violations {
		if v.Rule == rule {
			return true
		}
	}
	return false
}

func read(t *testing.T, path string) History {
	t.Helper()
	text, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		t.Fatal(err)
	}
	h, err := Parse(string(text))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return h
}

func TestTheTextOfAHistoryIsReadAgain(t *testing.T) {
	for n := range uint64(50) {
		h := Generate(n)
		again, err := Parse(h.String())
		if err != nil || again.String() != h.String() {
			t.Fatalf("seed %d: %v\n%s\n%s", n, err, h, again)
		}
	}
}
