package workflows

import (
	"fmt"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// runRaise faults with the error that its template makes.
func runRaise(t *definition.Task, body *definition.Raise, u *underWay, env expression.Env) error {
	m := errorMaker{input: u.Input, env: env, reference: t.Reference}
	fault := &contract.Fault{
		Type:     m.text("type", body.Error.Type),
		Status:   m.status(body.Error.Status),
		Title:    m.text("title", body.Error.Title),
		Detail:   m.text("detail", body.Error.Detail),
		Instance: m.text("instance", body.Error.Instance),
	}
	if m.err != nil {
		return m.err
	}
	if fault.Instance == "" {
		fault.Instance = t.Reference
	}
	return fault
}

// errorMaker evaluates an error's parts and keeps the first thing that went wrong.
type errorMaker struct {
	input     any
	env       expression.Env
	reference string
	err       error
}

func (m *errorMaker) value(part *expression.Template) any {
	if m.err != nil || part == nil {
		return nil
	}
	value, err := evaluate(part, m.input, m.env, m.reference)
	if err != nil {
		m.err = err
	}
	return value
}

func (m *errorMaker) text(name string, part *expression.Template) string {
	switch value := m.value(part).(type) {
	case nil:
		return ""
	case string:
		return value
	default:
		m.fail(name, "a string", value)
		return ""
	}
}

func (m *errorMaker) status(part *expression.Template) int {
	value := m.value(part)
	if m.err != nil {
		return 0
	}
	number, ok := integer(value)
	if !ok {
		m.fail("status", "an integer", value)
	}
	return number
}

func (m *errorMaker) fail(name, want string, value any) {
	if m.err == nil {
		m.err = expressionFault(m.reference, fmt.Errorf("the error's %s must be %s, not %s", name, want, kindOf(value)))
	}
}
