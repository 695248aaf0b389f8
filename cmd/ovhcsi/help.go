// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// helpText returns the help of a command: its name and purpose, its long text, its subcommands and
// its flags.
func helpText(c *cobra.Command) string {
	c.InitDefaultHelpFlag()
	var b strings.Builder
	fmt.Fprintf(&b, "%s - %s\n\n", c.CommandPath(), c.Short)
	if c.Long != "" {
		fmt.Fprintf(&b, "%s\n\n", strings.TrimSpace(c.Long))
	}
	if !c.HasSubCommands() {
		fmt.Fprintf(&b, "Usage:\n  %s\n", c.UseLine())
	} else {
		fmt.Fprintf(&b, "Usage:\n  %s COMMAND\n\nCommands:\n", c.CommandPath())
		for _, sub := range c.Commands() {
			if !sub.Hidden {
				fmt.Fprintf(&b, "  %-*s  %s\n", sub.NamePadding(), sub.Name(), sub.Short)
			}
		}
	}
	if c.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", strings.Trim(c.Example, "\n"))
	}
	fmt.Fprintf(&b, "\nFlags:\n%s", c.LocalFlags().FlagUsages())
	return b.String()
}

// newHelpCommand returns "ovhcsi help".
func newHelpCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:                   "help [COMMAND]",
		Short:                 "print the help of a command",
		DisableFlagsInUseLine: true,
		ValidArgsFunction: func(c *cobra.Command, args []string,
			_ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
			if of, rest, err := c.Root().Find(args); err == nil && len(rest) == 0 {
				for _, sub := range of.Commands() {
					if !sub.Hidden {
						names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			of, rest, err := c.Root().Find(args)
			switch {
			case err != nil:
				return usageError(err)
			case len(rest) > 0 && of.HasSubCommands():
				return unknownCommand(of, rest[0])
			case len(rest) > 0:
				return usageErrorf("%s has no subcommands; %q is unexpected", of.Name(), rest[0])
			}
			_, err = io.WriteString(s.out, helpText(of))
			return err
		},
	}
}
