// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"regexp"
	"strings"

	"ovhcloud-csi-provider/provider/message"
)

// cause is why a mount fails, in plain words.
type cause struct {
	event *regexp.Regexp // matches the text of the event
	text  string         // %[1]s is the pod's node, %[2]s the first group of event
	fix   string
}

// causes are what the driver, kubelet and the provider say about a failed mount. The provider's own
// words come first: they are within those of the others.
var causes = []cause{
	{regexp.MustCompile(`(?s)SecretProviderClass (?:\S+/\S+|in namespace "[^"]*"): (.*)`), "%[2]s",
		"Follow the message"},
	{regexp.MustCompile(`not found in the list of registered CSI drivers`), "the driver does not run on node %[1]s",
		"Check why the driver's DaemonSet has no ready pod there"},
	{regexp.MustCompile(`provider not found: provider "?` + providerName),
		"the driver finds no socket of the provider on node %[1]s",
		"Check that the provider has a ready pod there, and that socketDir is the driver's providersDir"},
	{regexp.MustCompile(`failed to get secretproviderclass (\S+?),? .*not found`),
		"there is no SecretProviderClass %[2]s",
		"Create it in the pod's namespace"},
	{regexp.MustCompile(`secrets? "([^"]+)" not found`), "there is no Secret %[2]s in the pod's namespace",
		"Create it, or use a connection: step 5 of docs/install.md"},
	{regexp.MustCompile(`DeadlineExceeded|context deadline exceeded`),
		"the driver or the provider on node %[1]s did not answer in time",
		"Read the logs of their pods on the node"},
}

// causeOf returns why a mount failed by the text of its event, and what to do. known is false if the
// text is not one of the causes; it is then quoted, without what may be a credential.
func causeOf(event, node string) (text, fix string, known bool) {
	for _, c := range causes {
		m := c.event.FindStringSubmatch(event)
		if m == nil {
			continue
		}
		group := ""
		if len(m) > 1 {
			group = firstLine(m[1])
		}
		args := []any{node, group}
		if strings.Contains(c.text, "%") {
			return redact(fmt.Sprintf(c.text, args...)), c.fix, true
		}
		return c.text, c.fix, true
	}
	return "the event says: " + redact(event), "Read docs/operating.md", false
}

// errorCount matches the head of several errors of the provider.
var errorCount = regexp.MustCompile(`^([0-9]+) errors:\n- `)

// firstLine returns the first error of the provider's message, and how many more there are.
func firstLine(text string) string {
	more := ""
	if m := errorCount.FindStringSubmatch(text); m != nil {
		text = strings.TrimPrefix(text, m[0])
		more = fmt.Sprintf(" (the first of %s errors)", m[1])
	}
	text, _, _ = strings.Cut(text, "\n")
	return message.Bound(text, 260) + more
}
