package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestLostLinesAreCounted(t *testing.T) {
	q := newLogQueue(1 << 20)
	for i := range cap(q.lines) + 3 {
		fmt.Fprintf(q, "line %d\n", i)
	}
	var out, inJSON bytes.Buffer
	go q.run(&out)
	q.close()
	var line struct{ Lines int }
	reportLostInJSON(&inJSON, 3)
	if err := json.Unmarshal(inJSON.Bytes(), &line); err != nil || line.Lines != 3 {
		t.Errorf("in JSON: %s, %v", &inJSON, err)
	}
	if got := out.String(); !strings.HasPrefix(got,
		"3 lines of the log were lost: they could not be written in time\nline 0\n") ||
		strings.Count(got, "\n") != cap(q.lines)+1 {
		t.Errorf("got %.200s", got)
	}
}

func TestLinesThatWaitAreBoundedInBytes(t *testing.T) {
	q := newLogQueue(100)
	line := []byte(strings.Repeat("x", 39) + "\n")
	for range 3 {
		_, _ = q.Write(line)
	}
	var out bytes.Buffer
	go q.run(&out)
	q.close()
	if got := out.String(); !strings.HasPrefix(got, "1 lines of the log were lost") ||
		strings.Count(got, string(line)) != 2 || q.held.Load() != 0 {
		t.Errorf("got %q, %d bytes wait", got, q.held.Load())
	}
}
