// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"

	"go.opentelemetry.io/otel"
)

// TestMain runs the tests in namespaces in which they can mount.
func TestMain(m *testing.M) {
	os.Exit(Isolated(false, func() int { return run(m) }))
}

func run(m *testing.M) int {
	logFile := flag.String("driver-log", "", "`file` for the log of the driver and its libraries; default: none")
	flag.Parse()
	LogTo(io.Discard)
	otel.SetMeterProvider(driverCounters)
	if *logFile != "" {
		file, err := os.Create(*logFile)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer file.Close()
		LogTo(file)
	}
	var err error
	if built, err = os.MkdirTemp("", "daemon"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(built)
	return m.Run()
}

// programVariable names the environment variable with the daemon's program to test. If it is empty, the daemon is built
// from this checkout.
const programVariable = "OVHCLOUD_CSI_TEST_DAEMON"

// built is the folder of the programs that the tests build. It is removed at the end.
var built string

// daemonOnce returns the path of the daemon's program. The first call builds it.
var daemonOnce = sync.OnceValues(func() (string, error) {
	if program := os.Getenv(programVariable); program != "" {
		return program, nil
	}
	return BuildDaemon(context.Background(), built)
})

func daemonProgram(t *testing.T) string {
	t.Helper()
	program, err := daemonOnce()
	if err != nil {
		t.Fatal(err)
	}
	return program
}
