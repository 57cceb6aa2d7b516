package policies

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// With is e with another value of a setting, by its key in a rule, which must be one of
// a single value, written as there: what an operator says with a flag. As a policy is
// what operators agreed on, wider must be true for it to permit more than before. Its
// error is a *SettingError.
func (e Effective) With(key, text string, wider bool) (Effective, error) {
	s, n := findSetting(key), &yaml.Node{Kind: yaml.ScalarNode, Value: text}
	r := &documentReader{}
	value, ok := s.read(r, n)
	if !ok {
		wrong := r.findings[0]
		return e, &SettingError{wrong.Message, wrong.Hint}
	}
	changed := e
	s.apply(&changed, value)
	if !wider && s.narrows != nil && !s.narrows(changed, e) {
		return e, &SettingError{fmt.Sprintf("%s is %s, which is more than %s", key, shown(s.show(changed)), shown(s.show(e))), "give no more than the policy"}
	}
	return changed, nil
}

// SettingError is a value that a setting cannot have, with the remedy; there may be none.
type SettingError struct{ Reason, Remedy string }

func (e *SettingError) Error() string { return e.Reason }
