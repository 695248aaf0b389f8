// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ovhcloud-csi-provider/cmd/commandline"
	"ovhcloud-csi-provider/cmd/ovhcsi/schema"
)

const schemaLong = `It prints the JSON Schema (draft 07) of SecretProviderClasses of the provider: of the
class (default), or of the list within its parameter objects. An editor that has it
completes fields, shows what they mean, and marks mistakes:

  ovhcsi schema >class.schema.json
  # yaml-language-server: $schema=./class.schema.json    (first line of a class)

ovhcsi lint finds more: a schema cannot hold all rules.`

// schemas has the schemas by name.
var schemas = map[string]func() map[string]any{"class": schema.Class, "objects": schema.Objects}

// newSchemaCommand returns "ovhcsi schema".
func newSchemaCommand(s streams) *cobra.Command {
	names := slices.Sorted(maps.Keys(schemas))
	return &cobra.Command{
		Use:       "schema [class|objects]",
		Short:     "print the JSON Schema of a class, for editors",
		Long:      schemaLong,
		ValidArgs: names,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) > 0 && schemas[args[0]] == nil:
				return usageErrorf("unknown schema %q%s (available: %s)", args[0], commandline.Suggestion(args[0], names),
					strings.Join(names, ", "))
			case len(args) > 1:
				return usageErrorf("unexpected argument %q", args[1])
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			name := "class"
			if len(args) > 0 {
				name = args[0]
			}
			_, err := io.WriteString(s.out, schema.JSON(schemas[name]()))
			return err
		},
	}
}
