// SPDX-License-Identifier: Apache-2.0

// Command release builds all files of a release, without a network but the module proxy: archives of both programs,
// images, the chart, the krew manifest, bills of materials, notices of licences, checksums and provenance. The same
// commit gives the same bytes on any machine with the same Go, at any time. docs/releasing.md is the guide.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	version := flag.String("version", "", "the version, such as 0.1.0")
	root := flag.String("root", "../..", "the repository")
	to := flag.String("to", "bin/release", "where the files are written, below -root; what is there is removed")
	url := flag.String("url", "https://example.invalid/ovhcloud-csi-provider",
		"where the files can be fetched, without the version")
	notices := flag.Bool("notices", false, "only write THIRD_PARTY_NOTICES")
	flag.Parse()
	at, err := filepath.Abs(*root)
	switch {
	case err != nil:
	case *notices:
		err = writeNotices(at)
	default:
		err = run(at, *to, *version, *url)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// release is what the steps share.
type release struct {
	root    string // the repository
	to      string // the folder of the release
	version string // without a v
	url     string // where the files of this version can be fetched
	commit  string
	at      time.Time // of the commit: the time of every file
}

// run makes the release of the repository at root, an absolute path. It fails before the first build if the repository
// is not ready for this version.
func run(root, to, version, url string) (err error) {
	r := release{root: root, to: filepath.Join(root, to), version: version, url: url + "/v" + version}
	if r.commit, r.at, err = head(root); err != nil {
		return err
	}
	if wrong := unready(root, version); len(wrong) > 0 {
		return fmt.Errorf("version %q cannot be released:\n  %s", version, strings.Join(wrong, "\n  "))
	}
	if err := os.RemoveAll(r.to); err != nil {
		return err
	}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"programs", r.programs}, {"images", r.images}, {"chart", r.chart}, {"bills of materials", r.bills},
		{"krew manifest", r.krew}, {"checksums and provenance", r.sums},
	} {
		fmt.Println("==", step.name)
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return r.list()
}

// list prints the files and their sizes.
func (r release) list() error {
	files, err := os.ReadDir(r.to)
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			return err
		}
		fmt.Printf("%10d %s\n", info.Size(), filepath.Join(r.to, f.Name()))
	}
	return err
}

// path returns the path of a file of the release.
func (r release) path(name string) string { return filepath.Join(r.to, name) }
