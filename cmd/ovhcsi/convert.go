// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"ovhcloud-csi-provider/cmd/ovhcsi/convert"
)

const convertLong = `A FILE is YAML or JSON, a directory of such files, or - for standard input. The
SecretStores, ClusterSecretStores and ExternalSecrets of External Secrets Operator (the
providers vault at an address of OKMS, and ovh) and the classes of the vault provider
become SecretProviderClasses. Give stores and ExternalSecrets together.

  ovhcsi convert eso/ >classes.yaml
  kubectl get secretstores,externalsecrets -o yaml | ovhcsi convert -
  ovhcsi convert eso/ --connection default --output values >values.yaml

The output is the classes, with the volume of their pods in comments; the same volume as
YAML (pods); or the values of the provider's chart for the connection (values).

What has no counterpart is a comment in the output, and a line on standard error with
its place. dataFrom needs --keys if keys of the Secret are wanted: the driver makes a
Secret of keys that the class names.

  ovhcsi convert eso/ --keys prod/shop/db=user,password

Exit code: 0 if all of it has a counterpart, 1 if not, 2 for an invalid command line or
a file that cannot be read.`

// convertLine is the command line of "ovhcsi convert".
type convertLine struct {
	output, connection string
	keys               []string
}

// convertOutputs are the values of --output.
var convertOutputs = []string{"classes", "pods", "values"}

// newConvertCommand returns "ovhcsi convert".
func newConvertCommand(s streams) *cobra.Command {
	var c convertLine
	command := &cobra.Command{
		Use:   "convert FILE…",
		Short: "make classes of ExternalSecrets, and of classes of the vault provider",
		Long:  convertLong,
		Args:  someFiles,
		RunE:  func(_ *cobra.Command, files []string) error { return c.run(files, s) },
	}
	flags := command.Flags()
	flags.StringVar(&c.output, "output", "classes", "the `PART` to print: "+strings.Join(convertOutputs, ", "))
	flags.StringVar(&c.connection, "connection", "",
		"the `NAME` of the provider's connection that the classes use,\nin place of a Secret of the pods")
	flags.StringArrayVar(&c.keys, "keys", nil,
		"the keys that dataFrom finds in a secret:\n`SECRET=KEY,…`, or SECRET#PROPERTY=KEY,…; repeatable")
	completeValues(command, "output", convertOutputs)
	return command
}

// run prints the result.
func (c *convertLine) run(files []string, s streams) error {
	if err := oneOf("output", c.output, convertOutputs); err != nil {
		return err
	}
	if c.output == "values" && c.connection == "" {
		return usageErrorf("--output values needs --connection NAME")
	}
	options := convert.Options{Connection: c.connection, Keys: map[string][]string{}}
	for _, text := range c.keys {
		name, keys, found := strings.Cut(text, "=")
		if !found || name == "" || keys == "" {
			return usageErrorf("--keys %s: write SECRET=KEY,KEY", text)
		}
		options.Keys[name] = append(options.Keys[name], strings.Split(keys, ",")...)
	}
	sources, err := readSources(files, s.in)
	if err != nil {
		return usageError(err)
	}
	result := convert.Convert(sources, options)
	for _, n := range result.Notes {
		printLine(s.err, "%s:%d: %s: %s", n.File, n.Line, n.Severity, n.Message)
	}
	text := map[string]func() string{"classes": result.Classes, "pods": result.Pods, "values": result.Values}[c.output]()
	if _, err := io.WriteString(s.out, text); err != nil {
		return err
	}
	switch {
	case result.Empty() && len(result.Notes) == 0:
		return usageErrorf("nothing to convert: no ExternalSecret, and no class of the vault provider")
	case !result.Lossless():
		return errFindings
	}
	return nil
}
