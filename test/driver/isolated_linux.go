// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
)

// Isolated runs body in a process that can mount a tmpfs without effect on the rest of the machine, and returns body's
// exit code. It starts this program again, in new user and mount namespaces, which needs no privilege on most systems.
// If the system refuses that, body runs in this process and MountRefusal returns the reason.
//
// A program must call it first. Signals are forwarded to the child process, which is killed when this process ends. If
// input is true, body reads the standard input of this process: the child is in the terminal's background, where the
// kernel would stop it for reading.
func Isolated(input bool, body func() int) int {
	switch os.Getenv(stageVariable) {
	case "probe":
		return tryMount()
	case "body":
		return runChild(body)
	}
	var refusals []error
	for _, flags := range []uintptr{syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, syscall.CLONE_NEWNS} {
		if err := tryInChild(flags); err != nil {
			refusals = append(refusals, err)
			continue
		}
		code, err := startChild(flags, input, body)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		return code
	}
	os.Setenv(refusalVariable, fmt.Sprintf("this system refuses a namespace to mount in: %v", refusals[0]))
	return body()
}

// runChild is the main function of the child process that runs body.
func runChild(body func() int) int {
	os.Unsetenv(stageVariable)
	if err := enter(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return body()
}

// tryInChild starts a child process that only tries to mount. It returns the reason if that fails.
func tryInChild(flags uintptr) error {
	cmd := childCommand("probe", flags)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, nil, nil
	out, err := cmd.CombinedOutput()
	text := strings.Join(strings.Fields(string(out)), " ")
	switch {
	case errors.Is(err, syscall.ENOSPC): // clone(2): too many namespaces
		return errors.New("no more user namespaces are allowed (user.max_user_namespaces)")
	case errors.Is(err, syscall.EPERM):
		return errors.New("user namespaces are not allowed")
	case err != nil && text != "":
		return errors.New(text)
	}
	return err
}

// tryMount mounts a tmpfs as the driver does. A system may allow the namespace and still refuse the mount.
func tryMount() int {
	if err := enter(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// The mount ends with the namespace.
	out, err := exec.Command("mount", "-t", "tmpfs", "tmpfs", os.TempDir()).CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "mounting a tmpfs: %v: %s\n", err, out)
		return 1
	}
	return 0
}

// enter makes the mounts of the new namespace private.
func enter() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making the mount namespace private: %w", err)
	}
	return hideSystemd()
}

// hideSystemd hides the two sockets of systemd. If systemd runs, the driver's mount library starts each mount in a
// systemd scope. systemd does not accept the root user of a user namespace, and a desktop would ask for a password.
func hideSystemd() error {
	const private = "/run/systemd/private"
	if _, err := os.Stat(private); err == nil {
		if err := syscall.Mount("/dev/null", private, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("hiding systemd: %w", err)
		}
	}
	return os.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/dev/null")
}

// startChild runs body in a child process and returns its exit code.
func startChild(flags uintptr, input bool, body func() int) (int, error) {
	// The kernel sends the death signal when the thread that started the child ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP)
	defer signal.Stop(signals)

	cmd := childCommand("body", flags)
	if input {
		cmd.Stdin = nil
		if to, err := cmd.StdinPipe(); err == nil {
			go func() {
				defer to.Close()
				_, _ = io.Copy(to, os.Stdin) // ends with the child or with the input
			}()
		}
	}
	if err := cmd.Start(); err != nil {
		os.Setenv(refusalVariable, err.Error())
		return body(), nil
	}
	forwarded := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(forwarded)
		for {
			select {
			case s := <-signals:
				cmd.Process.Signal(s) // an error means that it has just exited
			case <-ended:
				return
			}
		}
	}()
	err := cmd.Wait()
	close(ended)
	<-forwarded
	return exitCode(cmd, err)
}

func exitCode(cmd *exec.Cmd, err error) (int, error) {
	if cmd.ProcessState == nil {
		return 1, fmt.Errorf("waiting for the child process: %w", err)
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}

// childCommand returns a command that runs this program with the same arguments in new namespaces. The child has its
// own process group, so that it gets a Ctrl-C only once, from this process.
func childCommand(stage string, flags uintptr) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), stageVariable+"="+stage)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if flags&syscall.CLONE_NEWUSER != 0 {
		cmd.SysProcAttr.UidMappings = idMap("/proc/self/uid_map", os.Geteuid())
		cmd.SysProcAttr.GidMappings = idMap("/proc/self/gid_map", os.Getegid())
	}
	return cmd
}

// idMap maps an unprivileged user to root, which is all that the kernel allows. For root it maps every id to itself.
func idMap(path string, id int) []syscall.SysProcIDMap {
	if os.Geteuid() != 0 {
		return []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}}
	}
	var maps []syscall.SysProcIDMap
	for line := range strings.Lines(string(text)) {
		var inside, outside, size int
		if _, err := fmt.Sscan(line, &inside, &outside, &size); err == nil {
			maps = append(maps, syscall.SysProcIDMap{ContainerID: inside, HostID: inside, Size: size})
		}
	}
	return maps
}

// dieWithParent returns attributes of a child that the kernel kills when this process ends for any reason.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
