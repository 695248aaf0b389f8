package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ovhcloud-csi-provider/cmd/commandline"
	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
)

const lintLong = `A FILE is YAML or JSON, a directory of such files (.yaml, .yml, .json), or - for
standard input, such as the output of helm template or kubectl kustomize. Classes
are read by the provider's own code; no cluster and no OKMS is asked. All files
are looked at together: give the pods with their classes.

Each finding has an ID with a section in docs/lint.md. An annotation of the object
accepts findings, with a reason:

  metadata:
    annotations:
      ovhcsi.lint/ignore: "OVH306: each region has a class of its own"

Exit code: 0 if there is no error and no warning, 1 if there is one, 2 for an
invalid command line or a file that cannot be read.`

// newLintCommand returns "ovhcsi lint".
func newLintCommand(s streams) *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:   "lint FILE…",
		Short: "find mistakes in SecretProviderClasses and in the pods that mount them",
		Long:  lintLong,
		Args:  someFiles,
		RunE: func(_ *cobra.Command, files []string) error {
			if err := oneOf("output", output, lint.Outputs()); err != nil {
				return err
			}
			sources, err := readSources(files, s.in)
			if err != nil {
				return usageError(err)
			}
			findings := lint.Run(sources)
			if err := lint.Write(s.out, output, commandline.Version(), len(sources), findings); err != nil {
				return err
			}
			if lint.Failed(findings) {
				return errFindings
			}
			return nil
		},
	}
	command.Flags().StringVar(&output, "output", "text", "the `FORM` of the findings: "+strings.Join(lint.Outputs(), ", "))
	completeValues(command, "output", lint.Outputs())
	return command
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
