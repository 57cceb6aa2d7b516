package expression

import (
	"fmt"
	"math"
	"sync"

	"github.com/itchyny/gojq"
)

// program is a jq program with the variables it reads.
type program struct {
	query    *gojq.Query
	names    []string        // scope variables, without "$"
	literals map[string]bool // the strings in its text: they may be shown in errors
	copies   bool            // a result may be part of the program itself
	formula  *formula        // non-nil: the program can be walked
	idle     sync.Pool       // of *machine
}

// machine is a program compiled together with its meter. One evaluation at a
// time owns it; gojq's natives get no context, so they reach the meter this way.
type machine struct {
	code    *gojq.Code
	meter   *meter
	natives map[string]native // guarded, by name
	walk    walk
}

// newMachine compiles the program, puts every native behind its guard and
// returns the first refused built-in that it reaches.
func (p *program) newMachine() (m *machine, refused string, err error) {
	variables := make([]string, len(p.names))
	for i, name := range p.names {
		variables[i] = "$" + name
	}
	environ := func() []string { refused = "env"; return nil }
	code, err := gojq.Compile(p.query, gojq.WithVariables(variables),
		gojq.WithEnvironLoader(environ), gojq.WithFunction(eachName, 0, 0, each))
	if err != nil {
		return nil, "", err
	}
	m = &machine{code: code, meter: &meter{}, natives: map[string]native{}}
	err = operands(code, func(operand *any) {
		f, name, ok := asCall(*operand)
		if !ok {
			return
		}
		if _, bad := refusals[name]; bad {
			refused = name
		}
		call := (*operand).([3]any)
		m.natives[name] = guard(m.meter, name, f)
		call[0] = m.natives[name]
		*operand = call
	})
	return m, refused, err
}

// learn notes what the program's own text can show up as in results and errors.
func (p *program) learn(code *gojq.Code) error {
	p.literals = map[string]bool{}
	return operands(code, func(operand *any) {
		switch v := (*operand).(type) {
		case string:
			p.literals[v] = true
		case map[string]any:
			p.copies = true
		case []any:
			p.copies = p.copies || len(v) > 0
		}
	})
}

// run returns the program's first output.
func (p *program) run(in any, env Env) (v any, err error) {
	m, _ := p.idle.Get().(*machine)
	if m == nil {
		if m, _, err = p.newMachine(); err != nil {
			return nil, err
		}
	}
	m.meter.left = StepBudget
	m.meter.now = seconds(env)
	// gojq panics on a Go type outside the data model. That is a bug of whoever
	// handed the value in, but a worker must not die of it. The machine is lost.
	defer func() {
		if r := recover(); r != nil {
			v, err = nil, fmt.Errorf("value outside the data model (Normalize it first)")
		}
	}()
	v, err = p.evaluate(m, in, env)
	if env.Steps != nil {
		*env.Steps += StepBudget - max(m.meter.left, 0)
	}
	p.idle.Put(m)
	return v, err
}

func (m *machine) first(in any, vars []any) (any, error) {
	v, ok := m.code.RunWithContext(m.meter, in, vars...).Next()
	if !ok {
		return nil, nil
	}
	if err, bad := v.(error); bad {
		return nil, err
	}
	return v, nil
}

func (p *program) values(env Env) []any {
	if len(p.names) == 0 {
		return nil
	}
	values := make([]any, len(p.names))
	for i, name := range p.names {
		values[i] = env.Var(name)
	}
	return values
}

// seconds is what jq's now returns. It is exact to the microsecond.
func seconds(env Env) float64 {
	if env.Now.IsZero() {
		return 0
	}
	return float64(env.Now.Unix()) + math.Floor(float64(env.Now.Nanosecond())/1e3)/1e6
}
