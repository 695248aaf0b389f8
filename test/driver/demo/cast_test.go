// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/test/driver"
)

func TestARecordingIsPlayedAsItWasWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var file bytes.Buffer
		c, err := newCast(&file, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		p := page{out: c, recording: c}
		p.begin("First.")
		time.Sleep(1500 * time.Millisecond)
		p.show("<a>")
		p.begin("Second.")
		lines := bufio.NewScanner(&file)
		lines.Scan()
		var header struct{ Version, Width int }
		if err := json.Unmarshal(lines.Bytes(), &header); err != nil || header.Version != 2 || header.Width < width {
			t.Errorf("header %s: %v", lines.Text(), err)
		}
		var text strings.Builder
		var times []float64
		for lines.Scan() {
			var event []any
			if err := json.Unmarshal(lines.Bytes(), &event); err != nil || len(event) != 3 || event[1] != "o" {
				t.Fatalf("event %s: %v", lines.Text(), err)
			}
			times = append(times, event[0].(float64))
			text.WriteString(event[2].(string))
		}
		if want := "\r\n1. First.\r\n     <a>\r\n\r\n2. Second.\r\n"; text.String() != want {
			t.Errorf("got %q, want %q", text.String(), want)
		}
		if reading := readingTime.Seconds(); !slices.Equal(times, []float64{0, 1.5, 1.5 + reading}) {
			t.Errorf("times %v", times)
		}
	})
}

func TestATreeMarksWhatChanged(t *testing.T) {
	before := map[string]driver.File{"a": {Content: "1"}, "d/b": {Content: "2"}}
	now := map[string]driver.File{"a": {Content: "1"}, "d/b": {Content: "3"}, "d/c": {Content: "4"}}
	var marked []string
	for line := range strings.Lines(tree("/x", now, before)) {
		if file, mark, found := strings.Cut(line, "  <- "); found {
			name := strings.Fields(strings.TrimLeft(file, "│├└─ "))[0]
			marked = append(marked, name+" "+strings.TrimSpace(mark))
		}
	}
	if got := strings.Join(marked, ", "); got != "b changed, c new" {
		t.Errorf("got %q of\n%s", got, tree("/x", now, before))
	}
	if text := tree("/x", now, nil); strings.Contains(text, "<-") {
		t.Errorf("marked without an earlier state:\n%s", text)
	}
}
