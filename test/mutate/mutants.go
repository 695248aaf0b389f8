// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
)

// mutant is one small change of one file.
type mutant struct {
	file     string // as go list names it
	line     int
	function string // "Type.method" or "function"; "" outside of functions
	text     string // what is changed, in one line
	from, to int    // the bytes of the file that are replaced
	by       string
}

// changed returns the file with the change.
func (m mutant) changed(source []byte) []byte {
	return []byte(string(source[:m.from]) + m.by + string(source[m.to:]))
}

// swaps are the operators that are replaced, each by one.
var swaps = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR, token.EQL: token.NEQ,
	token.NEQ: token.EQL, token.ADD: token.SUB, token.SUB: token.ADD, token.LAND: token.LOR, token.LOR: token.LAND,
}

// finder collects the mutants of one file.
type finder struct {
	name     string
	source   []byte
	set      *token.FileSet
	function string
	returns  bool // the last result of the function is an error
	found    []mutant
}

// mutantsOf returns all mutants of a file, in the order of its text.
func mutantsOf(path, name string) ([]mutant, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := &finder{name: name, source: source, set: token.NewFileSet()}
	file, err := parser.ParseFile(f.set, path, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, d := range file.Decls {
		f.function = ""
		if fn, is := d.(*ast.FuncDecl); is {
			f.function, f.returns = nameOf(fn), returnsError(fn.Type)
		}
		ast.Inspect(d, f.visit)
	}
	return f.found, nil
}

// visit adds the mutants of one node.
func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.FuncLit:
		outer := f.returns
		f.returns = returnsError(n.Type)
		ast.Inspect(n.Body, f.visit)
		f.returns = outer
		return false
	case *ast.BinaryExpr:
		if other, ok := swaps[n.Op]; ok {
			at := f.at(n.OpPos)
			f.add(n, at, at+len(n.Op.String()), other.String())
		}
	case *ast.IfStmt:
		f.add(n.Cond, f.at(n.Cond.Pos()), f.at(n.Cond.End()), "!("+f.text(n.Cond)+")")
	case *ast.ExprStmt:
		if _, is := n.X.(*ast.CallExpr); is {
			f.remove(n, n)
		}
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			f.remove(n, n)
		}
	case *ast.IncDecStmt:
		f.remove(n, n)
	case *ast.CaseClause:
		f.drop(n.Body)
	case *ast.CommClause:
		f.drop(n.Body)
	case *ast.ReturnStmt:
		f.succeed(n)
	}
	return true
}

// drop adds a mutant without the statements of a case. One alone that visit removes
// anyway makes none.
func (f *finder) drop(body []ast.Stmt) {
	if len(body) == 0 {
		return
	}
	switch body[0].(type) {
	case *ast.ExprStmt, *ast.AssignStmt, *ast.IncDecStmt:
		if len(body) == 1 {
			return
		}
	}
	f.remove(body[0], body[len(body)-1])
}

// succeed adds a mutant that returns no error.
func (f *finder) succeed(n *ast.ReturnStmt) {
	if !f.returns || len(n.Results) == 0 {
		return
	}
	last := n.Results[len(n.Results)-1]
	if name, is := last.(*ast.Ident); is && name.Name == "nil" {
		return
	}
	f.add(n, f.at(last.Pos()), f.at(last.End()), "nil")
}

// remove adds a mutant without the statements from first to last.
func (f *finder) remove(first, last ast.Node) {
	from, to := f.at(first.Pos()), f.at(last.End())
	f.found = append(f.found, f.mutant(first, from, to, "", "without "+oneLine(string(f.source[from:to]))))
}

// add adds a mutant in which the bytes from, to of a node are replaced.
func (f *finder) add(n ast.Node, from, to int, by string) {
	begin, end := f.at(n.Pos()), f.at(n.End())
	after := string(f.source[begin:from]) + by + string(f.source[to:end])
	f.found = append(f.found, f.mutant(n, from, to, by, oneLine(f.text(n))+" -> "+oneLine(after)))
}

func (f *finder) mutant(n ast.Node, from, to int, by, text string) mutant {
	return mutant{file: f.name, line: f.set.Position(n.Pos()).Line, function: f.function, text: text, from: from,
		to: to, by: by}
}

func (f *finder) at(p token.Pos) int { return f.set.Position(p).Offset }

func (f *finder) text(n ast.Node) string { return string(f.source[f.at(n.Pos()):f.at(n.End())]) }

// oneLine shortens a text to what a list shows of it.
func oneLine(text string) string {
	const most = 100
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// nameOf returns "function", or "Type.method" without a star and type parameters.
func nameOf(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	of := fn.Recv.List[0].Type
	for {
		switch t := of.(type) {
		case *ast.StarExpr:
			of = t.X
		case *ast.IndexExpr:
			of = t.X
		default:
			return fmt.Sprintf("%s.%s", of, fn.Name.Name)
		}
	}
}

// returnsError says whether the last result is an error, or a pointer to an Error of ours.
func returnsError(t *ast.FuncType) bool {
	if t.Results == nil {
		return false
	}
	switch last := t.Results.List[len(t.Results.List)-1].Type.(type) {
	case *ast.Ident:
		return last.Name == "error"
	case *ast.StarExpr:
		switch of := last.X.(type) {
		case *ast.Ident:
			return of.Name == "Error"
		case *ast.SelectorExpr:
			return of.Sel.Name == "Error"
		}
	}
	return false
}
