package checker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"lazaret.dev/lazaret/policies"
)

// Bounds of what the program may say; beyond them it was not our program that spoke.
const (
	maxFindings = 200
	maxPlace    = MaxSource + 1
	maxText     = 300
)

// answer is a line of the program's output.
type answer struct {
	Script   int               `json:"script"`
	Findings []Finding         `json:"findings"`
	Asked    map[string]string `json:"asked"`
}

// decode reads the program's output on these scripts: facts on the first of
// them, as many as it finished. What it reads is hostile; an error means that
// none of it counts.
func decode(output []byte, scripts []Script) ([]Facts, error) {
	var facts []Facts
	for line := range bytes.Lines(output) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // cut off in the middle
		}
		if len(facts) == len(scripts) {
			return nil, errors.New("more answers than scripts")
		}
		a, err := decodeAnswer(line)
		if err == nil && a.Script != len(facts) {
			err = fmt.Errorf("about script %d", a.Script)
		}
		if err == nil {
			err = a.check(scripts[len(facts)])
		}
		if err != nil {
			return nil, fmt.Errorf("answer %d: %w", len(facts), err)
		}
		facts = append(facts, Facts{Findings: a.Findings, Asked: a.Asked})
	}
	return facts, nil
}

func decodeAnswer(line []byte) (answer, error) {
	var a answer
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return a, err
	}
	if rest := bytes.TrimSpace(line[d.InputOffset():]); len(rest) > 0 {
		return a, errors.New("text after the answer")
	}
	return a, nil
}

func (a *answer) check(script Script) error {
	if a.Findings == nil || a.Asked == nil {
		return errors.New("incomplete")
	}
	if len(a.Findings) > maxFindings {
		return fmt.Errorf("%d findings", len(a.Findings))
	}
	for i := range a.Findings {
		if err := a.Findings[i].check(); err != nil {
			return fmt.Errorf("finding %d: %w", i, err)
		}
	}
	asked := script.asked()
	if len(a.Asked) != len(asked) {
		return errors.New("not about the names asked for")
	}
	for name, rule := range a.Asked {
		if _, known := policies.FindScriptRule(rule); !slices.Contains(asked, name) || rule != "" && !known {
			return errors.New("not about the names asked for")
		}
	}
	return nil
}

var hash = regexp.MustCompile(`^[0-9a-f]{16}$`)

// check bounds a finding and makes its text printable.
func (f *Finding) check() error {
	if _, known := policies.FindScriptRule(f.Rule); !known {
		return errors.New("of an unknown rule")
	}
	if f.Line < 1 || f.Line > maxPlace || f.Column < 1 || f.Column > maxPlace {
		return errors.New("at an impossible place")
	}
	if !hash.MatchString(f.SnippetHash) {
		return errors.New("without a hash")
	}
	f.Subject, f.Message = oneLine(f.Subject), oneLine(f.Message)
	return nil
}

// oneLine is bounded printable text without line breaks.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if r != utf8.RuneError && unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
