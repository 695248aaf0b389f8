// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var (
	state   = flag.String("state", "", "TestSimulate: the file that says where it stood")
	minutes = flag.Float64("minutes", 0, "TestSimulate: for how long it runs; 0 runs -histories")
)

// progress is what TestSimulate has done so far, in all its runs.
type progress struct {
	Next uint64 // the first seed that did not run yet
	totals
	Bad []string // the histories that broke a rule, a line each
}

// readProgress returns the progress in a file; the zero progress begins at seed 1 if there is none.
func readProgress(path string) (p progress, err error) {
	text, err := os.ReadFile(filepath.Clean(path))
	if errors.Is(err, fs.ErrNotExist) {
		return progress{Next: 1}, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		return p, fmt.Errorf("cannot read %s: %w", path, err)
	}
	return p, nil
}

// write replaces the file, so that a run that is killed leaves the progress before or after it.
func (p progress) write(path string) error {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// TestSimulate goes on from where the run before ended, for -minutes or -histories. It does not run
// without -state.
func TestSimulate(t *testing.T) {
	if *state == "" {
		t.Skip("make simulate runs it")
	}
	p, err := readProgress(*state)
	if err != nil {
		t.Fatal(err)
	}
	begin, first := time.Now(), p.Next
	over := func() bool {
		if *minutes > 0 {
			return time.Since(begin).Minutes() >= *minutes
		}
		return p.Next >= first+*histories
	}
	for !over() {
		last := p.Next + chunk*uint64(max(1, *processes))
		if *minutes == 0 {
			last = min(last, first+*histories)
		}
		sum, bad := runRange(t, p.Next, last)
		p.Next = last
		p.totals.add(sum)
		p.Bad = append(p.Bad, bad...)
		if err := p.write(*state); err != nil {
			t.Fatal(err)
		}
		for _, one := range bad {
			t.Error(one)
		}
		fmt.Printf("up to seed %d: %s, %d violations\n", last-1, p.totals, len(p.Bad))
	}
	t.Logf("seeds %d to %d are new; in all runs: %s, %d violations", first, p.Next-1, p.totals, len(p.Bad))
}

func TestARunGoesOnFromTheProgressOfTheOneBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "next")
	p, err := readProgress(path)
	if err != nil || p.Next != 1 {
		t.Fatalf("without a file: %+v, %v", p, err)
	}
	p.Next = 501
	p.totals.add(totals{500, 20, 30, time.Hour, time.Minute})
	p.Bad = []string{"seed 7"}
	if err := p.write(path); err != nil {
		t.Fatal(err)
	}
	again, err := readProgress(path)
	if err != nil || again.Next != 501 || again.totals != p.totals || len(again.Bad) != 1 {
		t.Errorf("read again: %+v, %v, want %+v", again, err, p)
	}
	if err := os.WriteFile(path, []byte("501"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readProgress(path); err == nil {
		t.Error("a file that is no progress gave no error")
	}
}
