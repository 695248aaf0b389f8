// SPDX-License-Identifier: Apache-2.0

// Package mlog replaces monis.app/mlog v0.0.4, the logging helper of the Secrets Store CSI driver. The original cannot
// be fetched everywhere, and the driver's node server uses only its Fatal. This one logs through klog, which the driver
// uses for everything else. It has only the names that driver v1.6.1 refers to.
package mlog

import (
	"context"
	"flag"
	"fmt"
	"strconv"

	"k8s.io/klog/v2"
)

// LogFormat is the format of log lines. Its zero value means text.
type LogFormat string

// The formats of the driver's command line. This package writes text for both.
const (
	FormatText LogFormat = "text"
	FormatJSON LogFormat = "json"
)

// Setup returns a function that flushes the log.
func Setup() func() { return klog.Flush }

// ValidateAndSetKlogLevelAndFormatGlobally sets klog's verbosity for the whole process. It fails for a level below
// zero; the format and ctx have no effect here.
func ValidateAndSetKlogLevelAndFormatGlobally(_ context.Context, level klog.Level, _ LogFormat) error {
	if level < 0 {
		return fmt.Errorf("setting log level %d: below zero", level)
	}
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	return flags.Set("v", strconv.Itoa(int(level)))
}

// Error logs msg with its cause and key-value pairs.
func Error(msg string, err error, keysAndValues ...any) {
	klog.ErrorSDepth(1, err, msg, keysAndValues...)
}

// Fatal logs err and ends the process with code 255.
func Fatal(err error) { klog.FatalDepth(1, err) }
