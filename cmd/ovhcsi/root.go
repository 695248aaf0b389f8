// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

const rootLong = `"%[1]s help COMMAND" prints the help of a command.

Exit codes:
%[2]s`

// newRootCommand returns the program with all commands.
func newRootCommand(program string, s streams) *cobra.Command {
	root := newGroup("ovhcsi", "tools for the OVHcloud provider of the Secrets Store CSI driver")
	root.Long = fmt.Sprintf(rootLong, program, exitCodesHelp())
	root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: program}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { fmt.Fprint(s.out, helpText(c)) })
	root.AddCommand(
		newCompletionCommand(s),
		newConnectionsCommand(s),
		newConvertCommand(s),
		newDoctorCommand(s),
		newEmulatorCommand(s),
		newExecCommand(s),
		newLintCommand(s),
		newManCommand(),
		newPolicyCommand(s),
		newRenderCommand(s),
		newDiffCommand(s),
		newSchemaCommand(s),
		newVersionCommand(s),
	)
	help := newHelpCommand(s)
	root.SetHelpCommand(help)
	root.AddCommand(help)
	addVersionFlag(root, s)
	giveCodes(root)
	endOnSignals(root)
	return root
}
