// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ovhcloud-csi-provider/cmd/commandline"
	"ovhcloud-csi-provider/cmd/ovhcsi/cluster"
	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
	"ovhcloud-csi-provider/provider/place"
)

const lintLong = `A FILE is YAML or JSON, a directory of such files (.yaml, .yml, .json), or - for
standard input, such as the output of helm template or kubectl kustomize. Classes
are read by the provider's own code; no OKMS is asked, and no cluster without
--against-cluster. All files are looked at together: give the pods with their
classes.

  ovhcsi lint deploy/
  helm template shop ./chart | ovhcsi lint --namespace shop -
  ovhcsi lint deploy/ --config connections.yaml --against-cluster

Each finding has an ID with a section in docs/lint.md. An annotation of the object
accepts findings, with a reason:

  metadata:
    annotations:
      ovhcsi.lint/ignore: "OVH306: each region has a class of its own"

Exit code: 0 if there is no error and no warning, 1 if there is one, 2 for an
invalid command line or a file that cannot be read.`

// lintLine is the command line of "ovhcsi lint".
type lintLine struct {
	output, namespace, config string
	allowed, against          []string
	againstCluster            bool
}

// newLintCommand returns "ovhcsi lint".
func newLintCommand(s streams) *cobra.Command {
	var c lintLine
	command := &cobra.Command{
		Use:   "lint FILE…",
		Short: "find mistakes in SecretProviderClasses and in the pods that mount them",
		Long:  lintLong,
		Args:  someFiles,
		RunE:  func(command *cobra.Command, files []string) error { return c.run(command.Context(), files, s) },
	}
	flags := command.Flags()
	flags.StringVar(&c.output, "output", "text", "the `FORM` of the findings: "+strings.Join(lint.Outputs(), ", "))
	flags.StringVar(&c.namespace, "namespace", "", "the `NAME` of the namespace of objects that name none")
	flags.StringVar(&c.config, "config", "",
		"the provider's `FILE` of connections: check that its rules\nallow what the classes read")
	flags.StringArrayVar(&c.allowed, "allow-endpoint", nil, "a `HOST` of the provider's --allow-endpoint; repeatable")
	flags.StringArrayVar(&c.against, "against", nil, "a `FILE` with the classes that running pods have; repeatable")
	flags.BoolVar(&c.againstCluster, "against-cluster", false,
		"compare with the classes of the cluster, which kubectl reads")
	completeValues(command, "output", lint.Outputs())
	return command
}

// run prints the findings.
func (c *lintLine) run(ctx context.Context, files []string, s streams) error {
	if err := oneOf("output", c.output, lint.Outputs()); err != nil {
		return err
	}
	sources, err := readSources(files, s.in)
	if err != nil {
		return usageError(err)
	}
	options, err := c.options(ctx, s)
	if err != nil {
		return err
	}
	findings := lint.Check(sources, options)
	if err := lint.Write(s.out, c.output, commandline.Version(), len(sources), findings); err != nil {
		return err
	}
	if lint.Failed(findings) {
		return errFindings
	}
	return nil
}

// options reads what the flags name.
func (c *lintLine) options(ctx context.Context, s streams) (options lint.Options, err error) {
	options.Namespace = c.namespace
	if options.Endpoints, err = place.ParseEndpoints(c.allowed); err != nil {
		return options, usageErrorf("--allow-endpoint: %w", err)
	}
	if c.config != "" {
		if options.Connections, err = readConnections(c.config, s.err); err != nil {
			return options, err
		}
	}
	if len(c.against) > 0 {
		if options.Applied, err = readSources(c.against, s.in); err != nil {
			return options, usageErrorf("--against: %w", err)
		}
	}
	if c.againstCluster {
		text, err := cluster.ReadClasses(ctx, cluster.Kubectl{})
		if err != nil {
			return options, usageErrorf("--against-cluster: %w", err)
		}
		options.Applied = append(options.Applied, lint.Source{Name: "the cluster", Text: string(text)})
	}
	return options, nil
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
			if err != nil || entry.IsDir() ||
				path != name && !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) {
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
