// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"ovhcloud-csi-provider/server/lines"
)

var noon = time.Date(2026, 7, 1, 14, 0, 0, 7_600_000, time.FixedZone("", 2*3600))

// parse returns a line as a record. It fails the test if the line has fields that a Record has
// not, or is not one line.
func parse(t *testing.T, text []byte) (r Record) {
	t.Helper()
	in := json.NewDecoder(strings.NewReader(string(text)))
	in.DisallowUnknownFields()
	if err := in.Decode(&r); err != nil || strings.Count(string(text), "\n") != 1 || text[len(text)-1] != '\n' {
		t.Fatalf("%q is not one line of JSON: %v", text, err)
	}
	return r
}

func TestAMountIsOneRecord(t *testing.T) {
	files, took := 0, 0.25
	all := Lines(Record{Result: "ok", Namespace: "shop", Secrets: []string{"a@1"}, Files: &files,
		TookSeconds: &took}, noon)
	want := `{"version":"v1","kind":"mount","time":"2026-07-01T12:00:00.007Z","result":"ok","namespace":"shop","secrets":["a@1"],` +
		`"files":0,"tookSeconds":0.25}` + "\n"
	if len(all) != 1 || string(all[0]) != want {
		t.Errorf("got %s, want %s", all, want)
	}
}

// TestHostileNamesStayInTheirField: a record is one line of valid JSON whatever it names.
func TestHostileNamesStayInTheirField(t *testing.T) {
	const forged = "x\n{\"version\":\"v1\",\"kind\":\"mount\",\"result\":\"ok\"}\r\u2028\x00\"\\"
	all := Lines(Record{Pod: forged, Error: forged, Connection: "\xff\xfe", Secrets: []string{forged}}, noon)
	got := parse(t, all[0])
	if len(all) != 1 || got.Pod != forged || got.Error != forged || got.Secrets[0] != forged ||
		got.Connection != "\uFFFD\uFFFD" {
		t.Errorf("got %+v", got)
	}
}

func TestNoSecretOfALongListIsLeftOut(t *testing.T) {
	for name, c := range map[string]struct{ secrets, length, records int }{
		"many": {2*maxSecrets + 1, 10, 3}, "just so many": {maxSecrets, 10, 1}, "long": {4, maxText/2 + 1, 4},
		"just so long":         {4, maxText/2 - len("@1"), 2},
		"none":                 {0, 0, 1},
		"longer than a record": {2, 2 * maxText, 2},
	} {
		var secrets []string
		for i := range c.secrets {
			secrets = append(secrets, fmt.Sprintf("%0*d@1", c.length, i))
		}
		var got []string
		all := Lines(Record{UID: "1", Namespace: "shop", Connection: "team", Secrets: secrets, Result: "ok"}, noon)
		for i, text := range all {
			r := parse(t, text)
			got = append(got, r.Secrets...)
			if r.UID != "1" || r.Connection != "team" || r.Namespace != "shop" || (r.Kind == KindMount) != (i == 0) ||
				r.FurtherSecrets != len(secrets)-len(got) || (r.Result != "") != (i == 0) {
				t.Errorf("%s: record %d is %+v", name, i, r)
			}
		}
		if len(all) != c.records || !reflect.DeepEqual(got, secrets) {
			t.Errorf("%s: %d records, want %d; %d of %d secrets", name, len(all), c.records, len(got), len(secrets))
		}
	}
}

func TestLostRecordsAreARecord(t *testing.T) {
	report := ReportLost(func() time.Time { return noon })
	if r := parse(t, report(lines.Lost{Full: 3, Failed: 2}, errors.New("no space"))); r.Kind != KindLost ||
		r.Version != Version ||
		r.LostSlow != 3 || r.LostFailed != 2 || r.Error != "no space" || r.Time == "" {
		t.Errorf("got %+v", r)
	}
	if r := parse(t, report(lines.Lost{Full: 1}, nil)); r.Error != "" || r.LostFailed != 0 {
		t.Errorf("got %+v", r)
	}
}

// TestTheTableHasEveryField: it is the contract, so it must be complete.
func TestTheTableHasEveryField(t *testing.T) {
	types := map[reflect.Kind]string{reflect.String: "string", reflect.Int: "number", reflect.Int64: "number",
		reflect.Float64: "number",
		reflect.Slice:   "array of strings"}
	var want, got []string
	record := reflect.TypeFor[Record]()
	for i := range record.NumField() {
		name, _, _ := strings.Cut(record.Field(i).Tag.Get("json"), ",")
		of := record.Field(i).Type
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		want = append(want, name+": "+types[of.Kind()])
	}
	for _, f := range Fields() {
		got = append(got, f.Name+": "+f.Type)
		if f.In == "" || f.Says == "" {
			t.Errorf("%s is not described", f.Name)
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the table has\n%q\nand the record\n%q", got, want)
	}
}

func TestThePageHasTheTable(t *testing.T) {
	page, err := os.ReadFile("../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "<!-- the test of server/audit compares from here -->\n\n")
	table, _, found := strings.Cut(table, "\n<!-- to here -->")
	if want := Reference(); !found || table != want {
		t.Errorf("docs/audit.md must have between its marks:\n%s", want)
	}
}

func write(t *testing.T, f *File, text string) {
	t.Helper()
	if n, err := f.Write([]byte(text)); err != nil || n != len(text) {
		t.Errorf("wrote %d bytes of %q: %v", n, text, err)
	}
}

func want(t *testing.T, path, text string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != text {
		t.Errorf("%s has %q, want %q: %v", path, got, text, err)
	}
}

func TestTheFileIsRotatedByOthers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.log")
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write(t, f, "one\n")
	if is, err := os.Stat(path); err != nil || is.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v: %v", is.Mode(), err)
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, f, "two\n")
	want(t, path+".1", "one\n")
	want(t, path, "two\n")
	if err := os.Truncate(path, 0); err != nil { // copytruncate
		t.Fatal(err)
	}
	write(t, f, "three\n")
	want(t, path, "three\n")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, f, "four\n")
	want(t, path, "four\n")
	if err := os.WriteFile(path+".new", []byte("of another\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	write(t, f, "five\n")
	want(t, path, "of another\nfive\n")
}

func TestTheFileIsOpenedOnceUntilItIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	first := f.file
	write(t, f, "one\n")
	if f.file != first {
		t.Error("the file was opened again")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, f, "two\n")
	if err := first.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the old file was not closed: %v", err)
	}
}

// TestNothingIsWrittenWhereNobodySeesIt: the folder is gone, and comes again.
func TestNothingIsWrittenWhereNobodySeesIt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "audit.log")
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Write([]byte("lost\n")); err == nil || n != 0 {
		t.Errorf("wrote %d bytes to a file that is gone", n)
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	write(t, f, "kept\n")
	want(t, path, "kept\n")
}

func TestARecordAfterACutOneBeginsOnItsOwnLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(path, []byte("whole\ncut by a cra"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write(t, f, "next\n")
	write(t, f, "last\n")
	want(t, path, "whole\ncut by a cra\nnext\nlast\n")
}

// TestErrorsOfTheFileAreReturned: those of a file that is closed, of which one ends in a cut record.
func TestErrorsOfTheFileAreReturned(t *testing.T) {
	for _, text := range []string{"whole\n", "cut by a cra"} {
		path := filepath.Join(t.TempDir(), "audit.log")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if n, err := f.Write([]byte("lost\n")); n != 0 || !errors.Is(err, os.ErrClosed) {
			t.Errorf("%q: wrote %d bytes: %v", text, n, err)
		}
		if err := f.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("closed twice: %v", err)
		}
	}
}

func TestOnlyRegularFilesAreWritten(t *testing.T) {
	dir := t.TempDir()
	link, pipe := filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	if err := errors.Join(os.Symlink(filepath.Join(dir, "target"), link), syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, link, pipe, "/dev/null", filepath.Join(dir, "no", "such")} {
		if f, err := OpenFile(path); err == nil {
			t.Errorf("%s was opened", path)
			_ = f.Close()
		} else if !strings.Contains(err.Error(), path) {
			t.Errorf("%v does not name %s", err, path)
		}
	}
	if _, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0); !errors.Is(err, syscall.ENXIO) {
		t.Errorf("the pipe was not closed: %v", err)
	}
}
