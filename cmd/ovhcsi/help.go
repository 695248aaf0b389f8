package main

import (
	"flag"
	"fmt"
	"strings"
)

// flagsHelp returns the part of a help text that lists the flags, sorted by name, each
// with its value, usage and default. The usage has the name of the value in back quotes,
// as package flag defines.
func flagsHelp(flags *flag.FlagSet) string {
	var left, right []string
	width := 0
	flags.VisitAll(func(f *flag.Flag) {
		value, usage := flag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "false" {
			usage += fmt.Sprintf("\n(default %s)", f.DefValue)
		}
		name := strings.TrimRight("--"+f.Name+" "+value, " ")
		left, right = append(left, name), append(right, usage)
		width = max(width, len(name))
	})
	var text strings.Builder
	for i, name := range left {
		indent := "\n" + strings.Repeat(" ", width+4)
		fmt.Fprintf(&text, "  %-*s  %s\n", width, name, strings.ReplaceAll(right[i], "\n", indent))
	}
	return text.String()
}
