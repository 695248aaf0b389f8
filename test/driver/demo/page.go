// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"ovhcloud-csi-provider/test/driver"
)

// width is the maximum width of a line of prose, in columns.
const width = 90

// readingTime is the time that a recording gives for a step.
const readingTime = 2 * time.Second

// page writes the demo's output: numbered steps in prose, each followed by indented text.
type page struct {
	out       io.Writer
	recording *cast // also gets what is written to out; nil if nothing is recorded
	step      int
}

// say writes a paragraph.
func (p *page) say(format string, args ...any) {
	for _, line := range wrap(fmt.Sprintf(format, args...), width) {
		fmt.Fprintln(p.out, line)
	}
}

// begin starts the next step.
func (p *page) begin(format string, args ...any) {
	if p.step++; p.step > 1 && p.recording != nil {
		p.recording.rest(readingTime)
	}
	number := fmt.Sprintf("%d. ", p.step)
	lines := wrap(fmt.Sprintf(format, args...), width-len(number))
	fmt.Fprintf(p.out, "\n%s%s\n", number, strings.Join(lines, "\n"+strings.Repeat(" ", len(number))))
}

// show writes text unchanged, indented.
func (p *page) show(text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(p.out, "     %s\n", strings.TrimRight(line, "\n"))
	}
}

// wrap breaks text between words. A word longer than a line gets its own line.
func wrap(text string, width int) []string {
	var lines []string
	for paragraph := range strings.Lines(text) {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			if line != "" && len(line)+1+len(word) > width {
				lines, line = append(lines, line), ""
			}
			line = strings.TrimSpace(line + " " + word)
		}
		lines = append(lines, line)
	}
	return lines
}

// changed marks what is not as it was shown before.
const changed = "  <- changed"

// drawing is a drawing of a volume, with marks for what differs from the files before; nil marks nothing.
type drawing struct {
	strings.Builder
	files, before map[string]driver.File
}

// tree returns a drawing: folders, and files with modes, sizes in bytes and contents.
func tree(root string, files, before map[string]driver.File) string {
	d := &drawing{files: files, before: before}
	fmt.Fprintln(d, root)
	d.branch("", "")
	return d.String()
}

// mark returns what is drawn behind a file.
func (d *drawing) mark(name string) string {
	old, existed := d.before[name]
	switch {
	case d.before == nil || old == d.files[name]:
		return ""
	case !existed:
		return "  <- new"
	}
	return changed
}

// branch draws the contents of one folder; margin is drawn before each line, for the parent folders.
func (d *drawing) branch(margin, folder string) {
	entries := map[string]bool{} // name -> whether it is a folder
	for name := range d.files {
		if rest, ok := strings.CutPrefix(name, folder); ok {
			first, _, isFolder := strings.Cut(rest, "/")
			entries[first] = isFolder
		}
	}
	names := slices.Sorted(maps.Keys(entries))
	for i, name := range names {
		connector, line := "├── ", "│   "
		if i == len(names)-1 {
			connector, line = "└── ", "    "
		}
		if entries[name] {
			fmt.Fprintf(d, "%s%s%s/\n", margin, connector, name)
			d.branch(margin+line, folder+name+"/")
			continue
		}
		file := d.files[path.Join(folder, name)]
		fmt.Fprintf(d, "%s%s%-*s %04o %4d  %s%s\n", margin, connector, 22-len([]rune(margin)), name, file.Mode,
			len(file.Content), file.Content, d.mark(path.Join(folder, name)))
	}
}
