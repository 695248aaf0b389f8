// SPDX-License-Identifier: Apache-2.0

//go:build unix

package launch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	onHUP   = OnChange{Signal: int(syscall.SIGHUP)}
	restart = OnChange{Restart: true}
)

func TestTheProgramReplacesTheProcess(t *testing.T) {
	v := newVolume(t, map[string]string{"A": "1"})
	p := start(t, Options{Sources: []Source{{EnvDir, v.dir}}}, nil, "wait")
	p.says("start 1")
	if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.cmd.Process.Pid)); err == nil &&
		!strings.Contains(string(name), "as-program") {
		t.Errorf("the process is %q", name)
	}
	p.send(syscall.SIGTERM)
	p.says("end 1")
	p.ends(7)
}

func TestExitCodesArePassedOn(t *testing.T) {
	v := newVolume(t, map[string]string{"A": "1"})
	for _, on := range []OnChange{onHUP, restart} {
		o := Options{Sources: []Source{{EnvDir, v.dir}}, OnChange: on}
		start(t, o, nil, "exit", "0").ends(0)
		start(t, o, nil, "exit", "42").ends(42)
		start(t, o, nil, "die").ends(128 + 9)
	}
}

func TestSignalsArePassedOn(t *testing.T) {
	v := newVolume(t, map[string]string{"A": "1"})
	p := start(t, Options{Sources: []Source{{EnvDir, v.dir}}, OnChange: restart}, nil, "wait")
	p.says("start 1")
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
		syscall.SIGWINCH} {
		p.send(s)
		p.says("signal " + s.String())
	}
	p.send(syscall.SIGTERM)
	p.says("end 1")
	p.ends(7)
}

func TestASignalForEachChange(t *testing.T) {
	v := newVolume(t, map[string]string{"A": "1", "B": "1"})
	to := t.TempDir()
	p := start(t, Options{Sources: []Source{{EnvDir, v.dir}}, OnChange: onHUP, CopyTo: to}, nil, "wait")
	p.says("start 1")
	v.update(map[string]string{"A": "1", "B": "2"})
	p.says("signal hangup")
	p.logs("the files changed; the program gets signal 1 (hangup)")
	if got, err := os.ReadFile(filepath.Join(to, "B")); err != nil || string(got) != "2" {
		t.Errorf("the copy is %q, %v", got, err)
	}
	v.update(map[string]string{"A": "1"})
	p.says("signal hangup")
	p.send(syscall.SIGTERM)
	p.says("end 1") // the environment of the start
	p.ends(7)
}

// TestTheSameContentIsNoChange writes a volume anew, as an update does that restores what was there.
func TestTheSameContentIsNoChange(t *testing.T) {
	v := newVolume(t, map[string]string{"A": "1", "B": "2"})
	logged := 0
	o := Options{Sources: []Source{{EnvDir, v.dir}}, Program: []string{"x"}, Log: func(string) { logged++ }}
	s, err := take(o)
	if err != nil {
		t.Fatal(err)
	}
	supervisor := &supervisor{options: o, target: &target{}, state: s, pid: os.Getpid()} // signal 0 does nothing
	for i, files := range []map[string]string{{"A": "1", "B": "2"}, {"A": "1"}, {"A": "1"}, {"B": "1"},
		{"B": "1", "C": ""}, {"B": "1", "C": ""}} {
		v.update(files)
		supervisor.change()
		if want := []int{0, 1, 1, 2, 3, 3}[i]; logged != want {
			t.Errorf("after %q: %d changes, want %d", files, logged, want)
		}
	}
}

func TestARestartHasTheNewVariables(t *testing.T) {
	v := newVolume(t, map[string]string{"A": "1"})
	p := start(t, Options{Sources: []Source{{EnvDir, v.dir}}, OnChange: restart}, nil, "wait")
	p.says("start 1")
	v.update(map[string]string{"A": "2"})
	p.says("end 1", "start 2")
	p.logs("the files changed; the program is restarted")
	v.update(map[string]string{"B": "x"})
	p.says("end 2", "start inherited")
	p.send(syscall.SIGTERM)
	p.says("end inherited")
	p.ends(7)
}

// TestAWrongStateLetsTheProgramGoOn cuts an env file and then completes it.
func TestAWrongStateLetsTheProgramGoOn(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"x.env": "A='1'\n"})
	p := start(t, Options{Sources: []Source{{EnvFile, filepath.Join(dir, "x.env")}}, OnChange: restart}, nil, "wait")
	p.says("start 1")
	write(t, dir, map[string]string{"x.env": "A='s3cret"})
	p.logs("cannot be used, so the program goes on with the earlier ones: " + dir +
		"/x.env:1: the value of A has no quote at its end")
	write(t, dir, map[string]string{"x.env": "A='2'\n"})
	p.says("end 1", "start 2")
	p.send(syscall.SIGTERM)
	p.says("end 2")
	if rest := p.ends(7); strings.Contains(rest, "s3cret") {
		t.Error(rest)
	}
}

// TestChangesThatTheSystemDoesNotReport replaces the link to a directory, of which no watch tells.
func TestChangesThatTheSystemDoesNotReport(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"one/A": "1", "two/A": "2"})
	at := filepath.Join(t.TempDir(), "link")
	link(t, dir+"/one", at)
	p := start(t, Options{Sources: []Source{{EnvDir, at}}, OnChange: restart, Poll: 10 * time.Millisecond}, nil, "wait")
	p.says("start 1")
	link(t, dir+"/two", at)
	p.says("end 1", "start 2")
}

func TestAProgramThatDoesNotEndIsKilled(t *testing.T) {
	v := newVolume(t, map[string]string{"A": "1"})
	p := start(t, Options{Sources: []Source{{EnvDir, v.dir}}, OnChange: restart, StopTimeout: 50 * time.Millisecond}, nil,
		"stubborn")
	p.says("start 1")
	v.update(map[string]string{"A": "2"})
	if p.out.Scan() && p.out.Text() == "no" { // if it has the time to say so
		p.out.Scan()
	}
	if p.out.Text() != "start 2" {
		t.Errorf("the program says %q, want start 2", p.out.Text())
	}
	p.logs("the program is restarted")
	p.logs("the program did not end within 50ms and is killed")
}

// TestAnEndIsNoRestart ends a program that is about to be restarted.
func TestAnEndIsNoRestart(t *testing.T) {
	v := newVolume(t, map[string]string{"A": "1"})
	p := start(t, Options{Sources: []Source{{EnvDir, v.dir}}, OnChange: restart}, nil, "stubborn")
	p.says("start 1")
	v.update(map[string]string{"A": "2"})
	p.says("no")
	p.send(syscall.SIGTERM)
	p.says("no")
	p.send(syscall.SIGUSR2) // now it ends
	p.ends(5)
}

func TestOrphansAreReaped(t *testing.T) {
	v := newVolume(t, map[string]string{"A": "1"})
	p := start(t, Options{Sources: []Source{{EnvDir, v.dir}}, OnChange: restart}, nil, "orphan", "wait")
	orphan := p.number("orphan")
	p.says("start 1")
	p.logs("start 1") // the orphan's
	v.update(map[string]string{"A": "2"})
	p.says("end 1")
	next := p.number("orphan") // the program was started again,
	gone(t, orphan)            // and what it left has ended and was reaped
	p.says("start 2")
	p.send(syscall.SIGTERM)
	p.says("end 2")
	p.ends(7)
	gone(t, next)
}

func TestAVariableThatIsTooLargeIsNamed(t *testing.T) {
	v := newVolume(t, map[string]string{"A": "1", "LARGE": strings.Repeat("s3cret", 200_000)})
	for _, on := range []OnChange{{}, restart} {
		p := start(t, Options{Sources: []Source{{EnvDir, v.dir}}, OnChange: on}, nil, "wait")
		p.logs("cannot be executed: the environment is too large; with the arguments it has 1")
		if text := p.log.Text(); !strings.Contains(text, "LARGE of "+v.dir+"/LARGE (1200000 bytes)") ||
			strings.Contains(text, "s3cret") {
			t.Error(text)
		}
		p.ends(99)
	}
}

// TestProgramsThatCannotRun: a secret does not choose the program, and a script says what it lacks.
func TestProgramsThatCannotRun(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"bin/tool": "#!/nonexistent/sh\n", "bin/data": "x", "env/PATH": dir + "/bin"})
	if err := os.Chmod(dir+"/bin/tool", 0o755); err != nil {
		t.Fatal(err)
	}
	for program, say := range map[string]string{
		"tool":            "tool: not found in PATH; write the whole path",
		dir + "/none":     "/none: not found",
		dir + "/bin":      "/bin: cannot be executed: it is a directory",
		dir + "/bin/data": "/data: cannot be executed: it is a directory, or lacks the permission",
		dir + "/bin/tool": "/tool: cannot be executed: the interpreter of the script",
	} {
		for _, on := range []OnChange{{}, onHUP} {
			p := start(t, Options{Sources: []Source{{EnvDir, dir + "/env"}}, OnChange: on, Program: []string{program}}, nil)
			p.logs(say)
			p.ends(99)
		}
	}
}
