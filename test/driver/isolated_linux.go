package driver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
)

// Isolated runs body where it may mount a tmpfs and where no mount of its own is seen by the rest of the machine: the
// program starts itself again in new user and mount namespaces, which needs no privilege on most systems. It returns
// the exit code of body. If the system refuses, body runs in this process and MountRefusal returns the reason.
//
// It is to be the first thing a program does. Signals are handed on to the second self, which dies with the first.
func Isolated(body func() int) int {
	switch os.Getenv(stageVariable) {
	case "probe":
		return tryMount()
	case "body":
		return second(body)
	}
	var refusals []error
	for _, flags := range []uintptr{syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, syscall.CLONE_NEWNS} {
		if err := try(flags); err != nil {
			refusals = append(refusals, err)
			continue
		}
		code, err := again(flags, body)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		return code
	}
	os.Setenv(refusalVariable, fmt.Sprintf("this system refuses a namespace to mount in: %v", refusals[0]))
	return body()
}

// second is the program's second self.
func second(body func() int) int {
	os.Unsetenv(stageVariable)
	if err := enter(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return body()
}

// try starts a second self that only tries to mount, and returns the error if it could not.
func try(flags uintptr) error {
	cmd := secondSelf("probe", flags)
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

// tryMount mounts a tmpfs the way the driver does. A system may grant the namespace and still refuse the mount.
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

// enter makes the new mount namespace this process's own.
func enter() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making the mount namespace private: %w", err)
	}
	return hideSystemd()
}

// hideSystemd takes away the two sockets by which systemd is spoken to. The driver's mount library asks systemd, where
// it runs, to start each mount in a scope; systemd doesn't take the root of a user namespace for root, and a desktop
// would ask for a password.
func hideSystemd() error {
	const private = "/run/systemd/private"
	if _, err := os.Stat(private); err == nil {
		if err := syscall.Mount("/dev/null", private, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("hiding systemd: %w", err)
		}
	}
	return os.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/dev/null")
}

// again runs the second self to its end.
func again(flags uintptr, body func() int) (int, error) {
	// The death signal of a child is tied to the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP)
	defer signal.Stop(signals)

	cmd := secondSelf("body", flags)
	if err := cmd.Start(); err != nil {
		os.Setenv(refusalVariable, err.Error())
		return body(), nil
	}
	handedOn := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(handedOn)
		for {
			select {
			case s := <-signals:
				cmd.Process.Signal(s) // an error means that it has just ended
			case <-ended:
				return
			}
		}
	}()
	err := cmd.Wait()
	close(ended)
	<-handedOn
	return exitCode(cmd, err)
}

func exitCode(cmd *exec.Cmd, err error) (int, error) {
	if cmd.ProcessState == nil {
		return 1, fmt.Errorf("waiting for the program's second self: %w", err)
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}

// secondSelf is this program again, with the same arguments, in namespaces of its own. It has a process group of its
// own too, so that a Ctrl-C reaches it once, by way of the first.
func secondSelf(stage string, flags uintptr) *exec.Cmd {
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

// idMap maps an ordinary user to root, which is all that the kernel allows, and for root every id to itself.
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

// dieWithParent has a child killed when this process ends, however it ends.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
