// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
)

const (
	daemon = "ovhcloud-csi-provider"
	tool   = "ovhcsi"
)

// platform is an operating system and an architecture, as Go and OCI name them.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "-" + p.arch }

// The tool is for all platforms, the daemon for those of nodes.
var (
	nodes     = []platform{{"linux", "amd64"}, {"linux", "arm64"}}
	platforms = append([]platform{{"darwin", "amd64"}, {"darwin", "arm64"}}, nodes...)
)

// shipped are the files of the repository that lie beside a program or in an image.
var shipped = []string{"LICENSE", noticesFile}

// programs builds both programs for all platforms, and packs them. The archive of the tool also has the name that
// kubectl looks for: krew links it.
func (r release) programs() error {
	for _, p := range platforms {
		for _, program := range []string{daemon, tool} {
			if err := r.build(program, p); err != nil {
				return err
			}
			files := []entry{{name: program, from: r.binary(program, p), mode: 0o755}}
			if program == tool {
				files[0].name = "kubectl-" + tool
			}
			for _, name := range shipped {
				files = append(files, entry{name: name, from: filepath.Join(r.root, name), mode: 0o644})
			}
			if err := r.pack(fmt.Sprintf("%s-%s.tar.gz", program, p), files); err != nil {
				return err
			}
		}
	}
	return nil
}

// binary returns the path of a program that build has made. It is outside the release.
func (r release) binary(program string, p platform) string {
	return filepath.Join(r.root, "bin", "release-"+r.version, p.String(), program)
}

// build builds a program. The version is passed to the linker; without -buildvcs=false, Go would add what a clone
// knows of tags, which differs between clones.
func (r release) build(program string, p platform) error {
	to := r.binary(program, p)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	_, err := output(r.root,
		[]string{"CGO_ENABLED=0", "GOOS=" + p.os, "GOARCH=" + p.arch, "GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0"},
		"go", "build", "-trimpath", "-buildvcs=false", "-tags", "grpcnotrace",
		"-ldflags", "-s -w -X "+daemon+"/cmd/commandline.version="+r.version, "-o", to, "./cmd/"+program)
	return err
}
