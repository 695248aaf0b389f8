// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// memoryGroup is a memory cgroup, of version 1 or 2, for the processes of one container.
type memoryGroup struct {
	dir   string
	files groupFiles
}

// groupFiles are the names of a cgroup's files, which the two versions do not share.
type groupFiles struct{ parent, limit, usage, peak, hits, kills string }

var groupVersions = []groupFiles{
	{parent: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes",
		peak: "memory.max_usage_in_bytes", hits: "memory.failcnt", kills: "memory.oom_control"},
	{parent: "/sys/fs/cgroup", limit: "memory.max", usage: "memory.current",
		peak: "memory.peak", hits: "memory.events", kills: "memory.events"},
}

// newMemoryGroup makes a cgroup with a memory limit, and removes it when the test ends.
// It skips the test where the machine does not allow that.
func newMemoryGroup(t *testing.T, limit int) *memoryGroup {
	t.Helper()
	for _, files := range groupVersions {
		dir := filepath.Join(files.parent, fmt.Sprint("ovhcloud-csi-attack-", os.Getpid()))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { removeGroup(t, dir) })
		if setLimit(filepath.Join(dir, files.limit), limit) == nil {
			return &memoryGroup{dir, files}
		}
	}
	t.Skip("this system gives the test no memory cgroup; it needs root, and cgroups of version 1 or 2 that can be written")
	return nil
}

// setLimit writes a limit to a file that is there already: with version 1, the parent of
// version 2 is a folder like any other.
func setLimit(file string, limit int) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(strconv.Itoa(limit))
	return err
}

// removeGroup waits for the last process of a cgroup to be gone.
func removeGroup(t *testing.T, dir string) {
	if !eventually(10*time.Second, func() bool { return os.Remove(dir) == nil || isGone(dir) }) {
		t.Errorf("the cgroup %s is still in use", dir)
	}
}

// run makes a command start in the cgroup, with the seccomp profile. Its process keeps the ID that it is started with.
func (g *memoryGroup) run(cmd *exec.Cmd) {
	confine(cmd) // the program, and not the shell
	enter := []string{"sh", "-c", `echo $$ >"$0" && exec "$@"`, filepath.Join(g.dir, "cgroup.procs"), cmd.Path}
	cmd.Path, cmd.Args = "/bin/sh", append(enter, cmd.Args[1:]...)
}

var groupKills = regexp.MustCompile(`(?m)^oom_kill (\d+)$`)

// number returns the number in a file of the cgroup, 0 if there is none.
func (g *memoryGroup) number(file string) (n int64) {
	text, _ := os.ReadFile(filepath.Join(g.dir, file))
	n, _ = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}

// killed returns how many processes of the cgroup were killed for its memory.
func (g *memoryGroup) killed() (n int) {
	text, _ := os.ReadFile(filepath.Join(g.dir, g.files.kills))
	if m := groupKills.FindSubmatch(text); m != nil {
		n, _ = strconv.Atoi(string(m[1]))
	}
	return n
}

func (g *memoryGroup) String() string {
	hits, _ := os.ReadFile(filepath.Join(g.dir, g.files.hits))
	return fmt.Sprintf("now %d MiB, at most %d MiB, limit hit %q, killed %d", g.number(g.files.usage)>>20,
		g.number(g.files.peak)>>20, strings.Join(strings.Fields(string(hits)), " "), g.killed())
}
