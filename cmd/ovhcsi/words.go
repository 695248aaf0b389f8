package main

import "slices"

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the command failed, or found a mistake
	exitUsage  = 2 // invalid command line
)

// isHelp reports whether an argument requests help.
func isHelp(word string) bool {
	return slices.Contains([]string{"help", "--help", "-help", "-h"}, word)
}
