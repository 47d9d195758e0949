package pattern

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"fieldpost/configs/setting"
	"fieldpost/telemetry"
)

// Metric is what an expression may name.
type Metric struct {
	Name string
	Kind telemetry.Kind
	Unit string
}

// Bounds of one expression: more is no condition that anybody could answer for. The length bounds the depth of brackets, which the parser
// descends into before it counts nodes.
const (
	maxLength = 1000 // runes
	maxNodes  = 100  // values, functions and operators
)

// syntaxError is one thing wrong with a text.
type syntaxError struct {
	offset  int // where, in runes
	message string
}

func (e *syntaxError) Error() string { return e.message }

func wrong(n ast.Node, format string, args ...any) *syntaxError {
	return &syntaxError{n.Location().From, fmt.Sprintf(format, args...)}
}

// expression is a compiled condition. It is read-only and may be shared.
type expression struct {
	root *term
	uses []int // places of the metrics in it, in the order of their first appearance
}

// compile makes an expression of a text. Metrics are known by their place.
func compile(text string, metrics []Metric) (*expression, *syntaxError) {
	if n := utf8.RuneCountInString(text); n > maxLength {
		return nil, &syntaxError{0, fmt.Sprintf("%d characters are too many for one expression; at most %d", n, maxLength)}
	}
	if strings.TrimSpace(text) == "" {
		return nil, &syntaxError{0, "the expression is empty; write a condition, such as temperature > 80"}
	}
	tree, err := parse(text)
	if err != nil {
		return nil, explain(err, text)
	}
	c := &check{metrics: metrics, seen: make(map[ast.Node]sort)}
	kind, wrongAt := c.sort(tree.Node)
	switch {
	case wrongAt != nil:
		return nil, wrongAt
	case kind != yesNo:
		return nil, wrong(tree.Node, "this is %s, not a condition; compare it, such as … > 80", kind)
	case len(c.uses) == 0:
		return nil, &syntaxError{0, "the expression uses no metric, so it would always be the same"}
	}
	e := &expression{uses: c.uses}
	config := configFor(metrics)
	if e.root, err = split(tree.Node, metrics, config, tree.Source); err != nil {
		return nil, explain(err, text)
	}
	return e, nil
}

// parse reads a text. A panic of the parser is an error: a file must not be able to stop a running program.
func parse(text string) (tree *parser.Tree, err error) {
	defer func() {
		if r := recover(); r != nil {
			tree, err = nil, fmt.Errorf("the expression parser gave up: %v", r)
		}
	}()
	config := conf.CreateNew()
	config.MaxNodes = maxNodes
	return parser.ParseWithConfig(text, config)
}

// The operators that can give what is no number are functions of ours, under names that no metric can have.
const (
	divide = "/"
	power  = "**"
)

var errNoNumber = errors.New("the result is not a number")

// configFor tells the engine the types of the metrics. Its own checker goes over the tree after ours.
func configFor(metrics []Metric) *conf.Config {
	env := make(map[string]any, len(metrics))
	for _, m := range metrics {
		env[m.Name] = zero(m.Kind)
	}
	config := conf.New(env)
	add := func(name string, f func(a, b float64) float64) {
		config.Functions[name] = function(name, f)
	}
	add(divide, func(a, b float64) float64 { return a / b })
	add(power, math.Pow)
	return config
}

func zero(k telemetry.Kind) any {
	switch k {
	case telemetry.KindBool:
		return false
	case telemetry.KindText:
		return ""
	}
	return 0.0
}

// split takes and, or and not apart into terms and compiles what is between them.
func split(n ast.Node, metrics []Metric, config *conf.Config, source file.Source) (*term, error) {
	switch n := n.(type) {
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			a, err := split(n.Node, metrics, config, source)
			return &term{op: opNot, a: a}, err
		}
	case *ast.BinaryNode:
		op, ok := connectives[n.Operator]
		if !ok {
			break
		}
		a, err := split(n.Left, metrics, config, source)
		if err != nil {
			return nil, err
		}
		b, err := split(n.Right, metrics, config, source)
		return &term{op: op, a: a, b: b}, err
	}
	t := new(term)
	for _, name := range names(n) {
		t.uses = append(t.uses, slices.IndexFunc(metrics, func(m Metric) bool { return m.Name == name }))
	}
	var err error
	t.program, err = build(n, config, source)
	return t, err
}

// build compiles a condition without and, or and not around it.
func build(n ast.Node, config *conf.Config, source file.Source) (program *vm.Program, err error) {
	defer func() {
		if r := recover(); r != nil {
			program, err = nil, fmt.Errorf("the expression compiler gave up: %v", r)
		}
	}()
	rewrite(&n, make(map[ast.Node]bool))
	tree := &parser.Tree{Node: n, Source: source}
	if _, err := checker.Check(tree, config); err != nil {
		return nil, err
	}
	return compiler.Compile(tree, config)
}

// explain says the engine's errors in words for people who do not know its tokens.
func explain(err error, text string) *syntaxError {
	var at *file.Error
	if !errors.As(err, &at) {
		return &syntaxError{0, err.Error()}
	}
	runes := []rune(text)
	from := min(max(at.From, 0), len(runes))
	switch {
	case strings.Contains(at.Message, "maximum allowed nodes"):
		return &syntaxError{0, fmt.Sprintf("the expression is too long; at most %d values, functions and operators", maxNodes)}
	case strings.HasPrefix(at.Message, "unexpected token EOF"), strings.HasPrefix(at.Message, "unexpected end"):
		return &syntaxError{len([]rune(strings.TrimRight(text, " \t\r\n"))), "the expression ends too early"}
	case strings.HasPrefix(at.Message, "unexpected token"):
		token := string(runes[from:min(max(at.To, from), len(runes))])
		hint := setting.DidYouMean(token, []string{"and", "or", "not"})
		if token == "=" {
			hint = "; to compare, write =="
		}
		return &syntaxError{from, fmt.Sprintf("unexpected %q%s", token, hint)}
	case strings.HasPrefix(at.Message, "literal not terminated"):
		before := string(runes[:from])
		if i := strings.LastIndexAny(before, "\"'`"); i >= 0 {
			from = utf8.RuneCountInString(before[:i])
		}
		return &syntaxError{from, "a quote is not closed"}
	}
	return &syntaxError{from, at.Message}
}

func function(name string, f func(a, b float64) float64) *builtin.Function {
	return &builtin.Function{
		Name: name,
		Func: func(args ...any) (any, error) {
			a, b := args[0].(float64), args[1].(float64) // the tree's check has seen to it
			x := f(a, b)
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return nil, errNoNumber
			}
			return x, nil
		},
		Types: []reflect.Type{reflect.TypeFor[func(float64, float64) float64]()},
	}
}
