// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io/fs"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"ovhcloud-csi-provider/cmd/ovhcsi/launch"
)

const execLong = `PROGRAM gets the secrets of a mounted volume as environment variables, without a
Kubernetes Secret. A name that several sources give has the value of the last one,
and a source overrides the environment of this command.

Without --signal and --restart, this command is replaced by PROGRAM. With one of
them it stays: it passes signals on, reaps processes that lost their parent, and
acts when the files of a source change. A running program keeps the variables that
it was started with: use --signal if it reads the files itself.

Without PROGRAM, --copy-to copies the files and the command ends, for an init
container.

Exit code: that of PROGRAM, or 128+n if signal n ended it; 126 if PROGRAM cannot be
executed, 127 if it is not found, 1 if a variable or a file is wrong, 2 for an
invalid command line or a file that cannot be read.`

const execExample = `  ovhcsi exec --env-dir /mnt/secrets -- /app/server --port 8080
  ovhcsi exec --env-file /mnt/secrets/db.env --restart -- /app/server
  ovhcsi exec --volume /mnt/tls --signal HUP -- nginx -g 'daemon off;'
  ovhcsi exec --env-file /mnt/secrets/app.env --copy-to /env`

// newExecCommand returns "ovhcsi exec".
func newExecCommand(s streams) *cobra.Command {
	o := launch.Options{Log: func(line string) { printLine(s.err, "ovhcsi exec: %s", line) }}
	var signal string
	command := &cobra.Command{
		Use:                   "exec [FLAGS] -- PROGRAM [ARGUMENTS]",
		Short:                 "start a program with mounted secrets as its environment",
		Long:                  execLong,
		Example:               execExample,
		DisableFlagsInUseLine: true,
		Args:                  cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, program []string) (err error) {
			o.Program = program
			if err := checkExec(&o, signal); err != nil {
				return err
			}
			code, err := launch.Run(o)
			if err == nil && code != exitOK {
				return exitError{code, nil}
			}
			return launchError(err)
		},
	}
	flags := command.Flags()
	flags.SetInterspersed(false) // flags after PROGRAM are its own
	flags.Var(sourceFlag{&o.Sources, launch.EnvDir}, "env-dir",
		"a `DIR` in which each file is a variable: its name, its content\nwithout a line break at the end")
	flags.Var(sourceFlag{&o.Sources, launch.EnvFile}, "env-file",
		"a `FILE` with lines NAME='value', as format: env and dotenv\nwrite them")
	flags.Var(sourceFlag{&o.Sources, launch.Volume}, "volume",
		"a `DIR` whose files are no variables, but are copied and watched")
	flags.BoolVar(&o.SkipInvalid, "skip-invalid", false, "leave out files of --env-dir whose names cannot be variables")
	flags.StringVar(&signal, "signal", "", "send PROGRAM this `SIGNAL` when files change, such as HUP")
	flags.BoolVar(&o.OnChange.Restart, "restart", false, "end PROGRAM when files change, and start it with the new ones")
	flags.DurationVar(&o.StopTimeout, "stop-timeout", 30*time.Second,
		"kill PROGRAM if it has not ended for a restart after this\n`DURATION`")
	flags.DurationVar(&o.Poll, "poll", 10*time.Second, "look for changes that the system does not report each `DURATION`")
	flags.StringVar(&o.CopyTo, "copy-to", "", "copy the files to `DIR`, with mode 0600")
	completeValues(command, "signal", launch.Signals())
	for _, flag := range []string{"env-dir", "volume", "copy-to"} {
		_ = command.MarkFlagDirname(flag)
	}
	return command
}

// checkExec checks the command line, and sets the signal.
func checkExec(o *launch.Options, signal string) error {
	switch {
	case len(o.Sources) == 0:
		return usageErrorf("no files are given; use --env-dir, --env-file or --volume")
	case signal != "" && o.OnChange.Restart:
		return usageErrorf("--signal cannot be combined with --restart")
	case len(o.Program) == 0 && o.CopyTo == "":
		return usageErrorf("missing PROGRAM; write it with its arguments after --")
	case len(o.Program) == 0 && (signal != "" || o.OnChange.Restart):
		return usageErrorf("--signal and --restart need a PROGRAM; write it with its arguments after --")
	case o.Poll < 10*time.Millisecond || o.StopTimeout < 0:
		return usageErrorf("--poll must be 10ms at least, and --stop-timeout not negative")
	}
	if signal == "" {
		return nil
	}
	var err error
	if o.OnChange.Signal, err = launch.ParseSignal(signal); err != nil {
		return usageErrorf("--signal: %w", err)
	}
	return nil
}

// launchError returns an error of launch.Run with its exit code.
func launchError(err error) error {
	var path *fs.PathError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, launch.ErrNotFound):
		return exitError{127, err}
	case errors.Is(err, launch.ErrNotExecutable):
		return exitError{126, err}
	case errors.As(err, &path):
		return usageError(err)
	}
	return err
}

// sourceFlag is a flag that may be given several times. All of them add to one list, which so has
// the order of the command line.
type sourceFlag struct {
	all  *[]launch.Source
	kind launch.Kind
}

var _ pflag.Value = sourceFlag{}

func (f sourceFlag) String() string { return "" }
func (f sourceFlag) Type() string   { return "path" }
func (f sourceFlag) Set(path string) error {
	if path == "" {
		return errors.New("it is empty; give a path")
	}
	*f.all = append(*f.all, launch.Source{Kind: f.kind, Path: path})
	return nil
}
