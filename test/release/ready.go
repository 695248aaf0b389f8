// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// semver matches a version without a v.
var semver = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$`)

// unready returns what keeps the repository from being released as version: one line each, with the cure.
func unready(root, version string) (wrong []string) {
	if !semver.MatchString(version) {
		return []string{"give a version such as VERSION=0.1.0, without a v"}
	}
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if changes, err := git(root, "status", "--porcelain"); err != nil || changes != "" {
		say("the work tree has changes; commit or remove them (git status)")
	}
	tags, _ := git(root, "tag", "--points-at", "HEAD")
	for tag := range strings.FieldsSeq(tags) {
		if strings.HasPrefix(tag, "v") && tag != "v"+version {
			say("the commit has the tag %s; give VERSION=%s, or move the tag", tag, tag[1:])
		}
	}
	section := regexp.MustCompile(`(?m)^## ` + regexp.QuoteMeta(version) + ` \(\d{4}-\d\d-\d\d\)$`)
	if !section.MatchString(text(root, "CHANGELOG.md")) {
		say("CHANGELOG.md has no section \"## %s (YYYY-MM-DD)\"; add it above the previous one", version)
	}
	for _, place := range places {
		for _, at := range place.versions(root) {
			if at != version {
				say("%s has version %s; change it%s", place.file, at, place.cure)
			}
		}
	}
	return wrong
}

// place is a file that states the version of the project.
type place struct {
	file, cure string
	pattern    *regexp.Regexp // its group is a version; it must match
}

var places = []place{
	{chartFile, "", regexp.MustCompile(`(?m)^version: (\S+)$`)},
	{chartFile, "", regexp.MustCompile(`(?m)^appVersion: "?([^"\s]+)"?$`)},
	{"manifests/ovhcloud-csi-provider.yaml", " with test/chart/check --write",
		regexp.MustCompile(`app.kubernetes.io/version: "?([^"\s]+)"?`)},
}

const chartFile = "charts/ovhcloud-csi-provider/Chart.yaml"

// versions returns all versions that the file states: "none" if it states none.
func (p place) versions(root string) (all []string) {
	for _, match := range p.pattern.FindAllStringSubmatch(text(root, p.file), -1) {
		all = append(all, match[1])
	}
	if len(all) == 0 {
		return []string{"none"}
	}
	return all
}

// text returns the content of a file of the repository, "" if it cannot be read.
func text(root, name string) string {
	content, _ := os.ReadFile(filepath.Join(root, name))
	return string(content)
}

// head returns the commit of the work tree, and its time.
func head(root string) (commit string, at time.Time, err error) {
	out, err := git(root, "log", "-1", "--format=%H %ct")
	if err != nil {
		return "", time.Time{}, err
	}
	commit, seconds, _ := strings.Cut(out, " ")
	n, err := strconv.ParseInt(seconds, 10, 64)
	return commit, time.Unix(n, 0).UTC(), err
}

// git returns the output of a command of git, without the last line break.
func git(root string, args ...string) (string, error) {
	return output(root, nil, "git", args...)
}

// output runs a program in a folder with additional variables, and returns what it prints, without the last line break.
func output(dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, complaints.String())
	}
	return strings.TrimRight(string(out), "\n"), nil
}
