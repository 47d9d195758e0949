package pattern

import (
	"slices"

	"github.com/expr-lang/expr/ast"
)

// rewrite makes all numbers floats, so that nothing wraps around, and takes / and ** to functions that refuse what is no number. The tree has
// passed the check.
func rewrite(p *ast.Node, done map[ast.Node]bool) {
	n := *p
	switch n := n.(type) {
	case *ast.IntegerNode:
		ast.Patch(p, &ast.FloatNode{Value: float64(n.Value)})
		return
	case *ast.BinaryNode:
		if !done[n] {
			done[n] = true
			rewrite(&n.Left, done)
			rewrite(&n.Right, done)
		}
		name := n.Operator
		if name == "^" {
			name = power
		}
		if name == divide || name == power {
			ast.Patch(p, &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: []ast.Node{n.Left, n.Right}})
		}
		return
	}
	if done[n] {
		return
	}
	done[n] = true
	switch n := n.(type) {
	case *ast.UnaryNode:
		rewrite(&n.Node, done)
	case *ast.BuiltinNode:
		for i := range n.Arguments {
			rewrite(&n.Arguments[i], done)
		}
	}
}

// names returns the identifiers in n that are metrics, each once.
func names(n ast.Node) []string {
	v := new(collector)
	ast.Walk(&n, v)
	return v.names
}

type collector struct{ names []string }

// Visit is ast.Visitor.
func (c *collector) Visit(p *ast.Node) {
	if id, ok := (*p).(*ast.IdentifierNode); ok && !slices.Contains(c.names, id.Value) {
		c.names = append(c.names, id.Value)
	}
}
