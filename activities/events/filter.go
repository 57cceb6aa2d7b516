package events

import (
	"context"
	"fmt"
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
)

// filter passes an event that the rules permit through their filters.
func (g *Gateway) filter(e *event.Event, p *contract.JudgedEvent) error {
	rules := g.book().rules
	if len(rules.Filters) == 0 {
		return nil
	}
	result := rules.Filter(p.Envelope.Sender.Identity, e.Type(), payloadOf(e))
	p.Verdict, p.DelayMillis = contract.Verdict(result.Verdict), result.Delay.Milliseconds()
	for _, note := range result.Notes {
		p.Filtered = append(p.Filtered, contract.FilterNote{Filter: note.Filter, Action: string(note.Action)})
	}
	if !result.Changed || !p.Verdict.Accepts() {
		return nil
	}
	e.DataEncoded = result.Payload.Text
	stamped, err := stamp(e, p.Envelope.Sender)
	if err != nil {
		return err
	}
	p.Envelope.Event = stamped
	// What was written in the place of something may be longer than it was.
	if judged := rules.Judge(p.Envelope.Sender.Identity, e.Type(), len(stamped)); judged.Verdict.Check != "" {
		p.Verdict = contract.Verdict(judged.Verdict)
	}
	return nil
}

// payloadOf is an event's payload as filters see it.
func payloadOf(e *event.Event) policies.EventPayload {
	if e.DataEncoded == nil {
		return policies.EventPayload{}
	}
	kind, _, _ := strings.Cut(e.DataContentType(), ";")
	kind = strings.TrimSpace(kind)
	isJSON := kind == "" || kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json")
	return policies.EventPayload{Text: e.DataEncoded, JSON: isJSON && !e.DataBase64}
}

// noteFiltered tells with what became of events what filters have done to them.
func noteFiltered(outcomes []contract.Outcome, batch []contract.JudgedEvent) {
	for i, p := range batch {
		outcomes[i].Filtered = p.Filtered
	}
}

// Release hands the router an event that a filter has kept back.
func (g *Gateway) Release(ctx context.Context, p contract.JudgedEvent) (contract.Decided, error) {
	decided := contract.Decided{Policy: p.Policy}
	if err := runsFor(ctx, contract.Delayed); err != nil {
		return decided, failure(err)
	}
	if !g.authentic(p.Envelope) {
		return decided, failure(&contract.Fault{
			Type: contract.Refused, Status: 403, Title: "Refused by policy",
			Detail: fmt.Sprintf("event %q was kept back and is not the one that a worker has judged", clip(p.Envelope.ID)),
		})
	}
	p.DelayMillis, p.Due = 0, true
	outcomes, err := g.update(ctx, []contract.JudgedEvent{p}, "due/"+attempt(ctx))
	if err == nil && g.Observe != nil {
		g.Observe(p.Envelope.Sender, outcomes[0])
	}
	return decided, err
}
