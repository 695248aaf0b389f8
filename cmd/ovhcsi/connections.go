// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"ovhcloud-csi-provider/provider/config"
	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/explain"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/read"
)

const connectionsCheckLong = `The check prints every mistake in the file as FILE:LINE. It prints each
connection with its credential, its rules, its fallback, and the rules that the
fallback may not cover. A credentials directory that is missing on this machine
is a mistake only with --online or --credentials. To get the file that the Helm
chart makes from its value connections:

  kubectl -n kube-system get configmap ovhcloud-csi-provider \
    -o jsonpath='{.data.connections\.yaml}' >connections.yaml`

// onlineTime is the longest time for the requests of --online for one connection.
const onlineTime = 30 * time.Second

// connectionsCheck is the command line of "ovhcsi connections check".
type connectionsCheck struct {
	config, credentials string
	cacheTTL            time.Duration
	online              bool
	all                 map[string]*connections.Connection // of the file, by name
}

// newConnectionsCommand returns "ovhcsi connections".
func newConnectionsCommand(s streams) *cobra.Command {
	group := newGroup("connections", "check a file of connections before the provider reads it")
	group.AddCommand(newConnectionsCheckCommand(s))
	return group
}

// newConnectionsCheckCommand returns "ovhcsi connections check".
func newConnectionsCheckCommand(s streams) *cobra.Command {
	var c connectionsCheck
	command := &cobra.Command{
		Use:   "check --config FILE",
		Short: "check a file of connections before the provider reads it",
		Long:  connectionsCheckLong,
		Args:  noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := c.validate(); err != nil {
				return err
			}
			okms.ClearEnvironment()
			if !c.run(command.Context(), s.out, s.err) {
				return errFindings
			}
			return nil
		},
	}
	c.define(command.Flags())
	return command
}

// define defines the flags, which set c.
func (c *connectionsCheck) define(flags *pflag.FlagSet) {
	flags.StringVar(&c.config, "config", "", "the YAML `FILE` that is the provider's --config; required")
	flags.StringVar(&c.credentials, "credentials", "",
		"read the credential of connection NAME from `DIR`/NAME,\nnot from its credentialsDir in the file")
	flags.DurationVar(&c.cacheTTL, "cache-ttl", 30*time.Second,
		"the provider's --cache-ttl, a `DURATION`; each maxStale must exceed it")
	flags.BoolVar(&c.online, "online", false,
		"test the permissions of each credential with two reads\nof a secret that probably does not exist. No secret "+
			"is\nchanged or printed")
}

// validate checks the values of the flags.
func (c *connectionsCheck) validate() error {
	if c.config == "" {
		return usageErrorf("--config is missing")
	}
	if err := config.CheckCacheTTL(c.cacheTTL); err != nil {
		return usageErrorf("--cache-ttl: %w", err)
	}
	return nil
}

// run checks the file and its credentials. It returns true if it found no mistake.
func (c connectionsCheck) run(ctx context.Context, stdout, stderr io.Writer) (valid bool) {
	all, err := connections.Read(c.config, c.cacheTTL, c.folder, time.Now())
	var problems config.Problems
	switch {
	case errors.As(err, &problems):
		printProblems(stderr, c.config, problems)
		return false
	case err != nil:
		printLine(stderr, "ovhcsi connections: %v", err)
		return false
	}
	c.all = map[string]*connections.Connection{}
	for _, connection := range all {
		c.all[connection.Name()] = connection
	}
	var found tally
	for _, connection := range all {
		found.add(c.one(ctx, connection, stdout))
	}
	fmt.Fprintln(stdout, found.summary())
	return found.invalid == 0
}

// finding is the result of the check of one connection.
type finding struct {
	state
	warnings int
}

// state is the result for the credential of a connection.
type state int

const (
	good state = iota
	invalid
	unseen // no mistake found, but the credential was not checked
)

// tally counts the findings of all connections.
type tally struct{ all, invalid, unseen, warnings int }

// add counts a finding.
func (t *tally) add(f finding) {
	t.all++
	t.warnings += f.warnings
	switch f.state {
	case invalid:
		t.invalid++
	case unseen:
		t.unseen++
	}
}

// summary returns the last line of the output: the result in one sentence.
func (t tally) summary() string {
	if t.all == 0 {
		return "The file has no connections."
	}
	connections := fmt.Sprintf("%d connections", t.all)
	if t.all == 1 {
		connections = "1 connection"
	}
	text := connections + ", no mistake found"
	switch {
	case t.invalid > 0 && t.all == 1:
		text = connections + ", with errors"
	case t.invalid > 0:
		text = fmt.Sprintf("%s, %d of them with errors", connections, t.invalid)
	case t.unseen > 0:
		text += fmt.Sprintf("; credentials not checked: %d (set --credentials to their directory)", t.unseen)
	}
	if t.warnings > 0 {
		text += fmt.Sprintf("; WARNINGS: %d (see above)", t.warnings)
	}
	return text + "."
}

// folder returns the directory of a connection's credential: stated, or that of --credentials.
func (c connectionsCheck) folder(name, stated string) string {
	if c.credentials == "" {
		return stated
	}
	return filepath.Join(c.credentials, name)
}

// printer prints one line of the result of a connection. name is the label in front; it may be
// empty.
type printer func(name, format string, args ...any)

// one prints and checks one connection.
func (c connectionsCheck) one(ctx context.Context, connection *connections.Connection, out io.Writer) finding {
	place := connection.Place()
	printLine(out, "%s: %s, okmsId %s", connection.Name(), place.Endpoint, place.ID)
	line := func(name, format string, args ...any) {
		printLine(out, "  %-11s %s", name, fmt.Sprintf(format, args...))
	}
	if own, stated := connection.OwnMaxStale(); stated {
		line("maxStale", "%s", own)
	}
	for _, rule := range connection.Rules() {
		line("allows", "%s", rule)
	}
	warnings := c.checkFallback(connection, line)
	return finding{state: c.checkIdentity(ctx, connection, line), warnings: warnings}
}

// checkFallback prints the connection's fallback, and a warning for each rule that the
// fallback may not cover. It returns the number of warnings; 0 if there is no fallback.
func (c connectionsCheck) checkFallback(connection *connections.Connection, line printer) (warnings int) {
	second := c.all[connection.Fallback()]
	if second == nil {
		return 0
	}
	line("fallback", "%s: %s", second.Name(), second.Place().Endpoint)
	lacking := connection.NotCoveredBy(second)
	for _, rule := range lacking {
		line("", "WARNING: %s may not allow all of this rule: %s; the rest of the rule has no fallback", second.Name(), rule)
	}
	return len(lacking)
}

// checkIdentity prints and checks the connection's credential, and with --online its
// permissions.
func (c connectionsCheck) checkIdentity(ctx context.Context, connection *connections.Connection, line printer) state {
	credential, err := connection.Credential()
	switch {
	case errors.Is(err, connections.ErrNoFolder) && !c.online && c.credentials == "":
		line("credential", "not checked: %s is not on this machine", connection.Dir())
		return unseen
	case err != nil:
		line("credential", "ERROR: %s: %v", connection.Dir(), err)
		return invalid
	}
	found := checkCredential(credential, line)
	if c.online { // OKMS's answer overrides the hint about the credential
		found = askOnline(ctx, connection, line)
	}
	return found
}

// checkCredential prints and checks a credential without a request.
func checkCredential(credential credential.Credential, line printer) state {
	line("credential", "%s %s", credential.Kind(), credential.Fingerprint())
	if end := credential.Expires(); !end.IsZero() {
		line("", "expires on %s", end.UTC().Format(time.RFC3339))
	}
	if url := credential.Client().TokenURL; url != "" {
		line("", "requests its tokens at %s", url)
	}
	if credential.Hint() != "" {
		line("", "probably INVALID: %s", credential.Hint())
		return invalid
	}
	return good
}

// askOnline tests the permissions of the credential in OKMS, and prints the results. It returns invalid
// if OKMS is unreachable or the credential may not read secrets.
func askOnline(ctx context.Context, connection *connections.Connection, line printer) state {
	ctx, cancel := context.WithTimeout(ctx, onlineTime)
	defer cancel()
	probe, err := read.ProbeConnection(ctx, connection, "ovhcsi")
	if err != nil {
		line("online", "ERROR: %v", err)
		return invalid
	}
	line("online", "tried to read %s, which need not exist", probe.Path)
	report := func(action string, refused error) {
		if refused == nil {
			line("", "%s: allowed", action)
		} else {
			line("", "%s: NO: %v", action, refused)
		}
	}
	report(probe.Needs, probe.Read)
	report(explain.ActionDescribe, probe.Describe)
	switch {
	case probe.Read != nil:
		line("", "ERROR: no mount works without %s", probe.Needs)
		return invalid
	case probe.Describe != nil:
		line("", "mounts work; with %s, error texts would be more precise", explain.ActionDescribe)
	}
	return good
}
