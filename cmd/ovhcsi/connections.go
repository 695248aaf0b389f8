package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/auth"
	"ovhcloud-csi-provider/provider/okms"
)

const connectionsHelp = `ovhcsi connections check - look at the provider's connections before it does

Usage: ovhcsi connections check --config FILE [flags]

  --config FILE      the YAML file that the provider is given as --config
  --credentials DIR  look for the credential of connection NAME in DIR/NAME, in
                     place of the folder that the file states as credentialsDir
  --cache-ttl 30s    the provider's --cache-ttl, which each maxStale must exceed
  --online           ask OKMS what each credential may do: two reads of a secret
                     that hardly exists. Nothing is changed or shown

Every mistake in the file is printed as FILE:LINE, and each connection with its
credential and who may use it, its fallback and what that one's rules may not
allow. A folder that is not on this machine is no mistake, unless --online needs
it.

Exit status: 0 if all is well, 1 if something is wrong, 2 for a wrong command.
`

// onlineTime bounds the questions about one connection.
const onlineTime = 30 * time.Second

type connectionsCheck struct {
	config, credentials string
	cacheTTL            time.Duration
	online              bool
	all                 map[string]*auth.Connection // of the file
}

func runConnections(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parseConnectionsFlags(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, connectionsHelp)
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "ovhcsi connections: %v (--help tells more)\n", err)
		return exitUsage
	}
	okms.ClearEnvironment()
	if !c.run(ctx, stdout, stderr) {
		return exitFailed
	}
	return exitOK
}

func parseConnectionsFlags(args []string) (c connectionsCheck, err error) {
	flags := flag.NewFlagSet("connections check", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&c.config, "config", "", "")
	flags.StringVar(&c.credentials, "credentials", "", "")
	flags.DurationVar(&c.cacheTTL, "cache-ttl", 30*time.Second, "")
	flags.BoolVar(&c.online, "online", false, "")
	if len(args) == 0 {
		return c, errors.New("what to do is missing; there is check")
	}
	if args[0] != "check" && !strings.HasPrefix(args[0], "-h") && args[0] != "--help" && args[0] != "help" {
		return c, fmt.Errorf("unknown command %q%s; there is check", args[0], suggestion(args[0], []string{"check"}))
	} else if args[0] != "check" {
		return c, flag.ErrHelp
	}
	if err := flags.Parse(args[1:]); err != nil {
		return c, plainFlagError(flags, err)
	}
	switch {
	case flags.NArg() > 0:
		return c, fmt.Errorf("%q is not a flag", flags.Arg(0))
	case c.config == "":
		return c, errors.New("--config is missing")
	}
	return c, nil
}

// run checks everything, and tells whether all is well.
func (c connectionsCheck) run(ctx context.Context, stdout, stderr io.Writer) (well bool) {
	all, err := auth.ReadConnections(c.config, c.cacheTTL, c.folder, time.Now())
	var problems auth.Problems
	switch {
	case errors.As(err, &problems):
		for _, p := range problems {
			if p.Line == 0 {
				fmt.Fprintf(stderr, "%s: %s\n", c.config, p.Text)
			} else {
				fmt.Fprintf(stderr, "%s:%d: %s\n", c.config, p.Line, p.Text)
			}
		}
		return false
	case err != nil:
		fmt.Fprintf(stderr, "ovhcsi connections: %v\n", err)
		return false
	}
	well = true
	c.all = map[string]*auth.Connection{}
	for _, connection := range all {
		c.all[connection.Name()] = connection
	}
	for _, connection := range all {
		well = c.one(ctx, connection, stdout) && well
	}
	if len(all) == 0 {
		fmt.Fprintln(stdout, "The file states no connections.")
	}
	return well
}

func (c connectionsCheck) folder(name, stated string) string {
	if c.credentials == "" {
		return stated
	}
	return filepath.Join(c.credentials, name)
}

// one prints what is known of a connection, and tells whether it is well.
func (c connectionsCheck) one(ctx context.Context, connection *auth.Connection, out io.Writer) (well bool) {
	place := connection.Place()
	fmt.Fprintf(out, "%s: %s, okmsId %s\n", connection.Name(), place.Endpoint, place.OKMSID)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(out, "  %-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	if connection.OwnMaxStale() {
		line("maxStale", "%s", connection.MaxStale(0))
	}
	for _, rule := range connection.Rules() {
		line("allows", "%s", rule)
	}
	if second := c.all[connection.Fallback()]; second != nil {
		line("fallback", "%s: %s", second.Name(), second.Place().Endpoint)
		for _, lacking := range connection.NotCoveredBy(second) {
			line("", "WARNING: no fallback for %s: %s does not allow that, or only in part", lacking, second.Name())
		}
	}
	credential, err := connection.Credential()
	switch {
	case errors.Is(err, auth.ErrNoFolder) && !c.online && c.credentials == "":
		line("credential", "not looked at: %s is not on this machine", connection.Dir())
		return true
	case err != nil:
		line("credential", "BROKEN: %s: %v", connection.Dir(), err)
		return false
	}
	line("credential", "%s %s", credential.Kind(), credential.Fingerprint())
	if end := credential.Expires(); !end.IsZero() {
		line("", "expires on %s", end.UTC().Format(time.RFC3339))
	}
	if credential.Hint() != "" {
		line("", "%s", credential.Hint())
	}
	if url := credential.Client().TokenURL; url != "" {
		line("", "gets its tokens at %s", url)
	}
	return !c.online || askOnline(ctx, connection, line)
}

// askOnline prints what the credential may do, and tells whether mounts would work.
func askOnline(ctx context.Context, connection *auth.Connection, line func(name, format string, args ...any)) (well bool) {
	ctx, cancel := context.WithTimeout(ctx, onlineTime)
	defer cancel()
	probe, err := provider.ProbeConnection(ctx, connection, "ovhcsi")
	if err != nil {
		line("online", "BROKEN: %v", err)
		return false
	}
	tell := func(action string, err error) {
		if err == nil {
			line("online", "%s on %s: allowed", action, probe.Path)
		} else {
			line("online", "%s on %s: NO: %v", action, probe.Path, err)
		}
	}
	tell(provider.ActionRead, probe.Read)
	tell(provider.ActionDescribe, probe.Describe)
	if probe.Read == nil && probe.Describe != nil {
		line("", "mounts work; with %s errors would tell more", provider.ActionDescribe)
	}
	return probe.Read == nil
}
