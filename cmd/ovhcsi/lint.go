package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ovhcloud-csi-provider/cmd/commandline"
	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
)

const lintUsage = `ovhcsi lint - find mistakes in SecretProviderClasses and in the pods that mount them

Usage: ovhcsi lint [flags] FILE…

`

const lintDetails = `
A FILE is YAML or JSON, a directory of such files (.yaml, .yml, .json), or - for
standard input, such as the output of helm template or kubectl kustomize. Classes
are read by the provider's own code; no cluster and no OKMS is asked. All files
are looked at together: give the pods with their classes.

Each finding has an ID with a section in docs/lint.md. An annotation of the object
accepts findings, with a reason:

  metadata:
    annotations:
      ovhcsi.lint/ignore: "OVH306: each region has a class of its own"

Exit status: 0 if there is no error and no warning, 1 if there is one, 2 for an
invalid command line or a file that cannot be read.
`

// lintLine is the command line of "ovhcsi lint".
type lintLine struct {
	output string
	files  []string
}

func lintFlags(c *lintLine) *flag.FlagSet {
	flags := flag.NewFlagSet("lint", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&c.output, "output", "text", "the `FORM` of the findings: "+strings.Join(lint.Outputs(), ", "))
	return flags
}

func lintHelp() string { return lintUsage + flagsHelp(lintFlags(&lintLine{})) + lintDetails }

// runLint runs "ovhcsi lint" and returns the exit status.
func runLint(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c, err := parseLint(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, lintHelp())
		return exitOK
	}
	var sources []lint.Source
	if err == nil {
		sources, err = readSources(c.files, stdin)
	}
	if err != nil {
		printLine(stderr, "ovhcsi lint: %v (see --help)", err)
		return exitUsage
	}
	findings := lint.Run(sources)
	if err := lint.Write(stdout, c.output, commandline.Version(), len(sources), findings); err != nil {
		printLine(stderr, "ovhcsi lint: %v", err)
		return exitUsage
	}
	if lint.Failed(findings) {
		return exitFailed
	}
	return exitOK
}

// parseLint returns the command line, or flag.ErrHelp. Flags may come after files too.
func parseLint(args []string) (c lintLine, err error) {
	if c.files, err = interspersed(lintFlags(&c), args); err != nil {
		return c, err
	}
	if !slices.Contains(lint.Outputs(), c.output) {
		return c, fmt.Errorf("--output %s is not one of %s%s", c.output, strings.Join(lint.Outputs(), ", "), commandline.Suggestion(c.output, lint.Outputs()))
	}
	return c, nil
}

// readSources reads files and the files of directories, in order.
func readSources(names []string, stdin io.Reader) (sources []lint.Source, err error) {
	for _, name := range names {
		if name == "-" {
			text, err := io.ReadAll(stdin)
			if err != nil {
				return nil, fmt.Errorf("reading standard input: %w", err)
			}
			sources = append(sources, lint.Source{Name: "-", Text: string(text)})
			continue
		}
		err := filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || path != name && !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) {
				return err
			}
			text, err := os.ReadFile(path)
			sources = append(sources, lint.Source{Name: path, Text: string(text)})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("%s holds no .yaml, .yml or .json file", strings.Join(names, ", "))
	}
	return sources, nil
}
