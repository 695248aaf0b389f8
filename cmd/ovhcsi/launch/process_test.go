// SPDX-License-Identifier: Apache-2.0

//go:build unix

package launch

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain runs the test binary as one of the programs of the tests: as Run with the options of the
// environment, or as the program that Run starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "as-program" {
		os.Exit(program(os.Args[2:]))
	}
	if text := os.Getenv("LAUNCH_TEST_OPTIONS"); text != "" {
		o := Options{Log: func(line string) { fmt.Fprintln(os.Stderr, line) }}
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			panic(err)
		}
		code, err := Run(o)
		if err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			code = 99
		}
		os.Exit(code)
	}
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		if signal.Ignored(s) { // by nohup or &, and then by all programs that this one starts
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0") // with the race detector, each process sleeps for a second at its end
	os.Exit(m.Run())
}

// program is the program of the tests. It prints what it gets.
func program(args []string) int {
	signals := make(chan os.Signal, 10)
	signal.Notify(signals)
	signal.Ignore(syscall.SIGURG) // the runtime's own
	go endWith(os.Getenv("LAUNCH_TEST_PROCESS"))
	switch args[0] {
	case "exit":
		code, _ := strconv.Atoi(args[1])
		return code
	case "die":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "orphan": // leaves a process behind, whose id it prints
		orphan := exec.Command(os.Args[0], "as-program", args[1])
		orphan.Stdout = os.Stderr
		orphan.SysProcAttr = &syscall.SysProcAttr{Setsid: len(args) > 2} // out of the process group
		if err := orphan.Start(); err != nil {
			panic(err)
		}
		fmt.Println("orphan", orphan.Process.Pid)
	}
	fmt.Println("start", os.Getenv("A"))
	for s := range signals {
		switch {
		case s == syscall.SIGCHLD || s == syscall.SIGURG:
		case s == syscall.SIGTERM && args[0] == "stubborn":
			fmt.Println("no")
		case s == syscall.SIGUSR2 && args[0] == "stubborn":
			return 5
		case s == syscall.SIGTERM:
			fmt.Println("end", os.Getenv("A"))
			return 7
		default:
			fmt.Println("signal", s)
		}
	}
	return 0
}

// endWith ends this process after that of the tests, which may kill Run before its program.
func endWith(tests string) {
	for id, err := strconv.Atoi(tests); err == nil && syscall.Kill(id, 0) == nil; {
		time.Sleep(100 * time.Millisecond)
	}
	os.Exit(1)
}

// process is a process with Run.
type process struct {
	t        *testing.T
	cmd      *exec.Cmd
	out, log *bufio.Scanner
}

// start starts a process with Run. The program is one of those of program. If prepare is not nil, it
// changes the command before it starts.
func start(t *testing.T, o Options, prepare func(*exec.Cmd), args ...string) *process {
	t.Helper()
	if len(args) > 0 {
		o.Program = append([]string{os.Args[0], "as-program"}, args...)
	}
	if o.Poll == 0 {
		o.Poll = time.Hour
	}
	if o.StopTimeout == 0 {
		o.StopTimeout = time.Hour
	}
	o.Log = nil
	text, err := json.Marshal(struct {
		Options
		Log *int `json:",omitempty"`
	}{Options: o})
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), "LAUNCH_TEST_OPTIONS="+string(text), "A=inherited",
		fmt.Sprint("LAUNCH_TEST_PROCESS=", os.Getpid()))
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // without the terminal of the tests
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	log, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out, p.log = bufio.NewScanner(out), bufio.NewScanner(log)
	if prepare != nil {
		prepare(p.cmd)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) })
	return p
}

// says expects lines of the program.
func (p *process) says(lines ...string) {
	p.t.Helper()
	for _, want := range lines {
		if !p.out.Scan() || p.out.Text() != want {
			p.t.Fatalf("the program says %q, want %q", p.out.Text(), want)
		}
	}
}

// logs expects a line of Run that has a text.
func (p *process) logs(want string) {
	p.t.Helper()
	if !p.log.Scan() || !strings.Contains(p.log.Text(), want) {
		p.t.Fatalf("the log says %q, want %q", p.log.Text(), want)
	}
}

func (p *process) send(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// ends expects the end of the process with an exit code, and returns what else it logged.
func (p *process) ends(code int) string {
	p.t.Helper()
	var rest []string
	for p.log.Scan() {
		rest = append(rest, p.log.Text())
	}
	for p.out.Scan() {
		rest = append(rest, p.out.Text())
	}
	err := p.cmd.Wait()
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Errorf("exit code %d, want %d: %v, %q", got, code, err, rest)
	}
	return strings.Join(rest, "\n")
}

// gone waits until there is no such process, also none that has ended and is not reaped.
func gone(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); syscall.Kill(pid, 0) == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("process %d is still there", pid)
		}
	}
}

// number returns the number at the end of the next line of the program.
func (p *process) number(before string) int {
	p.t.Helper()
	if !p.out.Scan() {
		p.t.Fatal("the program says nothing", p.out.Err())
	}
	n, err := strconv.Atoi(strings.TrimPrefix(p.out.Text(), before+" "))
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}
