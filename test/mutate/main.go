// SPDX-License-Identifier: Apache-2.0

// Command mutate runs mutation tests. It changes one small thing of a package at a time
// (a mutant), and runs the package's tests. A mutant survives if all tests pass: it is
// printed, and needs a test, or a line with a reason in accepted.txt. No file of the tree
// changes: go test reads the changed file by -overlay.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed accepted.txt
var accepted string

func main() {
	most := flag.Int("n", 0, "how many `mutants` to run at most, 0 for all")
	seed := flag.Uint64("seed", 1, "the `seed` of the sample if there are more mutants")
	also := flag.String("also", "", "more `packages` whose tests are run, separated by spaces")
	flag.Parse()
	survivors, err := run(context.Background(), flag.Args(), strings.Fields(*also), *most, *seed)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(2)
	}
	if survivors > 0 {
		os.Exit(1)
	}
}

// run returns how many mutants survived that are not accepted.
func run(ctx context.Context, patterns, also []string, most int, seed uint64) (survivors int, err error) {
	others, err := list(ctx, also)
	if err != nil {
		return 0, err
	}
	packages, err := load(ctx, patterns, others)
	if err != nil {
		return 0, err
	}
	known, err := parseAccepted(accepted)
	if err != nil {
		return 0, err
	}
	var jobs []job
	for _, p := range packages {
		if jobs, err = p.appendJobs(jobs); err != nil {
			return 0, err
		}
	}
	all := len(jobs)
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(jobs), func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] })
	if most > 0 && len(jobs) > most {
		jobs = jobs[:most]
	}
	count := map[outcome]int{}
	for _, j := range jobs {
		o, err := j.run(ctx)
		if err != nil {
			return 0, err
		}
		if o == survived && known[j.mutant.key()] {
			o = survivedAccepted
		}
		if count[o]++; o == survived {
			fmt.Printf("%s:%d: %s: %s\n", j.mutant.file, j.mutant.line, j.mutant.function, j.mutant.text)
		}
	}
	fmt.Printf("%d of %d mutants run: %d noticed, %d of them by the time-out; %d survived, and %d that are accepted; %d "+
		"do not compile\n",
		len(jobs), all, count[noticed]+count[timedOut], count[timedOut], count[survived], count[survivedAccepted],
		count[notGo])
	return count[survived], nil
}

// pkg is a package as go list -json describes it.
type pkg struct {
	Dir        string
	ImportPath string
	GoFiles    []string
	Module     struct{ Dir string }
	also       []string      // packages whose tests are run too, by import path
	limit      time.Duration // of a run of the tests
}

// job is one mutant of a package.
type job struct {
	of     *pkg
	mutant mutant
}

// list lists packages; no pattern stands for none.
func list(ctx context.Context, patterns []string) (packages []*pkg, err error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-json=Dir,ImportPath,GoFiles,Module"}, patterns...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		p := &pkg{}
		if err := d.Decode(p); err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
	return packages, nil
}

// load lists the packages and runs their tests once, and those of others, which must pass.
func load(ctx context.Context, patterns []string, others []*pkg) (packages []*pkg, err error) {
	if packages, err = list(ctx, patterns); err != nil {
		return nil, err
	}
	for _, p := range packages {
		for _, other := range others {
			p.also = append(p.also, other.ImportPath)
		}
		if out, err := p.test(ctx, "-count=1", "-run=^$"); err != nil { // to have all compiled
			return nil, fmt.Errorf("%s without a change: %w\n%s", p.ImportPath, err, out)
		}
		begin := time.Now()
		if out, err := p.test(ctx, "-count=1"); err != nil {
			return nil, fmt.Errorf("%s without a change: %w\n%s", p.ImportPath, err, out)
		}
		p.limit = 3*time.Since(begin) + 5*time.Second
	}
	return packages, nil
}

func (p *pkg) appendJobs(jobs []job) ([]job, error) {
	for _, name := range p.GoFiles {
		path := filepath.Join(p.Dir, name)
		shown, err := filepath.Rel(p.Module.Dir, path)
		if err != nil {
			return nil, err
		}
		mutants, err := mutantsOf(path, filepath.ToSlash(shown))
		if err != nil {
			return nil, err
		}
		for _, m := range mutants {
			jobs = append(jobs, job{p, m})
		}
	}
	return jobs, nil
}

// test runs the package's tests, with 8 GiB of address space where prlimit exists: a mutant
// may allocate without end.
func (p *pkg) test(ctx context.Context, args ...string) (out []byte, err error) {
	args = append([]string{"test", "-vet=off", "-failfast"}, args...)
	if _, err := exec.LookPath("prlimit"); err == nil {
		args = append(args, "-exec=prlimit --as=8589934592")
	}
	cmd := exec.CommandContext(ctx, "go", append(append(args, "."), p.also...)...)
	cmd.Dir = p.Dir
	return cmd.CombinedOutput()
}

type outcome int

// What becomes of a mutant.
const (
	noticed outcome = iota
	timedOut
	notGo // it does not compile
	survived
	survivedAccepted
)

// run runs the tests with the change.
func (j job) run(ctx context.Context) (outcome, error) {
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(j.of.Dir, filepath.Base(j.mutant.file))
	source, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	changed, overlay := filepath.Join(dir, "changed.go"), filepath.Join(dir, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{path: changed}})
	if err != nil {
		return 0, err
	}
	if err := errors.Join(os.WriteFile(changed, j.mutant.changed(source), 0o600),
		os.WriteFile(overlay, text, 0o600)); err != nil {
		return 0, err
	}
	out, err := j.of.test(ctx, "-overlay="+overlay, "-timeout="+j.of.limit.String())
	switch {
	case err == nil:
		return survived, nil
	case strings.Contains(string(out), "[build failed]") || strings.Contains(string(out), "[setup failed]"):
		return notGo, nil
	case strings.Contains(string(out), "panic: test timed out"):
		return timedOut, nil
	}
	return noticed, nil
}

// key is what a line of accepted.txt has before its reason.
func (m mutant) key() string { return m.file + " | " + m.function + " | " + m.text }

// parseAccepted reads lines of "file | function | text | reason". # begins a comment.
func parseAccepted(text string) (map[string]bool, error) {
	known := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		at := strings.LastIndex(line, " | ")
		if at < 0 || strings.Count(line[:at], " | ") < 2 || line[at+3:] == "" {
			return nil, fmt.Errorf("accepted.txt:%d: want file | function | text | reason", i+1)
		}
		known[line[:at]] = true
	}
	return known, nil
}
