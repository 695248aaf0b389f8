// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// chunk is how many histories a process runs at most.
const chunk = 250

// mostTold is how many bad histories of a run are shrunk and told.
const mostTold = 3

// silence is how long a process may take for one history. While a goroutine waits for a lock, time
// does not pass in a bubble: a lock that is held for long stops it for ever.
const silence = 10 * time.Minute

// totals are what a range of histories came to.
type totals struct {
	Histories, Mounts, Requests int
	Simulated                   time.Duration // by the clock of the histories
	Processor                   time.Duration // used by the processes
}

func (t *totals) add(o totals) {
	t.Histories += o.Histories
	t.Mounts += o.Mounts
	t.Requests += o.Requests
	t.Simulated += o.Simulated
	t.Processor += o.Processor
}

func (t totals) String() string {
	return fmt.Sprintf("%d histories, %.0f hours, %d mounts, %d requests, %s of processor time each", t.Histories,
		t.Simulated.Hours(), t.Mounts, t.Requests,
		(t.Processor / time.Duration(max(1, t.Histories))).Round(100*time.Microsecond))
}

// runRange runs the histories of the seeds from first to before last, in several processes at once.
// With -stop it ends soon after the first that breaks a rule.
// bad has a line for each history that breaks a rule, see runChunk.
func runRange(t *testing.T, first, last uint64) (sum totals, bad []string) {
	t.Helper()
	most := uint64(max(1, *processes))
	size := min(chunk, (last-first+most-1)/most)
	if *stop {
		size = min(size, 20)
	}
	var over atomic.Bool
	var next atomic.Uint64
	next.Store(first)
	var mu sync.Mutex
	var all sync.WaitGroup
	for range most {
		all.Go(func() {
			for {
				begin := next.Add(size) - size
				if begin >= last || over.Load() {
					return
				}
				got, wrong := runChunk(t, begin, min(begin+size, last))
				mu.Lock()
				over.Store(*stop && len(wrong) > 0 || over.Load())
				sum.add(got)
				bad = append(bad, wrong...)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return sum, bad
}

// tellSome shrinks and tells some of the histories that break a rule.
func tellSome(t *testing.T, bad []string) {
	t.Helper()
	for _, one := range bad[:min(len(bad), mostTold)] {
		if n, err := strconv.ParseUint(strings.Fields(one)[1], 10, 64); err == nil && !strings.Contains(one, "crash") {
			tell(t, Generate(n), true)
		}
	}
}

// runChunk runs histories in a process of their own. bad has a line for each that breaks a rule,
// "seed N at TIME RULE: TEXT".
func runChunk(t *testing.T, first, last uint64) (sum totals, bad []string) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestWorker$", "-test.timeout=0")
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=600", fmt.Sprintf("SIMULATION_SEEDS=%d-%d", first, last))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Error(err)
		return sum, nil
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return sum, nil
	}
	stuck := time.AfterFunc(silence, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
	defer stuck.Stop()
	begun := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		stuck.Reset(silence)
		switch kind, rest, _ := strings.Cut(lines.Text(), " "); kind {
		case "begin":
			begun = rest
		case "bad":
			bad = append(bad, rest)
		case "sum":
			_, _ = fmt.Sscan(rest, &sum.Histories, &sum.Mounts, &sum.Requests, (*int64)(&sum.Simulated))
		}
	}
	if err := cmd.Wait(); err != nil {
		bad = append(bad, fmt.Sprintf("seed %s crash: %v\n%.4000s", begun, err, &stderr))
	}
	sum.Processor = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return sum, bad
}

// TestWorker is the process of runChunk. It is not run without its seeds.
func TestWorker(t *testing.T) {
	var first, last uint64
	if n, _ := fmt.Sscanf(os.Getenv("SIMULATION_SEEDS"), "%d-%d", &first, &last); n != 2 {
		t.Skip("TestHistories runs it")
	}
	dir, remove, err := scratch()
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	var sum totals
	for n := first; n < last; n++ {
		fmt.Println("begin", n)
		h := Generate(n)
		o := Run(t, h, dir)
		sum.add(totals{1, len(o.Mounts), len(o.Requests), h.End, 0})
		if len(o.Violations) > 0 {
			fmt.Printf("bad seed %d at %s\n", n, strings.ReplaceAll(o.Violations[0].String(), "\n", " "))
		}
	}
	fmt.Println("sum", sum.Histories, sum.Mounts, sum.Requests, int64(sum.Simulated))
}
