// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"ovhcloud-csi-provider/cmd/ovhcsi/cluster"
	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
	"ovhcloud-csi-provider/cmd/ovhcsi/listing"
)

const diffLong = `It reads the secrets as the provider does, and prints the files that a pod would get
and that differ from others: those of a folder, or those of another state of the
class. It prints no value. Equal marks mean equal contents, and are keyed anew by
each run, so that no value can be guessed from them.

  ovhcsi diff class.yaml --credentials DIR --folder FOLDER
  ovhcsi diff new.yaml --credentials DIR --against old.yaml
  helm template shop ./chart | ovhcsi diff - --class shop --config FILE --against-cluster

FOLDER holds the files of a volume, such as those that ovhcsi render --to wrote, or
those of a running pod:

  mkdir FOLDER && kubectl exec POD -- tar -C /mnt/secrets -ch . | tar -x -C FOLDER

` + mountLong + `Exit code: 0 if nothing differs, 1 if something does, or if a class or a secret is
wrong, 2 for an invalid command line, 3 if OKMS or a rule refuses, 4 if OKMS cannot
be asked.`

// diffOutputs are the values of --output.
var diffOutputs = []string{"text", "json"}

// diffLine is the command line of "ovhcsi diff".
type diffLine struct {
	mountLine
	folder, output string
	against        []string
	againstCluster bool
}

// newDiffCommand returns "ovhcsi diff".
func newDiffCommand(s streams) *cobra.Command {
	var c diffLine
	command := &cobra.Command{
		Use:   "diff FILE… --folder FOLDER | --against FILE | --against-cluster",
		Short: "what would change for a pod, compared with a folder or another state of the class",
		Long:  diffLong,
		Args:  someFiles,
		RunE: func(command *cobra.Command, files []string) error {
			if err := c.validate(); err != nil {
				return err
			}
			return c.withClass(command.Context(), files, s.in, func(ctx context.Context, m *mounter, chosen lint.Class) error {
				return c.run(ctx, m, chosen, s)
			})
		},
	}
	c.define(command.Flags())
	flags := command.Flags()
	flags.StringVar(&c.folder, "folder", "", "compare with the files of `FOLDER`")
	flags.StringArrayVar(&c.against, "against", nil, "compare with what the class of the same name in `FILE` gives;\n"+
		"if FILE has one class, its name does not count; repeatable")
	flags.BoolVar(&c.againstCluster, "against-cluster", false,
		"compare with what the class of the cluster gives, which\nkubectl reads")
	flags.StringVar(&c.output, "output", "text", "the `FORM` of the differences: "+strings.Join(diffOutputs, ", "))
	completeValues(command, "output", diffOutputs)
	return command
}

// validate checks the values of the flags.
func (c *diffLine) validate() error {
	given := 0
	for _, is := range []bool{c.folder != "", len(c.against) > 0, c.againstCluster} {
		if is {
			given++
		}
	}
	if given != 1 {
		return usageErrorf("give one of --folder, --against and --against-cluster, which say what to compare with")
	}
	return oneOf("output", c.output, diffOutputs)
}

// run prints the differences.
func (c *diffLine) run(ctx context.Context, m *mounter, chosen lint.Class, s streams) error {
	marker := listing.NewMarker()
	before, err := c.before(ctx, m, marker, chosen, s.in)
	if err != nil {
		return err
	}
	after, err := listMount(ctx, m, marker, chosen)
	if err != nil {
		return err
	}
	changes, same := listing.Compare(before, after)
	if err := c.write(s.out, changes, same); err != nil {
		return err
	}
	if len(changes) > 0 {
		return errFindings
	}
	return nil
}

// before describes the files to compare with.
func (c *diffLine) before(ctx context.Context, m *mounter, marker listing.Marker, chosen lint.Class,
	stdin io.Reader) ([]listing.File, error) {
	if c.folder != "" {
		files, err := marker.Folder(c.folder)
		if err != nil {
			return nil, usageErrorf("--folder: %w", err)
		}
		return files, nil
	}
	old, err := c.old(ctx, chosen, stdin)
	if err != nil {
		return nil, usageError(err)
	}
	files, err := listMount(ctx, m, marker, old)
	if err != nil {
		return nil, ofOldClass(old, err)
	}
	return files, nil
}

// ofOldClass returns the error of a mount of the class to compare with.
func ofOldClass(old lint.Class, err error) error {
	failed := exitError{exitFailed, err}
	errors.As(err, &failed)
	return exitError{failed.code,
		multiline{fmt.Errorf("the class to compare with, of %s: %w", escaped(old.File), failed.err)}}
}

// old returns the class to compare with.
func (c *diffLine) old(ctx context.Context, chosen lint.Class, stdin io.Reader) (lint.Class, error) {
	if !c.againstCluster {
		all, err := readClasses(c.against, stdin)
		if err == nil && len(all) > 1 {
			all[0], err = chooseClass(all, chosen.Name)
		}
		if err != nil {
			return lint.Class{}, fmt.Errorf("--against: %w", err)
		}
		return all[0], nil
	}
	namespace := chosen.Namespace
	if namespace == "" {
		namespace = c.namespace
	}
	text, err := cluster.ReadClass(ctx, cluster.Kubectl{}, namespace, chosen.Name)
	if err != nil {
		return lint.Class{}, fmt.Errorf("--against-cluster: %w", err)
	}
	all, err := lint.Classes([]lint.Source{{Name: "the cluster", Text: string(text)}})
	if err == nil && len(all) != 1 {
		err = fmt.Errorf("class %s of namespace %s has another provider", chosen.Name, namespace)
	}
	if err != nil {
		return lint.Class{}, fmt.Errorf("--against-cluster: %w", err)
	}
	return all[0], nil
}

// listMount mounts a class and describes its files.
func listMount(ctx context.Context, m *mounter, marker listing.Marker, c lint.Class) ([]listing.File, error) {
	response, done, err := m.mount(ctx, c)
	if err != nil {
		return nil, err
	}
	defer done()
	return listed(marker, response), nil
}
