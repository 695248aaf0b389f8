// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	for _, word := range []string{"version", "--version"} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), []string{word}, nil, &stdout, &stderr); code != exitOK || stderr.Len() > 0 ||
			!regexp.MustCompile(`^\d+\.\d+\.\d+\S*\n$`).MatchString(stdout.String()) {
			t.Errorf("%s: exit status %d, %q, %q", word, code, &stdout, &stderr)
		}
		stdout.Reset()
		if code := run(t.Context(), []string{word, "now"}, nil, &stdout, &stderr); code != exitUsage || stdout.Len() > 0 {
			t.Errorf("%s now: exit status %d, %q", word, code, &stdout)
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"help", "version"}, nil, &stdout, &stderr); code != exitOK ||
		!strings.Contains(stdout.String(), "print the version") {
		t.Errorf("help: exit status %d, %q", code, &stdout)
	}
}

// TestInvalidFlagValues checks that an invalid value of a flag is a usage error, and that nothing
// is served or written.
func TestInvalidFlagValues(t *testing.T) {
	for _, args := range [][]string{
		{"--listen", "nope"}, {"--listen", "127.0.0.1"}, {"--listen", "127.0.0.1:99999"}, {"--listen", "127.0.0.1:x y"},
		{"--listen", "a b:0"},
		{"--listen", "::1:0"}, {"--control", "nope"}, {"--control", "127.0.0.1:-1"}, {"--control", "http://127.0.0.1:0"},
		{"--okms-id", "nope"}, {"--fault", "nope"}, {"--fault", "status=nope"}, {"--host", "a b"},
		{"--write=nope"}, {"--token", "a b"}, {"nope"}, {"--nope"},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), append([]string{"emulator"}, args...), nil, &stdout, &stderr); code != exitUsage ||
			stdout.Len() > 0 || !strings.HasPrefix(stderr.String(), "ovhcsi emulator: ") {
			t.Errorf("%s: exit status %d, %q, %q", args, code, &stdout, &stderr)
		}
	}
	for _, args := range [][]string{
		{"--cache-ttl", "nope"}, {"--cache-ttl", "5"}, {"--cache-ttl", "2h"}, {"--online=nope"}, {"--config", ""},
	} {
		var stdout, stderr bytes.Buffer
		all := append([]string{"connections", "check", "--config", "x"}, args...)
		if code := run(t.Context(), all, nil, &stdout, &stderr); code != exitUsage || stdout.Len() > 0 {
			t.Errorf("%s: exit status %d, %q, %q", args, code, &stdout, &stderr)
		}
	}
}
