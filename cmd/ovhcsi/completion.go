// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ovhcloud-csi-provider/cmd/commandline"
)

const completionLong = `Load it once:

  source <(ovhcsi completion bash)
  source <(ovhcsi completion zsh)
  ovhcsi completion fish | source
  ovhcsi completion powershell | Out-String | Invoke-Expression

Put the line into the start file of your shell to keep it. For "kubectl ovhcsi", put an
executable file kubectl_complete-ovhcsi on your PATH:

  #!/bin/sh
  exec kubectl ovhcsi __complete "$@"`

// shells has the writer of the completion for each shell.
var shells = map[string]func(root *cobra.Command, to io.Writer) error{
	"bash":       func(root *cobra.Command, to io.Writer) error { return root.GenBashCompletionV2(to, true) },
	"zsh":        (*cobra.Command).GenZshCompletion,
	"fish":       func(root *cobra.Command, to io.Writer) error { return root.GenFishCompletion(to, true) },
	"powershell": (*cobra.Command).GenPowerShellCompletionWithDesc,
}

// newCompletionCommand returns "ovhcsi completion".
func newCompletionCommand(s streams) *cobra.Command {
	names := slices.Sorted(maps.Keys(shells))
	list := strings.Join(names, ", ")
	return &cobra.Command{
		Use:       "completion SHELL",
		Short:     "print the completion script for bash, zsh, fish or powershell",
		Long:      completionLong,
		ValidArgs: names,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usageErrorf("missing shell; available: %s", list)
			case shells[args[0]] == nil:
				return usageErrorf("unknown shell %q%s (available: %s)", args[0], commandline.Suggestion(args[0], names), list)
			case len(args) > 1:
				return usageErrorf("unexpected argument %q", args[1])
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return shells[args[0]](c.Root(), s.out) },
	}
}

// completeValues completes the value of a flag that has few.
func completeValues(c *cobra.Command, flag string, values []string) {
	_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
