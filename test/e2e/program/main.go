// SPDX-License-Identifier: Apache-2.0

// Command program is a program that gets its passwords from environment variables only, in an image without a shell.
// At its start it writes to standard output the time in milliseconds, how many processes of the container are zombies,
// and the variables whose names begin with APP_, a line each. It leaves a zombie behind if its parent does not reap it,
// and waits for SIGTERM. Only the end-to-end scenarios use it; their values are no secrets.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	began := time.Now()
	switch strings.Join(os.Args[1:], " ") {
	case "": // the program
		serve()
	case "orphan": // starts a process and ends, so that process 1 becomes its parent
		start("end")
	case "clock": // writes when it began, in nanoseconds, and waits
		fmt.Println(began.UnixNano())
		<-stopped()
	}
}

func serve() {
	stop := stopped()
	fmt.Println("started:", time.Now().UnixMilli())
	fmt.Println("zombies:", zombies())
	variables := os.Environ()
	slices.Sort(variables)
	for _, variable := range variables {
		if strings.HasPrefix(variable, "APP_") {
			fmt.Println(variable)
		}
	}
	if err := start("orphan").Wait(); err != nil {
		fmt.Println(err)
	}
	<-stop
}

// stopped returns a channel that receives SIGTERM.
func stopped() chan os.Signal {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	return stop
}

// start starts this program with one argument.
func start(argument string) *exec.Cmd {
	command := exec.Command("/proc/self/exe", argument)
	if err := command.Start(); err != nil {
		fmt.Println(err)
	}
	return command
}

// zombies counts the processes that have ended and were not reaped.
func zombies() int {
	count := 0
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if _, state, found := strings.Cut(string(stat), ") "); err == nil && found && strings.HasPrefix(state, "Z") {
			count++
		}
	}
	return count
}
