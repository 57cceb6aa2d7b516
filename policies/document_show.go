package policies

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Show is what holds as an object of JSON values, in the form of a rule.
func (e Effective) Show() map[string]any {
	all := map[string]any{}
	for _, s := range settings {
		put(all, s.key, s.show(e))
	}
	return all
}

func put(object map[string]any, key string, value any) {
	group, inner, ok := strings.Cut(key, ".")
	if !ok {
		object[key] = value
		return
	}
	if object[group] == nil {
		object[group] = map[string]any{}
	}
	put(object[group].(map[string]any), inner, value)
}

// shown is a value as it stands in messages.
func shown(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "?"
	}
	return clip(string(text))
}

// ShownValue is a value of a setting as messages show it.
func ShownValue(value any) string { return shown(value) }

// Origin is one setting of a definition, with what decided it.
type Origin struct {
	Setting string `json:"setting"`
	Value   any    `json:"value"`
	// By is the rule or base that gave the value; empty: the level's default.
	By     string `json:"by,omitempty"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	// Text is By and its place, or the level, for people.
	Text string `json:"text"`
}

// Explanation is what holds for a definition and why.
type Explanation struct {
	Definition string `json:"definition"`
	Policy     string `json:"policy"` // the digest
	Revision   int    `json:"revision,omitempty"`
	Rule       string `json:"rule,omitempty"`
	File       string `json:"file"`
	Line       int    `json:"line,omitempty"` // of the rule
	Column     int    `json:"column,omitempty"`
	// Because says why no rule decides.
	Because string `json:"because,omitempty"`
	// SignedBy are the policy's signers whose signature the definition has.
	SignedBy []string `json:"signedBy,omitempty"`
	// Expired says why a signature of theirs counts no more; it wraps
	// ErrSignatureExpired or ErrSuspended.
	Expired error `json:"-"`
	// Others fit as well, and are less specific.
	Others   []string `json:"others,omitempty"`
	Settings []Origin `json:"settings"`
}

// Explain says what holds for a definition, and which line of the document
// decided each value.
func (p *Policy) Explain(id Identity) Explanation {
	d := p.decide(id)
	x := Explanation{
		Definition: id.String(), Policy: p.Digest, Revision: p.Revision, Rule: d.effective.Rule, File: p.File,
		Because: d.effective.Because, SignedBy: d.signers, Expired: d.expired,
	}
	for _, other := range d.lost {
		x.Others = append(x.Others, p.placed(other))
	}
	decided := d.rule
	switch {
	case decided == nil:
		x.Because = "no rule fits: everything unlisted is level maximum"
		if d.expired != nil {
			x.Because += "; the definition's " + d.expired.Error()
		}
	case x.Because != "":
		x.Line, x.Column = decided.at.line, decided.at.column
		decided = nil
	default:
		x.Line, x.Column = decided.at.line, decided.at.column
	}
	for _, s := range settings {
		x.Settings = append(x.Settings, p.origin(s, d.effective, decided))
	}
	return x
}

func (p *Policy) placed(r *rule) string { return r.name + " (" + p.at(r.at) + ")" }

// origin finds the last rule of the chain that gives the setting.
func (p *Policy) origin(s *setting, e Effective, decided *rule) Origin {
	o := Origin{Setting: s.key, Value: s.show(e), Text: "default of level " + e.Level.String()}
	if s.key == levelKey {
		o.Text = "what everything has that no rule says"
	}
	for _, r := range decided.chain() {
		if a, ok := r.value(s.key); ok {
			o.By, o.File, o.Line, o.Column = r.name, p.File, a.at.line, a.at.column
			o.Text = r.name + " at " + p.at(a.at)
		}
	}
	return o
}

// at is a place in the document as tools read it.
func (p *Policy) at(at place) string {
	if at.line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(at.line) + ":" + strconv.Itoa(at.column)
}
