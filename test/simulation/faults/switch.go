// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// variable is the environment variable that puts one of the faults of a binary in use, by its
// number.
const variable = "SIMULATION_FAULT"

// combine writes files that have all faults, in a form that go's -overlay takes, so that they are
// built once: a changed function calls the variant of the fault in use. An edit must be within a
// function.
func combine(root, dir string, all []fault) (overlay string, err error) {
	edits := map[string]map[int][]edit{} // by file and fault
	for n, f := range all {
		for _, e := range f.edits {
			if edits[e.file] == nil {
				edits[e.file] = map[int][]edit{}
			}
			edits[e.file][n] = append(edits[e.file][n], e)
		}
	}
	files := map[string][]byte{}
	for name, of := range edits {
		text, err := os.ReadFile(filepath.Join(root, filepath.Clean(name)))
		if err != nil {
			return "", err
		}
		var pkg string
		if files[name], pkg, err = withVariants(string(text), of); err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		files[filepath.Join(filepath.Dir(name), "faultinuse.go")] = fmt.Appendf(nil,
			"package %s\n\nimport \"os\"\n\nvar faultInUse = os.Getenv(%q)\n", pkg, variable)
	}
	return writeOverlay(root, dir, files)
}

// withVariants returns a file with variants of the functions that edits change.
func withVariants(text string, edits map[int][]edit) (changed []byte, pkg string, err error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", text, parser.ParseComments)
	if err != nil {
		return nil, "", err
	}
	left := 0
	for _, of := range edits {
		left += len(of)
	}
	out, copied := "", 0
	for _, decl := range file.Decls {
		f, is := decl.(*ast.FuncDecl)
		if !is {
			continue
		}
		from, to := set.Position(f.Pos()).Offset, set.Position(f.End()).Offset
		variants, fit := variantsOf(text[from:to], edits)
		if left -= fit; len(variants) == 0 {
			continue
		}
		made, err := dispatch(text[from:to], variants)
		if err != nil {
			return nil, "", err
		}
		out += text[copied:from] + made
		copied = to
	}
	if left > 0 {
		return nil, "", fmt.Errorf("%d edits are in no function", left)
	}
	return []byte(out + text[copied:]), file.Name.Name, nil
}

// variantsOf returns the variants of a function, by the number of the fault, and how many edits are
// within the function.
func variantsOf(function string, edits map[int][]edit) (variants map[int]string, fit int) {
	variants = map[int]string{}
	for n, of := range edits {
		variant := function
		for _, e := range of {
			if strings.Contains(variant, e.before) {
				variant = strings.Replace(variant, e.before, e.after, 1)
				variants[n] = variant
				fit++
			}
		}
	}
	return variants, fit
}

// dispatch returns a function that calls the variant of the fault in use, or itself as it was.
func dispatch(original string, variants map[int]string) (text string, err error) {
	of, err := signatureOf(original)
	if err != nil {
		return "", err
	}
	text = of.head + "{\n\tswitch faultInUse {\n"
	copies := "\n" + of.renamed(original, "Unchanged")
	for n, variant := range variants {
		suffix := fmt.Sprint("Fault", n)
		s, err := signatureOf(variant)
		if err != nil {
			return "", fmt.Errorf("%w in\n%s", err, variant)
		}
		text += fmt.Sprintf("\tcase \"%d\":\n\t\t%s\n", n, of.call(suffix))
		copies += "\n" + s.renamed(variant, suffix)
	}
	return text + "\tdefault:\n\t\t" + of.call("Unchanged") + "\n\t}\n}\n" + copies, nil
}

// signature is how a function is declared and called.
type signature struct {
	head     string // up to its body, with names for all parameters
	name     string
	at       int // where the name is in the text
	receiver string
	args     []string
	returns  bool
}

func signatureOf(text string) (s signature, err error) {
	const before = "package p\n"
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", before+text, 0)
	if err != nil {
		return s, err
	}
	f := file.Decls[0].(*ast.FuncDecl)
	typeText := func(e ast.Expr) string { return text[int(e.Pos())-1-len(before) : int(e.End())-1-len(before)] }
	s = signature{name: f.Name.Name, at: int(f.Name.Pos()) - 1 - len(before), returns: f.Type.Results != nil}
	s.head = "func "
	if f.Recv != nil {
		s.receiver = "receiver."
		s.head += "(receiver " + typeText(f.Recv.List[0].Type) + ") "
	}
	var params, results []string
	for _, p := range f.Type.Params.List {
		for range max(1, len(p.Names)) {
			name := fmt.Sprint("arg", len(s.args))
			params = append(params, name+" "+typeText(p.Type))
			if _, variadic := p.Type.(*ast.Ellipsis); variadic {
				name += "..."
			}
			s.args = append(s.args, name)
		}
	}
	if s.returns {
		for _, r := range f.Type.Results.List {
			results = append(results, slices.Repeat([]string{typeText(r.Type)}, max(1, len(r.Names)))...)
		}
	}
	s.head += f.Name.Name + "(" + strings.Join(params, ", ") + ") (" + strings.Join(results, ", ") + ") "
	return s, nil
}

// renamed returns the text of the function with a suffix behind its name.
func (s signature) renamed(text, suffix string) string {
	end := s.at + len(s.name)
	return text[:end] + suffix + text[end:] + "\n"
}

// call returns the statement that calls the function with a suffix behind its name.
func (s signature) call(suffix string) string {
	call := s.receiver + s.name + suffix + "(" + strings.Join(s.args, ", ") + ")"
	if s.returns {
		return "return " + call
	}
	return call
}
