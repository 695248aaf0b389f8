package template

import "text/template/parse"

// instrument changes a tree so that each block costs a step whenever it is entered, and that
// everything that is written passes through a function: text/template counts nothing, writes
// "<no value>" for what is missing, and writes lists and maps in a form of Go's.
func instrument(t *parse.Tree) {
	if t.Root != nil {
		list(t, t.Root)
	}
}

// call returns a command that calls a function.
func call(t *parse.Tree, pos parse.Pos, function string) *parse.CommandNode {
	return &parse.CommandNode{NodeType: parse.NodeCommand, Pos: pos, Args: []parse.Node{parse.NewIdentifier(function).SetPos(pos).SetTree(t)}}
}

// list instruments a list of nodes.
func list(t *parse.Tree, l *parse.ListNode) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.ActionNode:
			if len(n.Pipe.Decl) == 0 {
				n.Pipe.Cmds = append(n.Pipe.Cmds, call(t, n.Pos, functionOut))
			}
		case *parse.IfNode:
			branch(t, &n.BranchNode)
		case *parse.RangeNode:
			branch(t, &n.BranchNode)
		case *parse.WithNode:
			branch(t, &n.BranchNode)
		case *parse.TextNode:
		}
	}
	step := &parse.ActionNode{NodeType: parse.NodeAction, Pos: l.Pos, Line: 1,
		Pipe: &parse.PipeNode{NodeType: parse.NodePipe, Pos: l.Pos, Line: 1, Cmds: []*parse.CommandNode{call(t, l.Pos, functionStep)}}}
	texts := 0
	for _, n := range l.Nodes {
		if text, is := n.(*parse.TextNode); is {
			texts += len(text.Text)
		}
	}
	size := &parse.NumberNode{NodeType: parse.NodeNumber, Pos: l.Pos, IsInt: true, Int64: int64(texts), IsUint: true, Uint64: uint64(texts),
		IsFloat: true, Float64: float64(texts), Text: "0"}
	step.Pipe.Cmds[0].Args = append(step.Pipe.Cmds[0].Args, size)
	l.Nodes = append([]parse.Node{step}, l.Nodes...)
}

func branch(t *parse.Tree, b *parse.BranchNode) {
	list(t, b.List)
	if b.ElseList == nil && b.NodeType == parse.NodeRange {
		return
	}
	list(t, b.ElseList)
}
