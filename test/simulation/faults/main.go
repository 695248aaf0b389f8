// SPDX-License-Identifier: Apache-2.0

// Command faults puts one fault at a time into the code, and checks that the simulation finds it,
// or that the named test does. No file of the tree changes: go reads the changed ones by -overlay.
package main

import (
	_ "embed"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
)

//go:embed faults.txt
var deliberate string

//go:embed record.txt
var record string

func main() {
	only := flag.String("only", "", "only the faults whose names match this `pattern`")
	most := flag.Int("histories", 10000, "how many `histories` are run for a fault at most")
	jobs := flag.Int("jobs", runtime.NumCPU(), "how many faults are tried at once")
	write := flag.String("write", "", "the `file` whose tables get the results")
	flag.Parse()
	missed, err := run(*only, *most, *jobs, *write)
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(2)
	}
	if missed > 0 {
		fmt.Fprintln(os.Stderr, missed, "faults were not found")
		os.Exit(1)
	}
}

// run tries the faults, and returns how many were not found.
func run(only string, most, jobs int, write string) (missed int, err error) {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return 0, err
	}
	all, err := lists()
	if err != nil {
		return 0, err
	}
	some := slices.DeleteFunc(slices.Clone(all), func(f fault) bool { return !wanted.MatchString(f.name) })
	t, err := newTrial(some, most)
	if err != nil {
		return 0, err
	}
	defer t.close()
	results := map[string]result{}
	for f, r := range t.all(some, jobs) {
		if results[f.name] = r; !r.found() {
			missed++
		}
		fmt.Printf("%s: %s\n", f.name, r)
		if write == "" {
			continue
		}
		if err := writeTables(write, all, results); err != nil { // after each: a run may take hours, and be ended
			return missed, err
		}
	}
	return missed, nil
}

// lists returns the deliberate faults, then those of the track record.
func lists() (all []fault, err error) {
	for _, text := range []string{deliberate, record} {
		some, err := parse(text)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}
