package pattern

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"fieldpost/configs/setting"
	"fieldpost/telemetry"
)

// sort is what a part of an expression gives. Integers and floats are both numbers: they are compared and computed as float64.
type sort uint8

const (
	none sort = iota
	number
	yesNo
	text
)

// String is for messages.
func (s sort) String() string { return [...]string{"nothing", "a number", "a yes or no", "text"}[s] }

func sortOf(k telemetry.Kind) sort {
	switch k {
	case telemetry.KindBool:
		return yesNo
	case telemetry.KindText:
		return text
	}
	return number
}

// operators that need the same sort on both sides and give another. == and != take any sort and are apart.
var operators = map[string]struct{ of, gives sort }{
	"<": {number, yesNo}, "<=": {number, yesNo}, ">": {number, yesNo}, ">=": {number, yesNo},
	"+": {number, number}, "-": {number, number}, "*": {number, number}, "/": {number, number}, "**": {number, number}, "^": {number, number},
	"and": {yesNo, yesNo}, "&&": {yesNo, yesNo}, "or": {yesNo, yesNo}, "||": {yesNo, yesNo},
	"contains": {text, yesNo}, "startsWith": {text, yesNo}, "endsWith": {text, yesNo},
}

// functions that may be called, with the least and the most of their arguments; all take and give numbers.
var functions = map[string]struct{ least, most int }{
	"abs": {1, 1}, "ceil": {1, 1}, "floor": {1, 1}, "round": {1, 1}, "max": {2, maxNodes}, "min": {2, maxNodes},
}

// check passes a tree or finds the first thing in it that is wrong. What it does not know it refuses: what a new version of the
// engine brings stays out until somebody lets it in here.
type check struct {
	metrics []Metric
	uses    []int
	seen    map[ast.Node]sort // a < b < c has b in two places of the tree
}

// sort returns what n gives.
func (c *check) sort(n ast.Node) (sort, *syntaxError) {
	if s, ok := c.seen[n]; ok {
		return s, nil
	}
	s, err := c.look(n)
	if err == nil {
		c.seen[n] = s
	}
	return s, err
}

func (c *check) look(n ast.Node) (sort, *syntaxError) {
	switch n := n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		return number, nil
	case *ast.BoolNode:
		return yesNo, nil
	case *ast.StringNode:
		return text, nil
	case *ast.IdentifierNode:
		return c.metric(n)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.BuiltinNode:
		return c.call(n, n.Name, n.Arguments)
	case *ast.CallNode:
		if f, ok := n.Callee.(*ast.IdentifierNode); ok {
			return c.call(n, f.Value, n.Arguments)
		}
		return none, wrong(n, "methods cannot be called here")
	case *ast.MemberNode, *ast.ChainNode, *ast.SliceNode:
		return none, wrong(n, "a metric has no parts; . and [ ] are not supported")
	case *ast.ConditionalNode:
		return none, &syntaxError{0, "if, else and ? are not supported; write and, or, not"}
	case *ast.ArrayNode, *ast.MapNode:
		return none, wrong(n, "lists are not supported; write x == a or x == b")
	case *ast.VariableDeclaratorNode, *ast.SequenceNode:
		return none, wrong(n, "let and ; are not supported; an expression is one condition")
	}
	return none, wrong(n, "%s is not supported in a pattern", strings.ToLower(strings.TrimSuffix(reflect.TypeOf(n).Elem().Name(), "Node")))
}

func (c *check) metric(n *ast.IdentifierNode) (sort, *syntaxError) {
	i := slices.IndexFunc(c.metrics, func(m Metric) bool { return m.Name == n.Value })
	if i < 0 {
		return none, wrong(n, "%s", unknownMetric(n.Value, c.metrics))
	}
	if !slices.Contains(c.uses, i) {
		c.uses = append(c.uses, i)
	}
	return sortOf(c.metrics[i].Kind), nil
}

func unknownMetric(name string, metrics []Metric) string {
	var known []string
	for _, m := range metrics {
		known = append(known, m.Name)
	}
	hint := setting.DidYouMean(name, known)
	if list := strings.Join(known, ", "); hint == "" && list != "" && len(list) <= 120 {
		hint = "; the device has " + list
	}
	return "unknown metric \"" + name + "\"" + hint
}

func (c *check) unary(n *ast.UnaryNode) (sort, *syntaxError) {
	s, err := c.sort(n.Node)
	if err != nil {
		return none, err
	}
	want := number
	if n.Operator == "not" || n.Operator == "!" {
		want = yesNo
	}
	if s != want {
		return none, wrong(n, "%s takes %s, not %s", n.Operator, want, s)
	}
	return want, nil
}

func (c *check) binary(n *ast.BinaryNode) (sort, *syntaxError) {
	same := n.Operator == "==" || n.Operator == "!="
	op, ok := operators[n.Operator]
	switch {
	case same || ok:
	case n.Operator == "in":
		return none, wrong(n, "in is not supported; write x == a or x == b")
	default:
		return none, wrong(n, "%s is not supported in a pattern", n.Operator)
	}
	left, err := c.sort(n.Left)
	if err != nil {
		return none, err
	}
	right, err := c.sort(n.Right)
	if err != nil {
		return none, err
	}
	switch {
	case same && left == right:
		return yesNo, nil
	case same:
		return none, wrong(n, "%s compares %s with %s; that is never the same", n.Operator, left, right)
	case left != op.of:
		return none, wrong(n, "%s takes %s on its left, not %s", n.Operator, op.of, left)
	case right != op.of:
		return none, wrong(n, "%s takes %s on its right, not %s", n.Operator, op.of, right)
	}
	return op.gives, nil
}

func (c *check) call(n ast.Node, name string, args []ast.Node) (sort, *syntaxError) {
	f, ok := functions[name]
	if !ok {
		known := slices.Sorted(maps.Keys(functions))
		hint := setting.DidYouMean(name, known)
		if hint == "" {
			hint = "; there are " + strings.Join(known, ", ")
		}
		return none, wrong(n, "unknown function %q%s", name, hint)
	}
	switch {
	case len(args) < f.least && f.least == f.most, len(args) > f.most:
		return none, wrong(n, "%s takes one number, not %d", name, len(args))
	case len(args) < f.least:
		return none, wrong(n, "%s takes two numbers or more, not %d", name, len(args))
	}
	for _, a := range args {
		s, err := c.sort(a)
		if err != nil {
			return none, err
		}
		if s != number {
			return none, wrong(a, "%s takes numbers, not %s", name, s)
		}
	}
	return number, nil
}
