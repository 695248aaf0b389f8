package driver

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"testing"

	"go.opentelemetry.io/otel"
)

// TestMain runs the tests where they can mount, with the daemon built once for all of them.
func TestMain(m *testing.M) {
	os.Exit(Isolated(func() int { return run(m) }))
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
	if os.Getenv(programVariable) != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "daemon")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program, err := BuildDaemon(context.Background(), dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Setenv(programVariable, program)
	return m.Run()
}

// programVariable tells the tests where the daemon's program is. Set by the caller, it has them test that one; else
// it is built from this checkout.
const programVariable = "OVHCLOUD_CSI_TEST_DAEMON"
