// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"net"
	"strings"
	"unicode"

	"github.com/spf13/pflag"

	"ovhcloud-csi-provider/test/emulator"
)

const emulatorLong = `It serves both APIs of OKMS over TLS, from memory. It is for tests and
trials. It does not protect its secrets: do not put real ones in it.

It prints its addresses on standard output, and one line for each request on
standard error. SIGINT or SIGTERM stops it.

With a command after --, it runs until the command ends, and exits with the command's
code. The command has its addresses and files in the variables OKMS_ENDPOINT, OKMS_ID,
OKMS_CREDENTIALS (the directory), OKMS_TOKEN_FILE and OKMS_CA_FILE:

  ovhcsi emulator --seed secrets/ -- ./test.sh
  ovhcsi emulator --seed secrets/ -- ovhcsi render class.yaml --emulator

Seed, a folder: each file is a secret. The path of the file below the folder, without
.yaml, .yml or .json, is the path of the secret, and its map or object is the data. In
secrets/prod/database.yaml, the secret prod/database:
  username: app
  password: example
Names that begin with a dot are left out. Limits: 2000 files, 1 MiB each, 64 MiB together.

Seed, a file: the data of each secret is kept byte for byte.
  {
    "secrets": {
      "prod/database": {"username": "app", "password": "example"}
    },
    "tokens": [
      {"token": "ci-token", "name": "ci", "paths": ["prod/"],
       "actions": ["okms:apikms:secret/version/getData"], "expires": "2030-01-01T00:00:00Z"}
    ]
  }
A token requires only "token"; without actions it may read. "secrets" can be a
list, with more fields for each:
  [{"path": "prod/x", "versions": [{"data": {"k": "1"}, "state": "deactivated"},
    {"data": {"k": "2"}}], "max_versions": 5, "cas_required": true,
    "delete_version_after": "1d", "custom_metadata": {"team": "a"}}]
States are active, deactivated and deleted.

Faults: the first one that matches a request is applied to it.
  --fault status=503,times=3,path=prod/    three times, for URIs that contain prod/
  --fault status=429,retry-after=2         until the end
  --fault hang,path=prod/slow              no answer at all
Fields: path=TEXT, writes (only writes), times=N, status=N, retry-after=TEXT,
content-type=TEXT, body=TEXT, hang, delay=500ms, truncate, close-after-headers,
drip=10ms (between bytes), tls-alert, redirect=URL, echo (the credential, in an error).

Control API, for changes while the emulator runs:
  GET, DELETE /requests           the requests so far; GET /requests?await=N waits for N
  GET, POST, DELETE /faults       POST {"status": 503, "times": 3}; DELETE /faults/ID
  PUT, DELETE /secrets/PATH       PUT writes the body as a new version
  POST /state                     {"path": "prod/x", "version": 1, "state": "deactivated"}
  POST, DELETE /tokens            POST as in a seed; DELETE {"token": "..."}
  POST /clients                   {"clientId": "...", "clientSecret": "...", "name": "ci"}
  POST /certificates              {"name": "ci", "actions": [...], "paths": [...]}
  GET /ca.pem`

// emulatorConfig is the command line of "ovhcsi emulator".
type emulatorConfig struct {
	listen, seed, dir, control string
	okmsID, region             string
	token                      string
	write                      bool
	hosts                      []string
	faults                     []emulator.Fault
	command                    []string // to run while the emulator runs; none if it is empty
}

// define defines the flags, which set c.
func (c *emulatorConfig) define(flags *pflag.FlagSet) {
	flags.StringVar(&c.listen, "listen", "",
		"`ADDR` to serve on; port 0 selects a free one\n(default 127.0.0.1:8443; with a command 127.0.0.1:0)")
	flags.StringVar(&c.seed, "seed", "",
		"JSON `FILE` of secrets and tokens to start with, or a folder\nof secrets; - is standard input")
	flags.StringVar(&c.dir, "dir", "", "`DIR` for ca.pem, token, client.crt, client.key, and a directory oauth2\n"+
		"with clientId, clientSecret and tokenUrl (all of mode 0600);\ndefault: a new directory, removed at the end")
	flags.StringVar(&c.token, "token", "", "the `TOKEN` to accept (default: a random one); it is written to DIR/token")
	flags.BoolVar(&c.write, "write", false, "allow these credentials every action, not only reads")
	flags.StringVar(&c.okmsID, "okms-id", "", "`UUID` of the domain (default 734b9b45-8b1a-469c-b140-b10bd6540017)")
	flags.StringVar(&c.region, "region", "", "`NAME` of the domain's region, used in URNs (default eu-west-par)")
	flags.StringVar(&c.control, "control", "", "`ADDR` of the control API: plain HTTP without authentication")
	flags.Func("host", "DNS `NAME` or IP address to add to the certificate, which is valid for\n"+
		"localhost, 127.0.0.1 and ::1 in any case; repeatable", func(value string) error {
		if value == "" || strings.ContainsAny(value, ":/ ") && !strings.Contains(value, "::") {
			return errors.New("not a DNS name or IP address")
		}
		c.hosts = append(c.hosts, value)
		return nil
	})
	flags.Func("fault", "`SPEC` of a fault for matching requests; repeatable, see below", func(value string) error {
		f, err := emulator.ParseFault(value)
		c.faults = append(c.faults, f)
		return errors.Unwrap(err) // flagError adds the value
	})
}

// defaultListen returns the address to serve on without --listen. A command gets the address in a
// variable, so that it needs no certain port.
func (c *emulatorConfig) defaultListen() string {
	if len(c.command) > 0 {
		return "127.0.0.1:0"
	}
	return "127.0.0.1:8443"
}

// validate checks the values of the flags.
func (c *emulatorConfig) validate() error {
	for name, address := range map[string]string{"listen": c.listen, "control": c.control} {
		if err := checkAddress(address); err != nil && address != "" {
			return usageErrorf("invalid value %q for --%s: %w", address, name, err)
		}
	}
	return nil
}

// checkAddress returns an error if an address is not HOST:PORT. It does not check that the
// address is free or belongs to this machine.
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
