// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"ovhcloud-csi-provider/cmd/commandline"
)

// newGroup returns a command that only has subcommands.
func newGroup(name, short string) *cobra.Command {
	return &cobra.Command{
		Use:   name,
		Short: short,
		Args:  cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(c, args[0])
			}
			if !c.HasParent() {
				fmt.Fprint(c.ErrOrStderr(), helpText(c))
				return exitError{exitUsage, nil}
			}
			return usageErrorf("missing subcommand; available: %s", strings.Join(subcommands(c), ", "))
		},
	}
}

// unknownCommand returns the error for a word that is no subcommand of c.
func unknownCommand(c *cobra.Command, word string) error {
	kind := "subcommand"
	if !c.HasParent() {
		kind = "command"
	}
	names := subcommands(c)
	return usageErrorf("unknown %s %q%s (available: %s)", kind, word, commandline.Suggestion(word, names),
		strings.Join(names, ", "))
}

// subcommands returns the names of a command's subcommands.
func subcommands(c *cobra.Command) (names []string) {
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	return names
}

// giveCodes gives exitFailed to the errors of all commands that have no code of their own, so that
// report can tell them from cobra's, which are about the command line.
func giveCodes(c *cobra.Command) {
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			err := run(c, args)
			if err != nil && !errors.As(err, &exitError{}) {
				return exitError{exitFailed, err}
			}
			return err
		}
	}
	for _, sub := range c.Commands() {
		giveCodes(sub)
	}
}
