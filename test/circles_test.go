// SPDX-License-Identifier: Apache-2.0

package test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"ovhcloud-csi-provider/test/withrace"
)

// largestKnot is how many files of a package may need one another: a reader of one must
// know all of them.
const largestKnot = 3

// knots are the sizes of the larger knots that there are, by package. None may grow, and
// what is untied is taken out.
var knots = map[string][]int{
	"provider/cache": {5},
	"provider/pace":  {5},
	"server":         {10},
}

// listed is a package as go list -export describes it.
type listed struct {
	Dir, ImportPath, Export string
	GoFiles                 []string
	DepOnly                 bool
}

// listExported lists the packages of patterns and all they import, as for Linux. There it wants them as `go test` has
// built them for the other tests: to build them in another way takes a minute.
func listExported(t *testing.T, patterns ...string) (all []listed) {
	t.Helper()
	args := []string{"list", "-export", "-deps", "-json=Dir,ImportPath,Export,GoFiles,DepOnly"}
	cmd := exec.Command("go")
	if runtime.GOOS != "linux" {
		cmd.Env = append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0")
	} else if withrace.On {
		args = append(args, "-race")
	}
	cmd.Args = append(append(cmd.Args, args...), patterns...)
	cmd.Dir, cmd.Stderr = "..", os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p listed
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// graph has, for each file, the files that it uses with the name of one thing it uses there.
type graph map[string]map[string]string

// filesOf returns how the files of a package use each other: their package-level objects
// and methods.
func filesOf(t *testing.T, p listed, set *token.FileSet, imports types.Importer) graph {
	t.Helper()
	var files []*ast.File
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	conf := types.Config{Importer: imports}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	checked, err := conf.Check(p.ImportPath, set, files, info)
	if err != nil {
		t.Fatal(err)
	}
	g := graph{}
	fileOf := func(pos token.Pos) string { return filepath.Base(set.Position(pos).Filename) }
	for name, object := range info.Uses {
		method, isFunc := object.(*types.Func)
		isMethod := isFunc && method.Signature().Recv() != nil
		if object.Pkg() != checked || !isMethod && object.Parent() != checked.Scope() {
			continue
		}
		from, to := fileOf(name.Pos()), fileOf(object.Pos())
		if g[from] == nil {
			g[from] = map[string]string{}
		}
		if before := g[from][to]; from != to && (before == "" || object.Name() < before) {
			g[from][to] = object.Name()
		}
	}
	return g
}

// knots returns the sets of files that all reach one another, the largest first.
func (g graph) knots() (all [][]string) {
	reached := map[string]map[string]bool{}
	for from := range g {
		reached[from] = map[string]bool{}
		for next := []string{from}; len(next) > 0; {
			at := next[0]
			next = next[1:]
			for to := range g[at] {
				if !reached[from][to] {
					reached[from][to] = true
					next = append(next, to)
				}
			}
		}
	}
	done := map[string]bool{}
	for _, file := range slices.Sorted(maps.Keys(reached)) {
		if done[file] || !reached[file][file] {
			continue
		}
		var knot []string
		for other := range reached[file] {
			if reached[other][file] {
				knot = append(knot, other)
				done[other] = true
			}
		}
		slices.Sort(knot)
		all = append(all, knot)
	}
	slices.SortStableFunc(all, func(a, b []string) int { return len(b) - len(a) })
	return all
}

// describe says which file of a knot uses what of which other.
func (g graph) describe(knot []string) string {
	var text strings.Builder
	for _, from := range knot {
		for _, to := range knot {
			if name := g[from][to]; name != "" {
				fmt.Fprintf(&text, "  %s uses %s of %s\n", from, name, to)
			}
		}
	}
	return text.String()
}

// TestFilesOfAPackageAreNoKnot checks packages as TestArrowsPointDown checks the module.
func TestFilesOfAPackageAreNoKnot(t *testing.T) {
	all := listExported(t, "./provider/...", "./server/...", "./cmd/...")
	exports := map[string]string{}
	for _, p := range all {
		exports[p.ImportPath] = p.Export
	}
	set := token.NewFileSet()
	lookup := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	imports, seen := importer.ForCompiler(set, "gc", lookup), 0 // the importer reads each package once
	for _, p := range all {
		if p.DepOnly || len(p.GoFiles) == 0 {
			continue
		}
		seen++
		name, g := strings.TrimPrefix(p.ImportPath, module+"/"), filesOf(t, p, set, imports)
		var sizes []int
		var text strings.Builder
		for _, knot := range g.knots() {
			if len(knot) > largestKnot {
				sizes = append(sizes, len(knot))
				fmt.Fprintf(&text, "%d files need one another:\n%s", len(knot), g.describe(knot))
			}
		}
		if !slices.Equal(sizes, knots[name]) {
			t.Errorf("%s has knots of %v files, and %v are known\n%s", name, sizes, knots[name], text.String())
		}
	}
	if seen < 5 {
		t.Errorf("only %d packages were looked at", seen)
	}
	for name := range knots {
		if !slices.ContainsFunc(all, func(p listed) bool { return !p.DepOnly && p.ImportPath == module+"/"+name }) {
			t.Errorf("%s has known knots, but is no package", name)
		}
	}
}

func TestKnots(t *testing.T) {
	uses := func(pairs ...string) graph {
		g := graph{}
		for _, pair := range pairs {
			if g[pair[:1]] == nil {
				g[pair[:1]] = map[string]string{}
			}
			g[pair[:1]][pair[1:]] = "x"
		}
		return g
	}
	for _, c := range []struct {
		graph graph
		want  string
	}{
		{uses("ab", "bc", "cd"), "[]"}, {uses("ab", "bc", "ca", "cd"), "[[a b c]]"},
		{uses("ab", "ba", "cd", "de", "ec", "ac"), "[[c d e] [a b]]"}, {uses("ab", "bc", "cb", "ca"), "[[a b c]]"},
	} {
		if got := fmt.Sprint(c.graph.knots()); got != c.want {
			t.Errorf("%v: %s, want %s", c.graph, got, c.want)
		}
	}
	if text := uses("ab", "ba").describe([]string{"a", "b"}); text != "  a uses x of b\n  b uses x of a\n" {
		t.Errorf("got %q", text)
	}
}
