// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"ovhcloud-csi-provider/test/emulator"
)

// TestScripts runs the scripts of testdata/script with the program as a process of its own. $DOCS is the
// folder of the pages.
func TestScripts(t *testing.T) {
	docs, err := filepath.Abs("../../docs")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("DOCS", docs)
			e.Setenv(raceOptions, os.Getenv(raceOptions))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "okms": startOKMS,
			"shown": shown},
	})
}

// exits is the command exits of scripts: exits CODE PROGRAM ARG… runs a program and checks its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG…")
	}
	err, got := ts.Exec(args[1], args[2:]...), 0
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		got, err = failed.ExitCode(), nil
	}
	ts.Check(err)
	if want, _ := strconv.Atoi(args[0]); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// shown is the command shown of scripts: shown PAGE fails unless a block of the page is what the last program printed.
// The marks of contents, which differ in each run, are not compared.
func shown(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: shown PAGE")
	}
	mark := regexp.MustCompile(`\bmark [0-9a-f]{8}|-> [0-9a-f]{8}`)
	plain := func(text string) string { return mark.ReplaceAllString(text, "MARK") }
	page := plain(ts.ReadFile(filepath.Join(ts.Getenv("DOCS"), args[0])))
	if printed := plain(ts.ReadFile("stdout")); !strings.Contains(page, "```\n"+printed+"```\n") {
		ts.Fatalf("%s has no block with\n%s", args[0], printed)
	}
}

// startOKMS is the command okms of scripts. It starts an emulator with seed.json, writes a token to the
// directory okms, and replaces $ENDPOINT, $OKMS_ID and $CA in all files *.yaml. $HOST is its
// host and port.
func startOKMS(ts *testscript.TestScript, _ bool, _ []string) {
	e, err := emulator.New(emulator.Options{})
	ts.Check(err)
	ts.Check(e.Seed(strings.NewReader(ts.ReadFile("seed.json"))))
	ts.Check(e.AddToken("planted-token", emulator.Identity{Name: "script"}))
	server, err := e.Start("")
	ts.Check(err)
	ts.Defer(func() { _ = server.Close() })
	ts.Setenv("HOST", strings.TrimPrefix(server.URL, "https://"))
	ts.Check(os.MkdirAll(ts.MkAbs("okms"), 0o700))
	ts.Check(os.WriteFile(ts.MkAbs("okms/token"), []byte("planted-token\n"), 0o600))
	entries, err := os.ReadDir(ts.MkAbs("."))
	ts.Check(err)
	fill := strings.NewReplacer("$ENDPOINT", server.URL, "$OKMS_ID", e.OKMSID(), "$CA",
		strings.ReplaceAll(string(server.CA), "\n", `\n`))
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".yaml") {
			ts.Check(os.WriteFile(ts.MkAbs(entry.Name()), []byte(fill.Replace(ts.ReadFile(entry.Name()))), 0o600))
		}
	}
}
