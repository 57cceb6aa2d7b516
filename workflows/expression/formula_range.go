package expression

import (
	"sync"

	"github.com/itchyny/gojq"
)

// array makes [range(to)] and [range(from; to)], over which loops run.
func (b *formulaBuilder) array(a *gojq.Array) piece {
	q := a.Query
	if q == nil || q.Term == nil || q.Term.Type != gojq.TermTypeFunc || len(q.Term.SuffixList) > 0 || len(q.FuncDefs) > 0 || len(q.Patterns) > 0 {
		return nil
	}
	f := q.Term.Func
	if f.Name != "range" || len(f.Args) < 1 || len(f.Args) > 2 || stepsPerItem() <= 0 {
		return nil
	}
	r := ranging{from: fixed{0}, to: b.query(f.Args[len(f.Args)-1])}
	if len(f.Args) == 2 {
		r.from = b.query(f.Args[0])
	}
	if r.from == nil || r.to == nil {
		return nil
	}
	return r
}

// ranging is the integers between two.
type ranging struct{ from, to piece }

func (r ranging) value(w *walk, in any) (any, bool) {
	to, ok := r.to.value(w, in)
	if !ok {
		return nil, false
	}
	from, ok := r.from.value(w, in)
	if !ok {
		return nil, false
	}
	first, ok1 := from.(int)
	end, ok2 := to.(int)
	const far = 1 << 40 // no difference overflows, and no budget reaches so far
	if !ok1 || !ok2 || max(first, -first, end, -end) > far || (end-first)*stepsPerItem() > w.machine.meter.left {
		return nil, false
	}
	items := make([]any, max(end-first, 0))
	for i := range items {
		items[i] = first + i
	}
	w.items += len(items)
	return items, true
}

// stepsPerItem is what the machine takes for each integer of a range in an array, as
// it says itself; 0 where it does not.
var stepsPerItem = sync.OnceValue(func() int {
	var steps [3]int
	for n, text := range [...]string{"[range(0; 0)]", "[range(0; 1)]", "[range(0; 2)]"} {
		query, err := gojq.Parse(text)
		if err != nil {
			return 0
		}
		m, _, err := (&program{query: query}).newMachine()
		if err != nil {
			return 0
		}
		m.meter.left = StepBudget
		if _, err := m.first(nil, nil); err != nil {
			return 0
		}
		steps[n] = StepBudget - m.meter.left
	}
	if steps[2]-steps[1] != steps[1]-steps[0] {
		return 0
	}
	return steps[1] - steps[0]
})
