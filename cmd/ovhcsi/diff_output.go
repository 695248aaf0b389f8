// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"ovhcloud-csi-provider/cmd/ovhcsi/listing"
)

// write prints the differences in the form that --output says.
func (c *diffLine) write(out io.Writer, changes []listing.Change, same int) error {
	if c.output == "json" {
		return writeChangesJSON(out, changes, same)
	}
	counts := map[string]int{}
	for _, change := range changes {
		counts[kindOf(change)]++
		printLine(out, "%-8s %s  %s", kindOf(change), change.Path(), strings.Join(details(change), ", "))
		if change.Refolded {
			printLine(out,
				"         WARNING: %s changes between file and folder: the driver does not update running pods then; start "+
					"them again", change.Path())
		}
	}
	_, err := fmt.Fprintf(out, "%d changed, %d added, %d removed, %d the same\n", counts["changed"], counts["added"],
		counts["removed"], same)
	return err
}

// kindOf returns the word for a change.
func kindOf(c listing.Change) string {
	switch {
	case c.Before == nil:
		return "added"
	case c.After == nil:
		return "removed"
	}
	return "changed"
}

// details returns what is known of a changed file.
func details(c listing.Change) (all []string) {
	if c.Before == nil || c.After == nil {
		f := c.After
		if f == nil {
			f = c.Before
		}
		all = append(all, fmt.Sprintf("%d bytes", f.Size), "mark "+f.Mark())
		if f.Mode != 0 {
			all = append(all, fmt.Sprintf("mode %04o", uint32(f.Mode)))
		}
		if f.Version != "" {
			all = append(all, "version "+f.Version)
		}
		return all
	}
	if c.Content() {
		all = append(all, fmt.Sprintf("%d -> %d bytes", c.Before.Size, c.After.Size),
			"mark "+c.Before.Mark()+" -> "+c.After.Mark())
	}
	if c.Mode() {
		all = append(all, fmt.Sprintf("mode %04o -> %04o", uint32(c.Before.Mode), uint32(c.After.Mode)))
	}
	switch was, is := c.Before.Version, c.After.Version; {
	case was == "" && is != "":
		all = append(all, "version "+is)
	case was != is:
		all = append(all, "version "+was+" -> "+is)
	}
	return all
}

// fileJSON is a file in the output of --output json.
type fileJSON struct {
	Size    int    `json:"size"` // bytes
	Mark    string `json:"mark"`
	Mode    string `json:"mode,omitempty"`
	Version string `json:"version,omitempty"`
}

// newFileJSON returns a file for the output, nil for none.
func newFileJSON(f *listing.File) *fileJSON {
	if f == nil {
		return nil
	}
	j := &fileJSON{Size: f.Size, Mark: f.Mark(), Version: f.Version}
	if f.Mode != 0 {
		j.Mode = fmt.Sprintf("%04o", uint32(f.Mode))
	}
	return j
}

// writeChangesJSON prints the differences as JSON.
func writeChangesJSON(out io.Writer, changes []listing.Change, same int) error {
	type changeJSON struct {
		Path          string    `json:"path"`
		Change        string    `json:"change"` // added, removed or changed
		FileAndFolder bool      `json:"fileAndFolder,omitempty"`
		Before        *fileJSON `json:"before,omitempty"`
		After         *fileJSON `json:"after,omitempty"`
	}
	all := []changeJSON{}
	for _, c := range changes {
		all = append(all, changeJSON{c.Path(), kindOf(c), c.Refolded, newFileJSON(c.Before), newFileJSON(c.After)})
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{"changes": all, "same": same})
}
