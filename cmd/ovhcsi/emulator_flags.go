package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strings"
	"unicode"

	"ovhcloud-csi-provider/cmd/commandline"
	"ovhcloud-csi-provider/test/emulator"
)

const emulatorHelp = `ovhcsi emulator - an OVHcloud Secret Manager (OKMS) on this machine

It answers OKMS's Vault-compatible API over TLS, from memory. It is for trying
and testing: it guards nothing, so put no real secret in it.

Usage: ovhcsi emulator [flags]

  --listen ADDR    address to serve on (default 127.0.0.1:8443; port 0 takes a free one)
  --host NAME      DNS name or IP address to add to the certificate, which is good for
                   localhost, 127.0.0.1 and ::1 anyway; repeatable
  --seed FILE      secrets and tokens to start with, JSON; - is standard input
  --dir DIR        where to write ca.pem, token, client.crt, client.key, and a folder oauth2
                   with clientId, clientSecret and tokenUrl (all of mode 0600);
                   default: a new folder, removed at the end
  --token TOKEN    the token to accept (default: a random one); it is written to DIR/token
  --write          let these credentials do everything, not only read
  --okms-id UUID   id of the domain (default 734b9b45-8b1a-469c-b140-b10bd6540017)
  --region NAME    region of the domain, seen in URNs (default eu-west-par)
  --fault SPEC     make requests go wrong; repeatable, see below
  --control ADDR   serve the control API there: plain HTTP without authentication

What it serves is printed on standard output, one line for each request on
standard error. SIGINT or SIGTERM ends it.

Seed: the data of each secret is kept byte for byte.
  {
    "secrets": {
      "prod/database": {"username": "app", "password": "example"}
    },
    "tokens": [
      {"token": "ci-token", "name": "ci", "paths": ["prod/"],
       "actions": ["okms:apikms:secret/version/getData"], "expires": "2030-01-01T00:00:00Z"}
    ]
  }
A token needs no more than "token"; without actions it may read. "secrets" can
be a list, to say more about each:
  [{"path": "prod/x", "versions": [{"data": {"k": "1"}, "state": "deactivated"}, {"data": {"k": "2"}}],
    "max_versions": 5, "cas_required": true, "delete_version_after": "1d", "custom_metadata": {"team": "a"}}]
States are active, deactivated and deleted.

Faults: a request meets the first that matches.
  --fault status=503,times=3,path=prod/    three times, where the URI has prod/
  --fault status=429,retry-after=2         until the end
  --fault hang,path=prod/slow              no answer at all
Fields: path=TEXT, writes (only writes), times=N, status=N, retry-after=TEXT,
content-type=TEXT, body=TEXT, hang, delay=500ms, truncate, close-after-headers,
drip=10ms (between bytes), tls-alert, redirect=URL, echo (the credential, in an error).

Control API, for changes while it runs:
  GET, DELETE /requests           what came in; GET /requests?await=N waits for N
  GET, POST, DELETE /faults       POST {"status": 503, "times": 3}; DELETE /faults/ID
  PUT, DELETE /secrets/PATH       PUT makes a new version of the body
  POST /state                     {"path": "prod/x", "version": 1, "state": "deactivated"}
  POST, DELETE /tokens            POST as in a seed; DELETE {"token": "..."}
  POST /clients                   {"clientId": "...", "clientSecret": "...", "name": "ci"}
  POST /certificates              {"name": "ci", "actions": [...], "paths": [...]}
  GET /ca.pem
`

// emulatorConfig is the command line of "ovhcsi emulator".
type emulatorConfig struct {
	listen, seed, dir, control string
	okmsID, region             string
	token                      string
	write                      bool
	hosts                      []string
	faults                     []emulator.Fault
}

// usageError is a value on the command line that cannot be.
type usageError struct{ error }

// parseEmulatorFlags returns flag.ErrHelp when help is asked for.
func parseEmulatorFlags(args []string) (emulatorConfig, error) {
	var c emulatorConfig
	if len(args) > 0 && isHelp(args[0]) {
		return c, flag.ErrHelp
	}
	flags := flag.NewFlagSet("emulator", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&c.listen, "listen", "127.0.0.1:8443", "")
	flags.StringVar(&c.seed, "seed", "", "")
	flags.StringVar(&c.dir, "dir", "", "")
	flags.StringVar(&c.token, "token", "", "")
	flags.BoolVar(&c.write, "write", false, "")
	flags.StringVar(&c.okmsID, "okms-id", "", "")
	flags.StringVar(&c.region, "region", "", "")
	flags.StringVar(&c.control, "control", "", "")
	flags.Func("host", "", func(value string) error {
		if value == "" || strings.ContainsAny(value, ":/ ") && !strings.Contains(value, "::") {
			return errors.New("not a DNS name or IP address")
		}
		c.hosts = append(c.hosts, value)
		return nil
	})
	flags.Func("fault", "", func(value string) error {
		f, err := emulator.ParseFault(value)
		c.faults = append(c.faults, f)
		return errors.Unwrap(err) // package flag names the value already
	})
	if err := flags.Parse(args); err != nil {
		return c, commandline.Mistake(flags, err)
	}
	if flags.NArg() > 0 {
		return c, fmt.Errorf("unexpected argument %q; it takes flags only", flags.Arg(0))
	}
	for name, address := range map[string]string{"listen": c.listen, "control": c.control} {
		if err := checkAddress(address); err != nil && address != "" {
			return c, fmt.Errorf("invalid value %q for --%s: %w", address, name, err)
		}
	}
	return c, nil
}

// checkAddress holds for an address to serve on. Whether it is free, and of this machine,
// is not part of its form.
func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || strings.ContainsFunc(host, unicode.IsSpace) {
		return errors.New("not HOST:PORT, such as 127.0.0.1:8443")
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return errors.New("the port is not a number from 0 to 65535")
	}
	return nil
}
