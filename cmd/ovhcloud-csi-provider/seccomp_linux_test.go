// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"ovhcloud-csi-provider/test/harness"
)

// confined is a variable of the environment. If it is set, the binary of these tests starts the program of its
// arguments with the seccomp profile, as a container runtime does.
const confined = "OVHCLOUD_TEST_CONFINED"

func init() {
	if os.Getenv(confined) == "" {
		return
	}
	_ = os.Unsetenv(confined)
	err := runConfined(os.Args[1:])
	fmt.Fprintln(os.Stderr, "cannot run with the seccomp profile:", err)
	os.Exit(3)
}

// runConfined loads the profile and replaces this process by the program. A call that the profile does not have ends
// the program: with the profile's own answer, Go would hide the call.
func runConfined(command []string) error {
	filter, err := filterOf(seccompProfile)
	if err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	at := uintptr(unsafe.Pointer(&program))
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, at, 0, 0); err != nil {
		return err
	}
	return syscall.Exec(command[0], command, os.Environ())
}

// confine changes a command so that it runs with the profile. It does nothing to a command that has the profile
// already, or that runs as another user: such a user cannot read the binary of these tests.
func confine(c *exec.Cmd) {
	if c.SysProcAttr != nil && c.SysProcAttr.Credential != nil || slices.Contains(c.Env, confined+"=yes") {
		return
	}
	c.Args = append([]string{os.Args[0]}, c.Args...)
	c.Path = os.Args[0]
	c.Env = append(c.Environ(), confined+"=yes")
}

// ociProfile is a profile of a container runtime: the part of its format that ours uses.
type ociProfile struct {
	DefaultAction   string        `json:"defaultAction"`
	DefaultErrnoRet int           `json:"defaultErrnoRet"`
	Syscalls        []ociSyscalls `json:"syscalls"`
}

type ociSyscalls struct {
	Comment string   `json:"comment"`
	Names   []string `json:"names"`
	Action  string   `json:"action"`
	Args    []ociArg `json:"args"`
}

type ociArg struct {
	Index    uint32 `json:"index"`
	Value    uint64 `json:"value"`
	ValueTwo uint64 `json:"valueTwo"`
	Op       string `json:"op"`
}

// Where the kernel puts what a filter looks at: struct seccomp_data of linux/seccomp.h, on a little-endian machine.
const (
	offsetNumber = 0
	offsetArch   = 4
	offsetArgs   = 16
)

// filterOf translates a profile to a filter of the kernel.
func filterOf(text []byte) ([]unix.SockFilter, error) {
	var p ociProfile
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return nil, err
	}
	here, err := arch.GetInfo("")
	if err != nil {
		return nil, err
	}
	code := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offsetArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(here.ID), SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS},
		bpf.LoadAbsolute{Off: offsetNumber, Size: 4},
	}
	for _, s := range p.Syscalls {
		for _, name := range s.Names {
			// As container runtimes do, it leaves out the names of other architectures.
			if number, known := here.SyscallNames[name]; known {
				code = append(code, rule(uint32(number), s.Args)...)
			}
		}
	}
	raw, err := bpf.Assemble(append(code, bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS}))
	if err != nil {
		return nil, err
	}
	filter := make([]unix.SockFilter, len(raw))
	for i, in := range raw {
		filter[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return filter, nil
}

// rule allows a call if the lower halves of its arguments are as they must be. It begins and ends with the number of
// the call in the register.
func rule(number uint32, args []ociArg) (code []bpf.Instruction) {
	allow := bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}
	for i := len(args) - 1; i >= 0; i-- {
		mask, want := uint32(math.MaxUint32), uint32(args[i].Value)
		if args[i].Op == "SCMP_CMP_MASKED_EQ" {
			mask, want = uint32(args[i].Value), uint32(args[i].ValueTwo)
		}
		code = append([]bpf.Instruction{
			bpf.LoadAbsolute{Off: offsetArgs + 8*args[i].Index, Size: 4},
			bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: mask},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: want, SkipFalse: uint8(len(code) + 1)},
		}, code...)
	}
	code = append(code, allow)
	if len(args) > 0 {
		code = append(code, bpf.LoadAbsolute{Off: offsetNumber, Size: 4})
	}
	return append([]bpf.Instruction{bpf.JumpIf{Cond: bpf.JumpEqual, Val: number, SkipFalse: uint8(len(code))}}, code...)
}

// The other tests of this package start the daemon by startDaemon, so they all fail if the profile lacks a call.
func TestTheDaemonRunsWithItsSeccompProfile(t *testing.T) {
	p := startDaemon(t, harness.StartStore(t), harness.SocketPath(t), nil)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^Seccomp:\s+2$`).Match(status) {
		t.Errorf("the daemon runs without a filter:\n%s", status)
	}
}

// With the profile no other program runs: most need executable memory for their libraries, or other processes.
func TestTheSeccompProfileRefusesOtherPrograms(t *testing.T) {
	for _, program := range []string{"/bin/sh -c :", "/bin/ls /"} {
		cmd := exec.Command(strings.Fields(program)[0], strings.Fields(program)[1:]...)
		if err := cmd.Run(); err != nil {
			t.Skipf("%s does not run here: %v", program, err)
		}
		cmd = exec.Command(strings.Fields(program)[0], strings.Fields(program)[1:]...)
		cmd.Env = os.Environ()
		confine(cmd)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGSYS {
			t.Errorf("%s ended with %v: %s", program, err, out)
		}
	}
}

// A name that no architecture of the image has would be ignored by container runtimes.
func TestTheSeccompProfileHasKnownNames(t *testing.T) {
	var p ociProfile
	if err := json.Unmarshal(seccompProfile, &p); err != nil {
		t.Fatal(err)
	}
	if p.DefaultAction != "SCMP_ACT_ERRNO" || syscall.Errno(p.DefaultErrnoRet) != syscall.ENOSYS {
		t.Errorf("the default is %s %d", p.DefaultAction, p.DefaultErrnoRet)
	}
	for _, s := range p.Syscalls {
		if s.Action != "SCMP_ACT_ALLOW" {
			t.Errorf("%v: %s", s.Names, s.Action)
		}
		for _, name := range s.Names {
			_, amd64 := arch.X86_64.SyscallNames[name]
			_, arm64 := arch.AARCH64.SyscallNames[name]
			if !arm64 && name != "arch_prctl" && name != "newfstatat" { // the library calls the latter fstatat
				t.Errorf("%s is no system call of arm64 (of amd64: %v)", name, amd64)
			}
		}
	}
}

func TestTheBinaryWritesItsSeccompProfile(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "profile.json")
	for range 2 { // the second one replaces it
		if out, err := exec.Command(path, "--seccomp-profile", file).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v: %s", err, out)
		}
		text, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(text, seccompProfile) {
			t.Errorf("%v: the file is %s", err, text)
		}
		if info, err := os.Stat(file); err != nil || info.Mode() != 0o644 {
			t.Errorf("%v: mode %v", err, info.Mode())
		}
		if err := os.WriteFile(file, []byte("older"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("%v: the directory has %v", err, left)
	}
	out, err := exec.Command(path, "--seccomp-profile=-").Output()
	if err != nil || !bytes.Equal(out, seccompProfile) {
		t.Errorf("%v: %s", err, out)
	}
	text, err := exec.Command(path, "--seccomp-profile=/no/such/dir/x").CombinedOutput()
	if err == nil || !strings.Contains(string(text), "--seccomp-profile: ") {
		t.Errorf("%v: %s", err, text)
	}
}
