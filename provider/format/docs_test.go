// SPDX-License-Identifier: Apache-2.0

package format

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestThePageIsTrue writes the secret of docs/formats.md in each format, and each secret of its table
// of errors.
func TestThePageIsTrue(t *testing.T) {
	raw, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	secret := regexp.MustCompile("(?s)```json\n(.*?)\n```").FindStringSubmatch(page)[1]
	examples := regexp.MustCompile("(?s)\n## `(\\w+)`\n.*?\n```\n(.*?)```\n").FindAllStringSubmatch(page, -1)
	if len(examples) != len(writers) {
		t.Errorf("the page has %d examples of %d formats", len(examples), len(writers))
	}
	for _, example := range examples {
		got, err := write(t, Format(example[1]), secret)
		if strings.TrimSuffix(got, "\n") != strings.TrimSuffix(example[2], "\n") || err != nil {
			t.Errorf("%s: %v\n%s", example[1], err, got)
		}
	}
	rows := regexp.MustCompile("(?m)^\\| `(\\w+)` \\| `(\\{.*\\})` \\| (.*) \\|$").FindAllStringSubmatch(page, -1)
	if len(rows) < 20 {
		t.Errorf("the page has %d errors", len(rows))
	}
	for _, row := range rows {
		_, err := write(t, Format(row[1]), row[2])
		var cannot *Error
		if !errors.As(err, &cannot) || !strings.HasPrefix(cannot.What, row[3]) {
			t.Errorf("%s of %s: %v", row[1], row[2], err)
		}
	}
}
