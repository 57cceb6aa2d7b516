package workflows

import (
	"fmt"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/expression"
)

// secretVariable holds what only an activity knows.
const secretVariable = "secrets"

// sealer evaluates what a request holds, but for the expressions that read
// secrets: those it gathers, with what else they read, for the activity.
type sealer struct {
	input     any
	env       expression.Env
	reference string
	sealed    contract.Sealed
	variables map[string]any
}

// evaluate gives a template's value, with null for what is sealed. at is the
// JSON pointer of the value in the request's data.
func (s *sealer) evaluate(at string, t *expression.Template) (any, error) {
	value, sealed, err := t.EvaluateSealed(secretVariable, s.input, s.env)
	if err != nil {
		return nil, expressionFault(s.reference, err)
	}
	for _, e := range sealed {
		s.keep(e.Reads)
		s.sealed.Expressions = append(s.sealed.Expressions, contract.SealedExpression{
			Path: at + e.Path, Source: e.Source, Loose: e.Loose, Reads: e.Reads,
		})
	}
	return value, nil
}

// keep takes over the variables that a sealed expression reads.
func (s *sealer) keep(names []string) {
	if s.variables == nil {
		s.variables = map[string]any{}
	}
	for _, name := range names {
		if name != secretVariable {
			s.variables[name] = s.env.Var(name)
		}
	}
}

// seal is what was gathered.
func (s *sealer) seal() (sealed contract.Sealed, err error) {
	if len(s.sealed.Expressions) == 0 {
		return contract.Sealed{}, nil
	}
	s.sealed.Now = s.env.Now
	if s.sealed.Input, err = expression.Encode(s.input); err == nil {
		s.sealed.Variables, err = expression.Encode(s.variables)
	}
	if err != nil {
		return contract.Sealed{}, runtimeFault(s.reference, fmt.Sprintf("what an expression with secrets reads: %v", err))
	}
	return s.sealed, nil
}
