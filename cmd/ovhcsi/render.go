// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
	"ovhcloud-csi-provider/cmd/ovhcsi/listing"
	"ovhcloud-csi-provider/provider"
)

const renderLong = `It reads the secrets as the provider does, and prints the path, the mode, the size
and a mark of each file, but no value. Equal marks mean equal contents. They are
keyed anew by each run, so that no value can be guessed from them; ovhcsi diff
compares with other files. With --to it writes the files to a new directory that
only you can read; remove it when you are done.

` + mountLong

// mountLong is the part of the help of the commands that mount.
const mountLong = `The credential is a directory with the files of nodePublishSecretRef: token; or
tls.crt and tls.key; or clientId and clientSecret. A class with a connection needs
--config, the provider's file of connections, whose credentialsDir must be on this
machine; the rules apply to the namespace of the class and to --service-account.

`

const renderCodes = `Exit code: 0 if the files can be made, 1 if the class or a secret is wrong, 2 for an
invalid command line, 3 if OKMS or a rule refuses, 4 if OKMS cannot be asked.`

// renderLine is the command line of "ovhcsi render".
type renderLine struct {
	mountLine
	to         string
	inWorkTree bool
}

// newRenderCommand returns "ovhcsi render".
func newRenderCommand(s streams) *cobra.Command {
	var c renderLine
	command := &cobra.Command{
		Use:   "render FILE…",
		Short: "what a pod would get of a SecretProviderClass, fetched with your credentials",
		Long:  renderLong + renderCodes,
		Args:  someFiles,
		RunE: func(command *cobra.Command, files []string) error {
			return c.withClass(command.Context(), files, s.in, func(ctx context.Context, m *mounter, chosen lint.Class) error {
				return c.run(ctx, m, chosen, s.out)
			})
		},
	}
	c.define(command.Flags())
	command.Flags().StringVar(&c.to, "to", "", "write the files to the new `DIR`")
	command.Flags().BoolVar(&c.inWorkTree, "in-work-tree", false, "let --to be within a work tree of git")
	return command
}

// run mounts the class and shows what came of it.
func (c *renderLine) run(ctx context.Context, m *mounter, chosen lint.Class, stdout io.Writer) error {
	response, done, err := m.mount(ctx, chosen)
	if err != nil {
		return err
	}
	defer done()
	show(response, stdout)
	if c.to == "" {
		return nil
	}
	mustCleanUp(ctx) // a signal must not leave a part of the secrets behind
	return c.write(response)
}

// show prints the files without their contents.
func show(r provider.Response, stdout io.Writer) {
	for _, f := range listed(listing.NewMarker(), r) {
		printLine(stdout, "%04o %8d %s  %s", uint32(f.Mode), f.Size, f.Mark(), f.Path)
	}
	for _, v := range r.Versions {
		if v.Version == "absent" {
			printLine(stdout, "absent: %s", strings.TrimSuffix(v.ID, "/"))
		}
	}
}

// write makes the directory, which must not exist: it appears with all its files.
func (c renderLine) write(r provider.Response) (err error) {
	if _, err := os.Lstat(c.to); err == nil {
		return fmt.Errorf("--to: %s exists; name a new directory", c.to)
	}
	if tree := workTree(c.to); tree != "" && !c.inWorkTree {
		return fmt.Errorf("--to: %s is within a work tree of git, %s, where secrets are committed by mistake; name another "+
			"directory, or give --in-work-tree", c.to, tree)
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
