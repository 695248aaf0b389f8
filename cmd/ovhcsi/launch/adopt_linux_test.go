// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestOrphansAreAdopted: a process that left the program's group lives on after a restart, and is
// reaped when it ends.
func TestOrphansAreAdopted(t *testing.T) {
	v := newVolume(t, map[string]string{"A": "1"})
	p := start(t, Options{Sources: []Source{{EnvDir, v.dir}}, OnChange: restart}, nil, "orphan", "wait",
		"in a session of its own")
	orphan := p.number("orphan")
	t.Cleanup(func() { _ = syscall.Kill(orphan, syscall.SIGKILL) })
	p.says("start 1")
	v.update(map[string]string{"A": "2"})
	p.says("end 1")
	next := p.number("orphan")
	t.Cleanup(func() { _ = syscall.Kill(next, syscall.SIGKILL) })
	p.says("start 2")
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", orphan))
	if err != nil || !strings.Contains(string(status), fmt.Sprintf("\nPPid:\t%d\n", p.cmd.Process.Pid)) {
		t.Errorf("the orphan was not adopted by %d: %v\n%s", p.cmd.Process.Pid, err, status)
	}
	if err := syscall.Kill(orphan, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	gone(t, orphan)
	p.send(syscall.SIGTERM)
	p.says("end 2")
}
