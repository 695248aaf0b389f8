// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"ovhcloud-csi-provider/cmd/commandline"
	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
	"ovhcloud-csi-provider/cmd/ovhcsi/listing"
	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/sensitive"
)

// mountLine is the part of a command line that says how classes are mounted.
type mountLine struct {
	name, credentials, config, namespace, account string
	allowed                                       []string
	timeout                                       time.Duration
	emulator                                      bool
	domain                                        map[string]string // parameters of the emulator
}

// define defines the flags, which set m.
func (m *mountLine) define(flags *pflag.FlagSet) {
	flags.StringVar(&m.name, "class", "", "the `NAME` of the class, if the files have several")
	flags.StringVar(&m.credentials, "credentials", "", "a `DIR` with a token, a certificate or a client")
	flags.StringVar(&m.config, "config", "", "the provider's `FILE` of connections")
	flags.StringVar(&m.namespace, "namespace", "default", "the `NAME` of the namespace, if the class has none")
	flags.StringVar(&m.account, "service-account", "default",
		"the `NAME` of the pod's service account, for rules of\nconnections")
	flags.StringArrayVar(&m.allowed, "allow-endpoint", nil,
		"a `HOST` besides OVHcloud's that may get the credential,\nsuch as localhost:8443; repeatable")
	flags.BoolVar(&m.emulator, "emulator", false,
		"read from the ovhcsi emulator that runs this command,\nwhatever domain or connection the class has")
	flags.DurationVar(&m.timeout, "timeout", 45*time.Second, "the time for all of it, a `DURATION`")
}

// withClass calls do with the class of the files that the command line names, a mounter, and a context that
// ends with --timeout.
func (m mountLine) withClass(ctx context.Context, files []string, stdin io.Reader,
	do func(context.Context, *mounter, lint.Class) error) error {
	all, err := readClasses(files, stdin)
	if err != nil {
		return usageError(err)
	}
	chosen, err := chooseClass(all, m.name)
	if err != nil {
		return usageError(err)
	}
	if m.emulator {
		if m.credentials != "" || m.config != "" {
			return usageErrorf("--emulator cannot be combined with --credentials and --config; drop them")
		}
		if m.domain, err = emulatorOfEnvironment(); err != nil {
			return usageErrorf("--emulator: %w", err)
		}
		m.allowed, m.credentials = []string{m.domain[place.FieldEndpoint]}, os.Getenv(envCredentials)
	}
	mounts, err := m.open()
	if err != nil {
		return usageError(err)
	}
	defer mounts.Close()
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	return do(ctx, mounts, chosen)
}

// mounter mounts classes. The caller closes it.
type mounter struct {
	*provider.Provider
	line     mountLine
	material credential.Material
}

// open returns a mounter for the command line.
func (m mountLine) open() (*mounter, error) {
	material, err := readMaterial(m.credentials)
	if err != nil {
		return nil, err
	}
	endpoints, err := place.ParseEndpoints(m.allowed)
	if err != nil {
		return nil, fmt.Errorf("--allow-endpoint: %w", err)
	}
	okms.ClearEnvironment()
	config := provider.Config{Endpoints: endpoints,
		Reader: provider.ReaderConfig{UserAgent: "ovhcsi/" + commandline.Version()}}
	if m.config != "" {
		config.Connections = connections.Open(connections.Options{File: m.config})
		if problem := config.Connections.Problem(); problem != nil {
			return nil, fmt.Errorf("--config: %s: %w", m.config, problem)
		}
	}
	return &mounter{provider.New(config), m, material}, nil
}

// mount returns the files of a class. The caller calls done when it does not need them any more.
func (m *mounter) mount(ctx context.Context, c lint.Class) (response provider.Response, done func(), err error) {
	attributes := map[string]string{class.AttributeClass: c.Name, class.AttributePod: "ovhcsi-render",
		class.AttributeNamespace: c.Namespace,
		class.AttributePodUID:    "ovhcsi-render", class.AttributeAccount: m.line.account}
	if c.Namespace == "" {
		attributes[class.AttributeNamespace] = m.line.namespace
	}
	for name, value := range m.line.redirected(c.Parameters) {
		attributes[name] = value
	}
	response, err = m.Mount(ctx, provider.Request{Attributes: attributes, Credentials: m.material})
	if err != nil {
		return response, nil, m.hint(mountError(err))
	}
	if response.Sent == nil {
		response.Sent = func() {}
	}
	return response, response.Sent, nil
}

// hint adds to the error of a mount how this command gets credentials, which in a cluster come with the pod.
func (m *mounter) hint(err error) error {
	failed := exitError{}
	if m.line.credentials != "" || m.line.config != "" || !errors.As(err, &failed) {
		return err
	}
	return exitError{failed.code,
		multiline{fmt.Errorf("%w\nThis command has no credentials: give --credentials DIR, --config FILE for a connection, "+
			"or --emulator to read from ovhcsi emulator", failed.err)}}
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

// listed describes the files of a mount, in their order.
func listed(marker listing.Marker, r provider.Response) (files []listing.File) {
	versions := map[string]string{}
	for _, v := range r.Versions {
		versions[v.ID], _, _ = strings.Cut(v.Version, "-") // behind it is what the driver compares
	}
	for _, f := range r.Files {
		files = append(files, marker.File(f.Path, f.Mode, versions[f.Path], f.Contents.Reveal()))
	}
	return files
}

// readClasses returns the SecretProviderClasses of the provider in files.
func readClasses(files []string, stdin io.Reader) ([]lint.Class, error) {
	sources, err := readSources(files, stdin)
	if err != nil {
		return nil, err
	}
	all, err := lint.Classes(sources)
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s: there is no SecretProviderClass with provider: ovhcloud", strings.Join(files, ", "))
	}
	return all, err
}

// chooseClass returns the class with the name, or the only one if the name is "".
func chooseClass(all []lint.Class, name string) (lint.Class, error) {
	var names []string
	for _, one := range all {
		if one.Name == name || name == "" && len(all) == 1 {
			return one, nil
		}
		names = append(names, one.Name)
	}
	list := strings.Join(names, ", ")
	if name == "" {
		return lint.Class{}, fmt.Errorf("the files hold %d classes; choose one with --class: %s", len(all), list)
	}
	return lint.Class{}, fmt.Errorf("the files hold no class %s%s (available: %s)", name,
		commandline.Suggestion(name, names), list)
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
		if info, err := os.Stat(filepath.Join(dir, entry.Name())); err != nil || !info.Mode().IsRegular() ||
			info.Size() > 1<<20 {
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
