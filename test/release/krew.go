// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// krew fills manifests/krew/ovhcsi.yaml with the version, the address and the checksums.
func (r release) krew() error {
	template, err := os.ReadFile(filepath.Join(r.root, "manifests/krew/ovhcsi.yaml"))
	if err != nil {
		return err
	}
	values := []string{"{{ VERSION }}", "v" + r.version, "{{ URL }}", r.url}
	for _, p := range platforms {
		sum, err := r.sum(tool + "-" + p.String() + ".tar.gz")
		if err != nil {
			return err
		}
		values = append(values, "{{ SHA256_"+strings.ToUpper(p.os+"_"+p.arch)+" }}", sum)
	}
	filled := strings.NewReplacer(values...).Replace(string(template))
	if at := strings.Index(filled, "{{"); at >= 0 {
		return fmt.Errorf("manifests/krew/ovhcsi.yaml has a field without a value: %.40s", filled[at:])
	}
	return r.write(tool+".krew.yaml", []byte(filled))
}

// sum returns the SHA-256 of a file of the release, in hexadecimal digits.
func (r release) sum(name string) (string, error) {
	content, err := os.ReadFile(r.path(name))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), nil
}
