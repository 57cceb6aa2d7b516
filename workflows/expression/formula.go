package expression

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/itchyny/gojq"
)

// formula is a program of reads, constants and operators, each with one output:
// "(.sum // 0) + $n", ".a == 1 and $x.b". Such programs are most of what a loop
// evaluates, and setting up the virtual machine costs more than they do, so they are
// walked instead. Their operators are the machine's own guarded natives.
//
// A walk must take as many steps as the machine would: the steps of an execution
// decide when it pauses, and so its history. What a native charges, the walk is
// charged too. The rest depends on nothing but the branches taken, and is learned
// from the machine the first time that a walk takes them.
// TestFormula_AgreesWithTheMachine holds the two together.
type formula struct {
	root  piece
	taken []atomic.Int64 // by walk.branches: the steps beyond charges, as learn keeps them
}

// piece is one place of a formula. It has no value where the machine has to say
// what is wrong.
type piece interface {
	value(w *walk, in any) (v any, ok bool)
}

// walk is one evaluation of a formula.
type walk struct {
	machine  *machine
	env      Env
	branches uint
	items    int // of ranges, which take stepsPerItem each
	args     [2]any
}

// maxBranches bounds the truths that a formula looks at, and so formula.taken.
const maxBranches = 6

// learned are the steps beyond charges where a walk's branches were taken before.
// Kept with a last bit set, they are apart from the zero that says nothing; they are
// negative where the machine folds what a walk is charged for.
func (f *formula) learned(branches uint) (steps int, ok bool) {
	kept := f.taken[branches].Load()
	return int(kept >> 1), kept != 0
}

func (f *formula) learn(branches uint, steps int) { f.taken[branches].Store(int64(steps)<<1 | 1) }

// evaluate walks the program where it is a formula. The machine runs it where it is not,
// where it has to tell what is wrong, and the first time that branches are taken.
func (p *program) evaluate(m *machine, in any, env Env) (any, error) {
	if p.formula == nil {
		return m.first(in, p.values(env))
	}
	w := &m.walk
	w.machine, w.env, w.branches, w.items = m, env, 0, 0
	v, walked := p.formula.root.value(w, in)
	branches := w.branches
	w.env, w.args = Env{}, [2]any{}
	if w.items > 0 {
		m.meter.left -= w.items * stepsPerItem()
	}
	charged := StepBudget - m.meter.left
	beyond, learned := p.formula.learned(branches)
	if walked && learned && charged+beyond <= StepBudget {
		m.meter.left -= beyond
		return v, nil
	}
	m.meter.left = StepBudget
	v, err := m.first(in, p.values(env))
	if walked && !learned && err == nil {
		p.formula.learn(branches, StepBudget-m.meter.left-charged)
	}
	return v, err
}

// asFormula makes the formula that p is, or nil where it is none.
func asFormula(p *program, natives map[string]native) *formula {
	b := formulaBuilder{program: p, natives: natives}
	root := b.query(p.query)
	if root == nil || b.branches > maxBranches {
		return nil
	}
	return &formula{root: root, taken: make([]atomic.Int64, 1<<b.branches)}
}

// formulaBuilder turns a query into parts; nil: it is none.
type formulaBuilder struct {
	program  *program
	natives  map[string]native
	branches int
}

// operators that are one call of a native.
var operators = map[gojq.Operator]string{
	gojq.OpAdd: "_add", gojq.OpSub: "_subtract", gojq.OpMul: "_multiply", gojq.OpDiv: "_divide", gojq.OpMod: "_modulo",
	gojq.OpEq: "_equal", gojq.OpNe: "_notequal", gojq.OpGt: "_greater", gojq.OpLt: "_less", gojq.OpGe: "_greatereq", gojq.OpLe: "_lesseq",
}

func (b *formulaBuilder) query(q *gojq.Query) piece {
	if q == nil || len(q.FuncDefs) > 0 || len(q.Patterns) > 0 || len(q.Imports) > 0 || q.Meta != nil {
		return nil
	}
	if q.Term != nil {
		return b.term(q.Term)
	}
	left, right := b.query(q.Left), b.query(q.Right)
	if left == nil || right == nil {
		return nil
	}
	if name, is := operators[q.Op]; is && b.natives[name] != nil {
		return operation{name, onIntegers[name], left, right}
	}
	switch q.Op {
	case gojq.OpPipe:
		return pipe{left, right}
	case gojq.OpAlt:
		return alternative{left, right, b.branch()}
	case gojq.OpAnd, gojq.OpOr:
		return logic{left, right, q.Op == gojq.OpOr, b.branch(), b.branch()}
	}
	return nil
}

func (b *formulaBuilder) branch() uint {
	b.branches++
	return 1 << min(b.branches-1, maxBranches)
}

func (b *formulaBuilder) term(t *gojq.Term) piece {
	start := b.start(t)
	if start == nil {
		return nil
	}
	var keys path
	if t.Type == gojq.TermTypeIndex && !keys.append(t.Index) {
		return nil
	}
	for _, suffix := range t.SuffixList {
		if suffix.Index == nil || !keys.append(suffix.Index) {
			return nil
		}
	}
	if len(keys.keys) == 0 {
		return start
	}
	return member{start, keys.keys}
}

func (b *formulaBuilder) start(t *gojq.Term) piece {
	switch t.Type {
	case gojq.TermTypeIdentity, gojq.TermTypeIndex:
		return input{}
	case gojq.TermTypeNull, gojq.TermTypeTrue, gojq.TermTypeFalse, gojq.TermTypeNumber:
		return literal(t)
	case gojq.TermTypeString:
		if t.Str.Queries == nil {
			return fixed{t.Str.Str}
		}
	case gojq.TermTypeFunc:
		return b.variable(t.Func)
	case gojq.TermTypeObject:
		return b.object(t.Object)
	case gojq.TermTypeArray:
		return b.array(t.Array)
	case gojq.TermTypeQuery:
		return b.query(t.Query)
	}
	return nil
}

// literal is what the machine itself makes of a literal.
func literal(t *gojq.Term) piece {
	code, err := gojq.Compile(&gojq.Query{Term: &gojq.Term{Type: t.Type, Number: t.Number}})
	if err != nil {
		return nil
	}
	v, ok := code.Run(nil).Next()
	if _, failed := v.(error); !ok || failed {
		return nil
	}
	return fixed{v}
}

func (b *formulaBuilder) variable(f *gojq.Func) piece {
	name, is := strings.CutPrefix(f.Name, "$")
	if !is || len(f.Args) > 0 || !slices.Contains(b.program.names, name) {
		return nil
	}
	return variable{name}
}

func (b *formulaBuilder) object(o *gojq.Object) piece {
	var made made
	seen := map[string]bool{}
	for _, member := range o.KeyVals {
		value := b.query(member.Val)
		if value == nil || member.Key == "" || member.Key[0] == '$' || seen[member.Key] {
			return nil
		}
		seen[member.Key] = true
		made.keys, made.values = append(made.keys, member.Key), append(made.values, value)
	}
	return made
}

type input struct{}

func (input) value(_ *walk, in any) (any, bool) { return in, true }

type fixed struct{ v any }

func (f fixed) value(*walk, any) (any, bool) { return f.v, true }

type variable struct{ name string }

func (v variable) value(w *walk, _ any) (any, bool) { return w.env.Var(v.name), true }

type member struct {
	of   piece
	keys []string
}

func (m member) value(w *walk, in any) (any, bool) {
	v, ok := m.of.value(w, in)
	if !ok {
		return nil, false
	}
	v, reason := readKeys(v, m.keys)
	return v, reason == ""
}

type pipe struct{ left, right piece }

func (p pipe) value(w *walk, in any) (any, bool) {
	v, ok := p.left.value(w, in)
	if !ok {
		return nil, false
	}
	return p.right.value(w, v)
}

type operation struct {
	name        string
	integers    func(left, right int) (v any, ok bool) // nil: there is none
	left, right piece
}

func (o operation) value(w *walk, in any) (any, bool) {
	right, ok := o.right.value(w, in)
	if !ok {
		return nil, false
	}
	left, ok := o.left.value(w, in)
	if !ok {
		return nil, false
	}
	if l, r, both := integers(left, right); both && o.integers != nil {
		if v, ok := o.integers(l, r); ok {
			return v, true
		}
	}
	w.args[0], w.args[1] = left, right
	v := w.machine.natives[o.name](in, w.args[:])
	_, failed := v.(error)
	return v, !failed
}

// branch notes which way a truth sends the walk.
func (w *walk) branch(bit uint, v any) bool {
	if !Truthy(v) {
		return false
	}
	w.branches |= bit
	return true
}

type alternative struct {
	left, right piece
	bit         uint
}

func (a alternative) value(w *walk, in any) (any, bool) {
	v, ok := a.left.value(w, in)
	if !ok || w.branch(a.bit, v) {
		return v, ok
	}
	return a.right.value(w, in)
}

// logic is "and" and "or".
type logic struct {
	left, right  piece
	or           bool
	first, other uint
}

func (l logic) value(w *walk, in any) (any, bool) {
	v, ok := l.left.value(w, in)
	if !ok {
		return nil, false
	}
	if w.branch(l.first, v) == l.or {
		return l.or, true
	}
	if v, ok = l.right.value(w, in); !ok {
		return nil, false
	}
	return w.branch(l.other, v), true
}

// made is an object with constant keys.
type made struct {
	keys   []string
	values []piece
}

func (m made) value(w *walk, in any) (any, bool) {
	object := make(map[string]any, len(m.keys))
	for i, value := range m.values {
		v, ok := value.value(w, in)
		if !ok {
			return nil, false
		}
		object[m.keys[i]] = v
	}
	return object, true
}
