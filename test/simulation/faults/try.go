// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// result is what became of a fault.
type result struct {
	seed   uint64 // of the first history that broke a rule, 0 if a test found the fault
	rule   string // that it broke, or the test that failed; empty if nothing found the fault
	reason string // why it was not found, or could not be tried
}

func (r result) found() bool { return r.rule != "" }

// String returns the result as a clause.
func (r result) String() string {
	switch {
	case !r.found():
		return "NOT FOUND: " + r.reason
	case r.seed == 0:
		return "found by " + r.rule
	}
	return fmt.Sprintf("found by seed %d, %s", r.seed, r.rule)
}

// trial has what is needed to try faults.
type trial struct {
	root, dir string
	binary    string // the simulation with the faults that histories must find
	most      int    // histories for a fault
	numbers   map[string]int
}

// newTrial builds the simulation with all faults that histories must find. The caller closes it.
func newTrial(all []fault, most int) (t *trial, err error) {
	t = &trial{most: most, numbers: map[string]int{}}
	if t.root, err = filepath.Abs("."); err != nil {
		return nil, err
	}
	if t.dir, err = os.MkdirTemp("", "faults"); err != nil {
		return nil, err
	}
	var some []fault
	for _, f := range all {
		if f.by.dir == "" {
			t.numbers[f.name] = len(some)
			some = append(some, f)
		}
	}
	overlay, err := combine(t.root, t.dir, some)
	if err != nil {
		t.close()
		return nil, err
	}
	t.binary = filepath.Join(t.dir, "simulation.test")
	build := exec.Command("go", "test", "-c", "-overlay", overlay, "-o", t.binary, "./test/simulation")
	build.Dir = t.root
	if out, err := build.CombinedOutput(); err != nil {
		t.close()
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	return t, nil
}

func (t *trial) close() { _ = os.RemoveAll(t.dir) }

// all tries faults, several at once, and yields their results as they come.
func (t *trial) all(faults []fault, jobs int) iter.Seq2[fault, result] {
	type tried struct {
		fault
		result
	}
	next, results := make(chan fault), make(chan tried)
	go func() {
		defer close(next)
		for _, f := range faults {
			next <- f
		}
	}()
	for range max(1, jobs) {
		go func() {
			for f := range next {
				results <- tried{f, t.one(f)}
			}
		}()
	}
	return func(yield func(fault, result) bool) {
		for range faults {
			if one := <-results; !yield(one.fault, one.result) {
				return
			}
		}
	}
}

// one tries a fault.
func (t *trial) one(f fault) result {
	if f.by.dir != "" {
		return t.test(f)
	}
	cmd := exec.Command(t.binary, "-test.run=^TestHistories$", "-test.timeout=0", "-stop", "-processes=1",
		fmt.Sprint("-histories=", t.most))
	cmd.Dir = filepath.Join(t.root, "test/simulation")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", variable, t.numbers[f.name]))
	out, err := cmd.CombinedOutput()
	if err == nil {
		return result{reason: fmt.Sprintf("%d histories broke no rule", t.most)}
	}
	return resultOf(string(out))
}

var broken = regexp.MustCompile(`(?m)seed (\d+) (?:at \S+ ([a-z ]+):|(crash):)`)

// resultOf finds the first bad history in the output of a test.
func resultOf(out string) result {
	found := broken.FindStringSubmatch(out)
	if found == nil {
		return result{reason: out}
	}
	seed, _ := strconv.ParseUint(found[1], 10, 64)
	return result{seed: seed, rule: found[2] + found[3]}
}

// test runs the test that must fail.
func (t *trial) test(f fault) result {
	dir, err := os.MkdirTemp(t.dir, "test")
	if err != nil {
		return result{reason: err.Error()}
	}
	overlay, err := f.overlay(t.root, dir)
	if err != nil {
		return result{reason: err.Error()}
	}
	cmd := exec.Command("go", "test", "-count=1", "-overlay", overlay, "-run", "^"+f.by.run+"$", f.by.dir)
	cmd.Dir = t.root
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return result{reason: "the test passes"}
	case !strings.Contains(string(out), "--- FAIL: ") && !strings.Contains(string(out), "panic: "):
		return result{reason: string(out)}
	}
	return result{rule: f.by.run + " of " + f.by.dir}
}
