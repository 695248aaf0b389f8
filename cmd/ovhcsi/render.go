package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"ovhcloud-csi-provider/cmd/commandline"
	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/sensitive"
)

const renderLong = `It reads the secrets as the provider does, and prints the path, the mode, the size
and a hash of each file, but no value. With --to it writes the files to a new
directory that only you can read; remove it when you are done.

The credential is a directory with the files of nodePublishSecretRef: token; or
tls.crt and tls.key; or clientId and clientSecret. A class with a connection needs
--config, the provider's file of connections, whose credentialsDir must be on this
machine; the rules apply to the namespace of the class and to --service-account.

Exit code: 0 if the files can be made, 1 if the class or a secret is wrong, 2 for an
invalid command line, 3 if OKMS or a rule refuses, 4 if OKMS cannot be asked.`

// renderLine is the command line of "ovhcsi render".
type renderLine struct {
	name, credentials, config, to, namespace, account, allow string
	inWorkTree                                               bool
	timeout                                                  time.Duration
	files                                                    []string
}

// newRenderCommand returns "ovhcsi render".
func newRenderCommand(s streams) *cobra.Command {
	var c renderLine
	command := &cobra.Command{
		Use:   "render FILE…",
		Short: "what a pod would get of a SecretProviderClass, fetched with your credentials",
		Long:  renderLong,
		Args:  someFiles,
		RunE: func(command *cobra.Command, files []string) error {
			c.files = files
			return c.run(command.Context(), s)
		},
	}
	c.define(command.Flags())
	return command
}

// define defines the flags, which set c.
func (c *renderLine) define(flags *pflag.FlagSet) {
	flags.StringVar(&c.name, "class", "", "the `NAME` of the class, if the files have several")
	flags.StringVar(&c.credentials, "credentials", "", "a `DIR` with a token, a certificate or a client")
	flags.StringVar(&c.config, "config", "", "the provider's `FILE` of connections")
	flags.StringVar(&c.namespace, "namespace", "default", "the `NAME` of the namespace, if the class has none")
	flags.StringVar(&c.account, "service-account", "default", "the `NAME` of the pod's service account, for rules of\nconnections")
	flags.StringVar(&c.allow, "allow-endpoint", "", "a `HOST` besides OVHcloud's that may get the credential,\nsuch as localhost:8443")
	flags.StringVar(&c.to, "to", "", "write the files to the new `DIR`")
	flags.BoolVar(&c.inWorkTree, "in-work-tree", false, "let --to be within a work tree of git")
	flags.DurationVar(&c.timeout, "timeout", 45*time.Second, "the time for all of it, a `DURATION`")
}

// run mounts the class and shows what came of it.
func (c *renderLine) run(ctx context.Context, s streams) error {
	request, p, err := c.prepare(s.in)
	if err != nil {
		return usageError(err)
	}
	defer p.Close()
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	response, err := p.Mount(ctx, request)
	if err != nil {
		return mountError(err)
	}
	return c.show(response, s.out)
}

// mountError returns the error of a mount with its exit code.
func mountError(err error) error {
	var failed *failure.Error
	if !errors.As(err, &failed) {
		return err
	}
	code := exitFailed
	//exhaustive:ignore
	switch failed.Kind().Answer() {
	case failure.NoIdentity, failure.Forbidden:
		code = exitRefused
	case failure.Internal:
		code = exitUnavailable
	}
	return exitError{code, multiline{err}}
}

// prepare returns the mount that the command line asks for, and a provider for it, which the caller
// closes.
func (c renderLine) prepare(stdin io.Reader) (provider.Request, *provider.Provider, error) {
	sources, err := readSources(c.files, stdin)
	if err != nil {
		return provider.Request{}, nil, err
	}
	chosen, err := c.choose(sources)
	if err != nil {
		return provider.Request{}, nil, err
	}
	material, err := readMaterial(c.credentials)
	if err != nil {
		return provider.Request{}, nil, err
	}
	var allowed []string
	if c.allow != "" {
		allowed = []string{c.allow}
	}
	endpoints, err := place.ParseEndpoints(allowed)
	if err != nil {
		return provider.Request{}, nil, fmt.Errorf("--allow-endpoint: %w", err)
	}
	okms.ClearEnvironment()
	config := provider.Config{Endpoints: endpoints, Reader: provider.ReaderConfig{UserAgent: "ovhcsi/" + commandline.Version()}}
	if c.config != "" {
		config.Connections = connections.Open(connections.Options{File: c.config})
		if problem := config.Connections.Problem(); problem != nil {
			return provider.Request{}, nil, fmt.Errorf("--config: %w", problem)
		}
	}
	attributes := map[string]string{class.AttributeClass: chosen.Name, class.AttributePod: "ovhcsi-render", class.AttributeNamespace: chosen.Namespace,
		class.AttributePodUID: "ovhcsi-render", class.AttributeAccount: c.account}
	if chosen.Namespace == "" {
		attributes[class.AttributeNamespace] = c.namespace
	}
	for name, value := range chosen.Parameters {
		attributes[name] = value
	}
	return provider.Request{Attributes: attributes, Credentials: material}, provider.New(config), nil
}

// choose returns the class of the files, or the one that --class names.
func (c renderLine) choose(sources []lint.Source) (lint.Class, error) {
	all, err := lint.Classes(sources)
	if err != nil {
		return lint.Class{}, err
	}
	var names []string
	for _, one := range all {
		if one.Name == c.name || c.name == "" && len(all) == 1 {
			return one, nil
		}
		names = append(names, one.Name)
	}
	switch {
	case len(all) == 0:
		return lint.Class{}, errors.New("the files hold no SecretProviderClass with provider: ovhcloud")
	case c.name == "":
		return lint.Class{}, fmt.Errorf("the files hold %d classes; choose one with --class: %s", len(all), strings.Join(names, ", "))
	}
	return lint.Class{}, fmt.Errorf("the files hold no class %s%s", c.name, commandline.Suggestion(c.name, names))
}

// readMaterial reads a directory with the keys of nodePublishSecretRef; none for "".
func readMaterial(dir string) (credential.Material, error) {
	if dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("--credentials: %w", err)
	}
	material := credential.Material{}
	for _, entry := range entries {
		if info, err := os.Stat(filepath.Join(dir, entry.Name())); err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("--credentials: %w", err)
		}
		material[entry.Name()] = sensitive.New(text)
	}
	return material.Known(), nil
}

// show prints the files without their contents, or writes them to a new directory.
func (c renderLine) show(r provider.Response, stdout io.Writer) error {
	if r.Sent != nil {
		defer r.Sent()
	}
	for _, f := range r.Files {
		content := f.Contents.Reveal()
		hash := sha256.Sum256(content)
		printLine(stdout, "%04o %8d %x  %s", uint32(f.Mode), len(content), hash[:4], f.Path)
	}
	for _, v := range r.Versions {
		if v.Version == "absent" {
			printLine(stdout, "absent: %s", v.ID)
		}
	}
	if c.to == "" {
		return nil
	}
	return c.write(r)
}

// write makes the directory, which must not exist: it appears with all its files.
func (c renderLine) write(r provider.Response) (err error) {
	if _, err := os.Lstat(c.to); err == nil {
		return fmt.Errorf("--to: %s exists; name a new directory", c.to)
	}
	if tree := workTree(c.to); tree != "" && !c.inWorkTree {
		return fmt.Errorf("--to: %s is within a work tree of git, %s, where secrets are committed by mistake; name another directory, or give --in-work-tree", c.to, tree)
	}
	temporary, err := os.MkdirTemp(filepath.Dir(filepath.Clean(c.to)), ".ovhcsi-render-") // mode 0700
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(temporary)
		}
	}()
	root, err := os.OpenRoot(temporary)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	defer root.Close()
	for _, f := range r.Files {
		if err := root.MkdirAll(filepath.Dir(f.Path), 0o700); err != nil {
			return fmt.Errorf("--to: %w", err)
		}
		if err := root.WriteFile(f.Path, f.Contents.Reveal(), f.Mode&0o700); err != nil {
			return fmt.Errorf("--to: %w", err)
		}
	}
	return os.Rename(temporary, c.to)
}

// workTree returns the work tree of git that a path is in, "" if it is in none.
func workTree(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}
