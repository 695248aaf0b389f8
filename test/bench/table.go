// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"ovhcloud-csi-provider/test/page"
)

// begin is the line of the page above the table.
const begin = "<!-- make bench writes from here -->\n"

// row is one figure of the table.
type row struct {
	what     string
	measured string // with its unit
	ratio    float64
	unit     string // of ratio and most
	most     float64
	reads    string // number of requests to the store
}

func (r row) reached() bool { return r.most == 0 || r.ratio <= r.most }

// table returns rows as a Markdown table.
func table(rows []row) string {
	var text strings.Builder
	text.WriteString("| case | measured | figure | at most | requests to OKMS | |\n| --- | --- | --- | --- | --- " +
		"| --- |\n")
	for _, r := range rows {
		verdict, most, ratio := "reached", fmt.Sprintf("%.4g%s", r.most, r.unit), fmt.Sprintf("%.2f%s", r.ratio, r.unit)
		if !r.reached() {
			verdict = "**missed**"
		}
		if r.most == 0 {
			verdict, most, ratio = "", "", ""
		}
		fmt.Fprintf(&text, "| %s | %s | %s | %s | %s | %s |\n", r.what, r.measured, ratio, most, r.reads, verdict)
	}
	return text.String()
}

// heading returns a line about the store, the machine and the number of rounds.
func (b *bench) heading() string {
	return fmt.Sprintf("Store %s away, over TLS and HTTP/2; %s; median of %d rounds.\n\n", b.delay, page.Machine(),
		b.rounds)
}
