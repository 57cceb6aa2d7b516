package policies_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
)

const filterRules = `
rules: [{source: 'a/*', target: a/b, types: ['t.*']}]
filters:
  - {name: shape, types: [t.shape], schema: {type: object, required: [n]}, action: block}
  - {name: types, source: a/mute, types: [t.off], action: block}
  - {name: odd, pattern: odd, action: warn}
  - {name: big, size: 30, action: warn}
  - {name: cards, pattern: '\d{4}-\d{4}', action: sanitize, replacement: '*'}
  - {name: slow, source: a/slow, action: delay, delay: 2s}
  - {name: slower, source: a/slow, types: [t.slower], action: delay, delay: 3s}
`

func note(filter string, action policies.FilterAction) policies.FilterNote {
	return policies.FilterNote{Filter: filter, Action: action}
}

// TestEventFilters: each action of filters, by what each kind of filter looks at (A09).
func TestEventFilters(t *testing.T) {
	rules := readRules(t, filterRules)
	for name, tt := range map[string]struct {
		sender, kind, text string
		plain              bool
		check, payload     string
		delay              time.Duration
		notes              []policies.FilterNote
	}{
		"nothing caught":      {"a/b", "t.x", `{"n": 1}`, false, "", "", 0, nil},
		"block by schema":     {"a/b", "t.shape", `{"m": 1}`, false, policies.FilterCheck, "", 0, []policies.FilterNote{note("shape", policies.BlockEvent)}},
		"meets the schema":    {"a/b", "t.shape", `{"n": 1}`, false, "", "", 0, nil},
		"no payload":          {"a/b", "t.shape", "", false, policies.FilterCheck, "", 0, []policies.FilterNote{note("shape", policies.BlockEvent)}},
		"not its JSON":        {"a/b", "t.x", `{`, false, policies.FilterCheck, "", 0, nil},
		"block by type":       {"a/mute", "t.off", `1`, false, policies.FilterCheck, "", 0, []policies.FilterNote{note("types", policies.BlockEvent)}},
		"of another sender":   {"a/b", "t.off", `1`, false, "", "", 0, nil},
		"warn of a value":     {"a/b", "t.x", `["odd"]`, false, "", "", 0, []policies.FilterNote{note("odd", policies.WarnEvent)}},
		"warn of a member":    {"a/b", "t.x", `{"odd": 1}`, false, "", "", 0, []policies.FilterNote{note("odd", policies.WarnEvent)}},
		"warn of a size":      {"a/b", "t.x", `"0123456789012345678901234567890"`, false, "", "", 0, []policies.FilterNote{note("big", policies.WarnEvent)}},
		"sanitize":            {"a/b", "t.x", `{"a":["x 1234-5678",9007199254740993]}`, false, "", `{"a":["x *",9007199254740993]}`, 0, []policies.FilterNote{note("big", policies.WarnEvent), note("cards", policies.SanitizeEvent)}},
		"sanitize a text":     {"a/b", "t.x", `1234-5678`, true, "", `*`, 0, []policies.FilterNote{note("cards", policies.SanitizeEvent)}},
		"delay":               {"a/slow", "t.x", `1`, false, "", "", 2 * time.Second, []policies.FilterNote{note("slow", policies.DelayEvent)}},
		"delay, the longest":  {"a/slow", "t.slower", `1`, false, "", "", 3 * time.Second, []policies.FilterNote{note("slow", policies.DelayEvent), note("slower", policies.DelayEvent)}},
		"sanitize, and delay": {"a/slow", "t.x", `"1234-5678"`, false, "", `"*"`, 2 * time.Second, []policies.FilterNote{note("cards", policies.SanitizeEvent), note("slow", policies.DelayEvent)}},
	} {
		t.Run(name, func(t *testing.T) {
			payload := policies.EventPayload{Text: []byte(tt.text), JSON: !tt.plain}
			if tt.text == "" {
				payload.Text = nil
			}
			got := rules.Filter(tt.sender, tt.kind, payload)
			assert.Equal(t, tt.check, got.Verdict.Check, got.Verdict.Detail)
			assert.Equal(t, tt.payload != "", got.Changed)
			if got.Changed {
				assert.Equal(t, tt.payload, string(got.Payload.Text))
			}
			assert.Equal(t, tt.delay, got.Delay)
			assert.Equal(t, tt.notes, got.Notes)
			blocked := len(tt.notes) == 1 && tt.notes[0].Action == policies.BlockEvent
			if blocked {
				assert.Equal(t, got.Verdict, rules.Blocks(tt.sender, tt.kind, payload), "on receipt, too")
			}
		})
	}
}

// TestEventFilters_Reason does not repeat what the payload holds.
func TestEventFilters_Reason(t *testing.T) {
	rules := readRules(t, "filters: [{name: f, schema: {properties: {pin: {type: integer}}}, action: block}]")
	got := rules.Filter("a/b", "t", policies.EventPayload{Text: []byte(`{"pin": "hunter2"}`), JSON: true})
	assert.Equal(t, "f: the payload does not meet the schema: /pin: type", got.Verdict.Detail)
}

// TestReadEventRules_BadFilters names the place and what is wrong.
func TestReadEventRules_BadFilters(t *testing.T) {
	for name, tt := range map[string]struct{ filter, want string }{
		"no action":         {"{name: f}", "rules.yaml:1:11: /filters/0: missing property 'action'"},
		"unknown action":    {"{name: f, action: drop}", "rules.yaml:1:29: /filters/0/action: value must be one of 'block', 'warn', 'sanitize', 'delay'"},
		"two conditions":    {"{name: f, action: warn, size: 1, pattern: x}", `rules.yaml:1:11: "f": one of schema, pattern and size; write a filter for each`},
		"nothing to clean":  {"{name: f, action: sanitize, size: 1}", `rules.yaml:1:11: "f": sanitize takes out what a pattern matches; give one`},
		"a replacement":     {"{name: f, action: warn, replacement: x}", `rules.yaml:1:48: "f": only sanitize replaces`},
		"no delay":          {"{name: f, action: delay}", `rules.yaml:1:11: "f": action delay and a delay go together`},
		"a delay alone":     {"{name: f, action: warn, delay: 1s}", `rules.yaml:1:11: "f": action delay and a delay go together`},
		"no duration":       {"{name: f, action: delay, delay: soon}", `rules.yaml:1:43: "soon" is no duration such as 2s or 10m, of 24h at most`},
		"a day too many":    {"{name: f, action: delay, delay: 25h}", `rules.yaml:1:43: "25h" is no duration such as 2s or 10m, of 24h at most`},
		"a broken pattern":  {"{name: f, action: warn, pattern: '('}", "rules.yaml:1:44: error parsing regexp: missing closing ): `(`"},
		"a schema far away": {"{name: f, action: block, schema: {$ref: 'https://example.com/s'}}", `a $ref leaves the schema; write it out`},
		"no schema":         {"{name: f, action: block, schema: {type: thing}}", `rules.yaml:1:44: `},
		"one name twice":    {"{name: f, action: warn}, {name: f, action: warn}", `rules.yaml:1:43: a second filter is named "f"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := policies.ReadEventRules("rules.yaml", []byte("filters: ["+tt.filter+"]"))
			require.Error(t, err)
			assert.Contains(t, err.Error(), tt.want)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}
