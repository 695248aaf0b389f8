// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"ovhcloud-csi-provider/cmd/commandline"
)

// newVersionCommand returns "ovhcsi version", which prints the version and nothing else, for
// scripts.
func newVersionCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print the version",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(s.out, commandline.Version())
			return err
		},
	}
}

// addVersionFlag adds --version to the program.
func addVersionFlag(root *cobra.Command, s streams) {
	version := root.Flags().Bool("version", false, "print the version")
	run := root.RunE
	root.RunE = func(c *cobra.Command, args []string) error {
		if *version && len(args) == 0 {
			_, err := fmt.Fprintln(s.out, commandline.Version())
			return err
		}
		return run(c, args)
	}
}
