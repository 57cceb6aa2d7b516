package policies_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
)

// TestExplanation_Decider: the line of a rule or base, the level where none says
// anything, and why no rule decides.
func TestExplanation_Decider(t *testing.T) {
	p, err := policies.Read("p.yaml", []byte(`policy: 1
bases:
  internal: {level: strict, calls: [api.example.com]}
rules:
  - {name: reports, match: {namespace: reports}, extends: internal}
`), policies.ReadOptions{})
	require.NoError(t, err)
	fits := p.Explain(policies.Identity{Namespace: "reports", Name: "a"})
	assert.Equal(t, "calls: internal at p.yaml:3:36", fits.Decider("calls"))
	assert.Equal(t, "secrets: default of level strict, which rule reports at p.yaml:5:12 leaves as it is", fits.Decider("secrets"))
	none := p.Explain(policies.Identity{Namespace: "else", Name: "a"})
	assert.Equal(t, "calls: default of level maximum; no rule fits: everything unlisted is level maximum", none.Decider("calls"))
}

// TestPolicy_EventDecider names the rule or sink by which a verdict was reached.
func TestPolicy_EventDecider(t *testing.T) {
	p, err := policies.Read("p.yaml", []byte(`policy: 1
events:
  rules:
    - {name: orders, source: shop/web, target: shop/*, types: [order.placed]}
    - {name: off, source: shop/web, target: shop/*, types: [order.lost], disabled: true}
  sinks:
    - {name: bus, url: "https://bus.example.com/", source: shop/*, types: [stock.low]}
`), policies.ReadOptions{})
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		sends            bool
		who, what, check string
		decider          string
	}{
		"sent under a rule":         {true, "shop/web", "order.placed", "", "events: orders at p.yaml:4:7"},
		"sent to a sink":            {true, "shop/stock", "stock.low", "", "events: sink bus at p.yaml:7:7"},
		"a type of no rule":         {true, "shop/web", "order.lost", policies.TypeCheck, "events: orders at p.yaml:4:7"},
		"a sender of no rule":       {true, "else/a", "order.placed", policies.RuleCheck, "events at p.yaml:3:3"},
		"received under a rule":     {false, "shop/stock", "order.placed", "", "events: orders at p.yaml:4:7"},
		"anything at all":           {false, "shop/stock", "", "", "events: orders at p.yaml:4:7"},
		"a disabled rule is none":   {false, "shop/stock", "order.lost", policies.TypeCheck, "events: orders at p.yaml:4:7"},
		"a sink brings nobody here": {false, "shop/stock", "stock.low", policies.TypeCheck, "events: orders at p.yaml:4:7"},
		"a target of no rule":       {false, "else/a", "", policies.RuleCheck, "events at p.yaml:3:3"},
	} {
		t.Run(name, func(t *testing.T) {
			judge := p.Events.JudgeListener
			if tt.sends {
				judge = p.Events.JudgeSender
			}
			verdict, route := judge(tt.who, tt.what)
			assert.Equal(t, tt.check, verdict.Check)
			assert.Equal(t, tt.decider, p.EventDecider(route))
		})
	}
	without, err := policies.Read("p.yaml", []byte("policy: 1\n"), policies.ReadOptions{})
	require.NoError(t, err)
	assert.Equal(t, "p.yaml has no section events", without.EventDecider(""))
}
