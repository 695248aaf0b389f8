// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"ovhcloud-csi-provider/server/lines"
)

func TestTheLogReportsItsLostLines(t *testing.T) {
	lost, err := lines.Lost{Full: 3, Failed: 2}, errors.New("no space left on device")
	want := "3 lines of the log were lost: they could not be written in time\n" +
		"2 lines of the log were lost: writing them failed: no space left on device\n"
	if got := string(lostInText(lost, err)); got != want {
		t.Errorf("in text: %s", got)
	}
	var counts []int
	for text := range bytes.Lines(lostInJSON(lost, err)) {
		var line struct {
			Msg, Error string
			Lines      int
		}
		if err := json.Unmarshal(text, &line); err != nil || line.Msg == "" {
			t.Errorf("in JSON: %s, %v", text, err)
		}
		if (line.Error != "") != (line.Lines == 2) {
			t.Errorf("in JSON: %s", text)
		}
		counts = append(counts, line.Lines)
	}
	if len(counts) != 2 || counts[0] != 3 || counts[1] != 2 {
		t.Errorf("in JSON the reports have %v lines", counts)
	}
	if only := lostInJSON(lines.Lost{Full: 1}, nil); bytes.Count(only, []byte("\n")) != 1 {
		t.Errorf("got %s for one reason", only)
	}
}
