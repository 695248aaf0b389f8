// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ovhcloud-csi-provider/cmd/ovhcsi/policy"
	"ovhcloud-csi-provider/provider/config"
)

// newPolicyCommand returns "ovhcsi policy".
func newPolicyCommand(s streams) *cobra.Command {
	group := newGroup("policy", "questions about the rules of a file of connections")
	group.Long = `OVHcloud's IAM knows no paths of secrets: the rules of connections are the only
least privilege by path. These commands answer by the provider's own code, and need
no credential, no cluster and no OKMS.`
	group.AddCommand(newWhoCanCommand(s), newPolicyTestCommand(s), newFromAuditCommand(s))
	return group
}

const whoCanLong = `It prints the rules that allow to read the secret at PATH. A PATH that ends in a slash
is a folder: these rules allow "find" below it.

  ovhcsi policy who-can prod/shop/db --config connections.yaml
  ovhcsi policy who-can prod/shop/ --config connections.yaml`

func newWhoCanCommand(s streams) *cobra.Command {
	var file, output string
	outputs := []string{"text", "json"}
	command := &cobra.Command{
		Use:   "who-can PATH --config FILE",
		Short: "which pods may read a secret",
		Long:  whoCanLong,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageErrorf("give the path of one secret, such as prod/shop/db")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if err := oneOf("output", output, outputs); err != nil {
				return err
			}
			all, err := readConnections(file, s.err)
			if err != nil {
				return err
			}
			readers, err := all.WhoCan(args[0])
			if err != nil {
				return usageErrorf("%s %w", args[0], err)
			}
			return showReaders(s.out, output, args[0], readers)
		},
	}
	configFlag(command, &file)
	command.Flags().StringVar(&output, "output", "text", "the `FORM`: "+strings.Join(outputs, ", "))
	completeValues(command, "output", outputs)
	return command
}

// configFlag adds --config.
func configFlag(command *cobra.Command, file *string) {
	command.Flags().StringVar(file, "config", "", "the provider's `FILE` of connections; required")
	_ = command.MarkFlagFilename("config", "yaml", "yml")
}

// showReaders prints who may read a path.
func showReaders(out io.Writer, output, path string, readers []policy.Reader) error {
	if output == "json" {
		if readers == nil {
			readers = []policy.Reader{}
		}
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"path": path, "readers": readers})
	}
	if len(readers) == 0 {
		printLine(out, "no rule allows %s to any pod", path)
	}
	for _, r := range readers {
		fallback := ""
		if len(r.FallbackOf) > 0 {
			fallback = " (the fallback of " + strings.Join(r.FallbackOf, ", ") + ")"
		}
		printLine(out, "%s%s, allow[%d]: namespaces %s; service accounts %s; by %s", r.Connection, fallback, r.Rule,
			strings.Join(r.Namespaces, ", "), strings.Join(r.ServiceAccounts, ", "), strings.Join(r.Paths, ", "))
	}
	return nil
}

const policyTestLong = `CASES is a YAML file of expectations. Keep it next to the file of connections, and run it
before a change of the rules is applied:

  cases:
    - {namespace: shop, serviceAccount: web, path: prod/shop/db, allowed: true}
    - {namespace: shop, path: prod/pay/card, allowed: false}
    - {connection: team, namespace: team-a, paths: [dev/a, dev/b/], allowed: true}

connection and serviceAccount are "default" if they are not given. A path that ends in a
slash is a folder for "find".`

func newPolicyTestCommand(s streams) *cobra.Command {
	var file string
	command := &cobra.Command{
		Use:   "test CASES --config FILE",
		Short: "check expectations of who may read what",
		Long:  policyTestLong,
		Args:  someFiles,
		RunE: func(_ *cobra.Command, names []string) error {
			all, err := readConnections(file, s.err)
			if err != nil {
				return err
			}
			cases, failed := 0, 0
			for _, name := range names {
				text, err := readText(name, s.in)
				if err != nil {
					return usageError(err)
				}
				n, wrong, err := all.Test(text)
				if err != nil {
					return usageErrorf("%s %w", name, err)
				}
				cases, failed = cases+n, failed+len(wrong)
				for _, m := range wrong {
					printLine(s.out, "%s:%d: %s", name, m.Line, m.Text)
				}
			}
			fmt.Fprintf(s.out, "cases: %d, mistakes: %d\n", cases, failed)
			if failed > 0 {
				return errFindings
			}
			return nil
		},
	}
	configFlag(command, &file)
	return command
}

const fromAuditLong = `It reads records of the provider's --audit-log, or its log, text or JSON, and prints the
smallest rules that allow what was read over each connection. Collect them for as long as your
rarest job needs:

  kubectl -n kube-system logs -l app.kubernetes.io/name=ovhcloud-csi-provider --tail=-1 |
    ovhcsi policy from-audit -

Mounts that failed count with what they could read. For "find" the log has the secrets
that were found: replace them with the folder, such as prod/shop/**.`

func newFromAuditCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "from-audit FILE…",
		Short: "the smallest rules for what the log says was read",
		Long:  fromAuditLong,
		Args:  someFiles,
		RunE: func(_ *cobra.Command, names []string) error {
			var texts []io.Reader
			for _, name := range names {
				text, err := readText(name, s.in)
				if err != nil {
					return usageError(err)
				}
				texts = append(texts, strings.NewReader(text+"\n"))
			}
			reads, err := policy.ReadAudit(io.MultiReader(texts...))
			if err != nil {
				return err
			}
			if reads.Mixed > 0 {
				printLine(s.err,
					"warning: %d records of mounts over several connections were left out: the log does not say which secret came "+
						"over which", reads.Mixed)
			}
			if reads.Cut > 0 {
				printLine(s.err,
					"warning: %d lists of secrets are cut, and their further records are not in the log; rules for the rest are "+
						"missing", reads.Cut)
			}
			if len(reads.All) == 0 {
				return fmt.Errorf("%d records of mounts were found, none with a secret that was read over a connection",
					reads.Records)
			}
			_, err = io.WriteString(s.out, reads.Rules())
			return err
		},
	}
}

// readText reads a file, or standard input for -.
func readText(name string, stdin io.Reader) (string, error) {
	if name == "-" {
		text, err := io.ReadAll(stdin)
		return string(text), err
	}
	text, err := os.ReadFile(name)
	return string(text), err
}

// readConnections reads the file of connections without their credentials. It prints what is wrong
// with the file.
func readConnections(file string, stderr io.Writer) (policy.Connections, error) {
	if file == "" {
		return nil, usageErrorf("--config is missing")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, usageErrorf("--config: %w", err)
	}
	all, err := config.Parse(string(text), time.Nanosecond) // maxStale is not looked at
	var problems config.Problems
	if errors.As(err, &problems) {
		printProblems(stderr, file, problems)
		return nil, errFindings
	}
	return all, err
}
