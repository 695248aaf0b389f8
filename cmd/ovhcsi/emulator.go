// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"ovhcloud-csi-provider/cmd/ovhcsi/seed"
	"ovhcloud-csi-provider/test/emulator"
)

// newEmulatorCommand returns "ovhcsi emulator", which runs until its context ends or a signal
// arrives.
func newEmulatorCommand(s streams) *cobra.Command {
	var c emulatorConfig
	command := &cobra.Command{
		Use:   "emulator [-- COMMAND…]",
		Short: "an OVHcloud Secret Manager (OKMS) on this machine, for tests and trials",
		Long:  emulatorLong,
		Args:  afterDashes,
		RunE: func(command *cobra.Command, args []string) error {
			c.command = args
			if err := c.validate(); err != nil {
				return err
			}
			return c.serve(command.Context(), s.in, s.out, s.err)
		},
	}
	c.define(command.Flags())
	return command
}

// serve runs the emulator until ctx is done. It returns nil for a regular end.
func (c emulatorConfig) serve(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) (err error) {
	c.token = cmp.Or(c.token, rand.Text())
	c.listen = cmp.Or(c.listen, c.defaultListen())
	e, err := c.prepare(stdin, stderr)
	if err != nil {
		return err
	}
	mustCleanUp(ctx)
	server, err := e.Start(c.listen, c.hosts...)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w; --listen 127.0.0.1:0 selects a free port", err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	// Only after the start: one that fails must not replace the files of a running emulator.
	dir, cleanUp, err := c.folder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cleanUp()) }()
	if err := c.writeCredentials(e, server.URL, dir); err != nil {
		return err
	}
	controlURL, stopControl, err := startControl(c.control, e.Control())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopControl()) }()
	if len(c.command) > 0 {
		return runCommand(ctx, c.command, environment(e, server, dir), streams{stdin, stdout, stderr})
	}
	if _, err := io.WriteString(stdout, greeting(e, server, dir, controlURL)); err != nil {
		return fmt.Errorf("printing the addresses: %w", err)
	}
	<-ctx.Done()
	return nil
}

// prepare returns an emulator with the secrets, tokens and faults of the command line.
func (c emulatorConfig) prepare(stdin io.Reader, log io.Writer) (*emulator.Emulator, error) {
	e, err := emulator.New(emulator.Options{OKMSID: c.okmsID, Region: c.region, Log: log})
	if err != nil {
		return nil, usageError(err)
	}
	if err := c.fill(e, stdin); err != nil {
		return nil, err
	}
	for _, f := range c.faults {
		if _, err := e.Inject(f); err != nil {
			return nil, err
		}
	}
	// Before the server starts, so that an invalid token is reported first; after the seed, so that
	// --token overrides the same token there.
	if err := e.AddToken(c.token, c.identity()); err != nil {
		return nil, usageErrorf("--token: %w", err)
	}
	return e, nil
}

// fill adds the secrets and tokens that --seed names.
func (c emulatorConfig) fill(e *emulator.Emulator, stdin io.Reader) error {
	switch info, err := os.Stat(c.seed); {
	case c.seed == "":
		return nil
	case c.seed == "-":
		return named("standard input", e.Seed(stdin))
	case err != nil:
		return usageErrorf("--seed: %w", err)
	case info.IsDir():
		return fillFromFolder(e, c.seed)
	}
	file, err := os.Open(c.seed)
	if err != nil {
		return err
	}
	defer file.Close()
	return named(c.seed, e.Seed(file))
}

// fillFromFolder adds a secret for each file of a folder.
func fillFromFolder(e *emulator.Emulator, dir string) error {
	secrets, err := seed.Folder(dir)
	if err != nil {
		return err
	}
	for _, secret := range secrets {
		if _, err := e.Put(secret.Path, secret.Data); err != nil {
			return named(filepath.Join(dir, secret.File), err)
		}
	}
	return nil
}

// named adds the name of a file to an error, nil to nil.
func named(file string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", file, err)
}

// folder makes the directory for the credentials. cleanUp removes it if it is a temporary one. It
// refuses a directory with credentials that may be real.
func (c emulatorConfig) folder() (dir string, cleanUp func() error, err error) {
	if c.dir == "" {
		dir, err = os.MkdirTemp("", "ovhcsi-emulator-")
		return dir, func() error { return os.RemoveAll(dir) }, err
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return "", nil, err
	}
	mark := filepath.Join(c.dir, markFile)
	if _, err := os.Lstat(mark); err == nil {
		return c.dir, func() error { return nil }, nil
	}
	for _, name := range credentialFiles {
		if _, err := os.Lstat(filepath.Join(c.dir, name)); err == nil {
			return "", nil,
				fmt.Errorf("--dir: %s contains %s and is not marked as an emulator's directory; choose another one, or create "+
					"the file %s in "+
					"it if its credentials may be replaced", c.dir, name, markFile)
		}
	}
	return c.dir, func() error { return nil }, os.WriteFile(mark, nil, 0o600)
}

// markFile marks a directory whose credentials the emulator may replace: a directory of real
// credentials has the same files.
const markFile = ".ovhcsi-emulator"

// credentialFiles lists the files and directories that writeCredentials makes.
var credentialFiles = []string{"ca.pem", "token", "client.crt", "client.key", "oauth2"}

// identity returns the identity of all credentials that the emulator writes.
func (c emulatorConfig) identity() emulator.Identity {
	identity := emulator.Identity{Name: "emulator-user"}
	if c.write {
		identity.Actions = []string{emulator.AllActions}
	}
	return identity
}

// writeCredentials makes a client certificate and an OAuth2 client, and writes them with the
// token and the CA. A file is removed before it is
// written, so that an older one's mode is not kept.
func (c emulatorConfig) writeCredentials(e *emulator.Emulator, url, dir string) error {
	identity := c.identity()
	cert, key, err := e.IssueCertificate(identity)
	if err != nil {
		return err
	}
	clientID, clientSecret := "EU.emulator", rand.Text()
	if err := e.AddClient(clientID, clientSecret, identity); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "oauth2"), 0o700); err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"ca.pem": e.CA(), "token": []byte(c.token), "client.crt": cert, "client.key": key,
		"oauth2/clientId": []byte(clientID), "oauth2/clientSecret": []byte(clientSecret),
		"oauth2/tokenUrl": []byte(url + emulator.TokenPath),
	} {
		path := filepath.Join(dir, name)
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// startControl serves the control API on addr and returns its URL; if addr is "", it serves
// nothing. stop stops the server and waits for its end.
func startControl(addr string, handler http.Handler) (url string, stop func() error, err error) {
	if addr == "" {
		return "", func() error { return nil }, nil
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return "", nil, fmt.Errorf("starting the control API: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	stop = func() error {
		err := server.Close()
		if end := <-served; !errors.Is(end, http.ErrServerClosed) {
			err = errors.Join(err, end)
		}
		return err
	}
	return "http://" + listener.Addr().String(), stop, nil
}

// greeting returns the addresses of the emulator, the files of its credentials, and a command to
// try it. It has the path of the token, but not the token.
func greeting(e *emulator.Emulator, server *emulator.Server, dir, controlURL string) string {
	var b strings.Builder
	line := func(name, value string) { fmt.Fprintf(&b, "  %-14s %s\n", name, value) }
	b.WriteString("OKMS emulator is ready; press Ctrl-C to stop it.\n")
	line("endpoint", server.URL)
	line("okmsId", e.OKMSID())
	line("vault address", server.VaultAddress())
	line("CA", filepath.Join(dir, "ca.pem"))
	line("token", filepath.Join(dir, "token"))
	line("client cert", filepath.Join(dir, "client.crt"))
	line("client key", filepath.Join(dir, "client.key"))
	line("OAuth2 client", filepath.Join(dir, "oauth2"))
	if controlURL != "" {
		line("control API", controlURL)
	}
	paths := e.Paths()
	line("secrets", fmt.Sprint(len(paths)))
	ask := "/v1/secret/metadata"
	if len(paths) > 0 {
		ask = "/v1/secret/data/" + paths[0]
	}
	fmt.Fprintf(&b, "Try it:\n  curl --cacert %s -H \"X-Vault-Token: $(cat %s)\" %s\n",
		shellQuote(filepath.Join(dir, "ca.pem")), shellQuote(filepath.Join(dir, "token")),
		shellQuote(server.VaultAddress()+ask))
	return b.String()
}

// shellQuote returns a word for sh, quoted if necessary. It may be used inside "$(...)".
func shellQuote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-:@%=+,", r)
	}
	if strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
