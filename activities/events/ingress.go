package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"lazaret.dev/lazaret/activities/contract"
)

// Ingress takes CloudEvents over HTTP: POST to IngressPath, in structured,
// binary or batch mode. Who sends is who shows a bearer token, and the rules
// judge that sender. A status below 300 is given once the router has the events
// in its history; an event that is sent again is known by its source and id. It
// is safe for concurrent use; its fields are set before and not changed after.
type Ingress struct {
	Gateway *Gateway
	Senders Credentials
	// Log, if set, is told of what was held off before the rules: no sender, and
	// what is over a rate.
	Log func(contract.Rejection)
	// Observe, if set, is told of every status that was given.
	Observe func(status int)

	once  sync.Once
	gates *gates
	box   *gatherer
}

// IngressPath is where events are posted to.
const IngressPath = "/events"

// Bounds of what is taken.
const (
	MaxRequest  = 1 << 20 // bytes of a body
	maxPerOne   = 16      // requests of one sender at the same time
	contentKind = "application/json"
	problemKind = "application/problem+json"
)

// problem is an answer that is no success (RFC 9457).
type problem struct {
	contract.Fault
	Outcomes []contract.Outcome `json:"outcomes,omitempty"` // of each event in a batch
}

// ServeHTTP answers one request.
func (i *Ingress) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.once.Do(func() {
		i.gates = newGates(i.Gateway.book().rules.Rate, i.recordExcess)
		i.box = &gatherer{publish: func(ctx context.Context, batch []contract.JudgedEvent) ([]contract.Outcome, error) {
			return i.Gateway.update(ctx, batch, "")
		}}
	})
	answer, wrong := i.take(w, r)
	if wrong == nil {
		i.respond(w, http.StatusAccepted, contentKind, answer)
		return
	}
	switch wrong.Status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="lazaret"`)
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	}
	i.respond(w, wrong.Status, problemKind, wrong)
}

func (i *Ingress) respond(w http.ResponseWriter, status int, kind string, body any) {
	text, err := json.Marshal(body)
	if err != nil { // of our own types
		status, text = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // who is gone asks again
	if i.Observe != nil {
		i.Observe(status)
	}
}

// take is the answer to a request whose events were all accepted.
func (i *Ingress) take(w http.ResponseWriter, r *http.Request) (any, *problem) {
	if r.URL.Path != IngressPath {
		return nil, refuse(http.StatusNotFound, "events are posted to "+IngressPath)
	}
	if r.Method != http.MethodPost {
		return nil, refuse(http.StatusMethodNotAllowed, "events are sent with POST")
	}
	sender, ok := i.authenticate(r)
	if !ok {
		i.hold(r)
		return nil, refuse(http.StatusUnauthorized, "show a token that the operator has given out, as Authorization: Bearer TOKEN")
	}
	if !i.gates.enter(sender, maxPerOne) {
		return nil, refuse(http.StatusServiceUnavailable, fmt.Sprintf("%d requests of %s are under way", maxPerOne, sender))
	}
	defer i.gates.leave(sender)
	events, wrong := i.read(w, r, sender)
	if wrong != nil {
		return nil, wrong
	}
	outcomes, err := i.publish(r.Context(), sender, events.texts)
	if err != nil {
		return nil, refuse(http.StatusServiceUnavailable, "the event router does not answer: send it again, with the same id")
	}
	if !events.batch {
		return outcomes[0], asProblem(outcomes[:1], false)
	}
	return outcomes, asProblem(outcomes, true)
}

// hold logs a request that shows no token, or one that nobody has. Who sent it is
// not known, so that nothing of it goes to the router.
func (i *Ingress) hold(r *http.Request) {
	if i.Log != nil {
		i.Log(contract.Rejection{Sender: r.RemoteAddr, Check: contract.CheckSender, Detail: "no token, or one that nobody has"})
	}
}

func (i *Ingress) authenticate(r *http.Request) (string, bool) {
	scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") || len(r.Header.Values("Authorization")) != 1 {
		return "", false
	}
	return i.Senders.sender(strings.TrimSpace(token))
}

// read takes the events out of a request of a known sender.
func (i *Ingress) read(w http.ResponseWriter, r *http.Request, sender string) (intake, *problem) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxRequest))
	switch {
	case isTooLarge(err):
		i.note(r.Context(), contract.Rejection{Sender: sender, Check: contract.CheckSize, Detail: fmt.Sprintf("a request of more than %d bytes", MaxRequest)})
		return intake{}, refuse(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", MaxRequest))
	case err != nil:
		return intake{}, refuse(http.StatusBadRequest, "the body ends before its time: "+oneLine(err))
	}
	events, wrong := readEvents(r.Context(), r.Header, body)
	rate := i.gates.under(i.Gateway.book().rules.Rate)
	if count := max(1, len(events.texts)); !i.gates.pass(sender, count) {
		return events, refuse(http.StatusTooManyRequests, fmt.Sprintf("%s sends more than %d events in %s", sender, rate.Limit, rate.Window))
	}
	switch {
	case wrong == nil && len(events.texts) > 0:
		return events, nil
	case wrong == nil:
		wrong = &flaw{contract.CheckForm, "the batch is empty"}
	}
	i.note(r.Context(), contract.Rejection{Sender: sender, Check: wrong.check, Detail: wrong.detail})
	status := http.StatusBadRequest
	if wrong.check == contract.CheckSize {
		status = http.StatusRequestEntityTooLarge
	}
	return events, refuse(status, wrong.detail)
}

func isTooLarge(err error) bool {
	_, over := errors.AsType[*http.MaxBytesError](err)
	return over
}

// note logs a rejection, and has the router record it.
func (i *Ingress) note(ctx context.Context, r contract.Rejection) {
	if i.Log != nil {
		i.Log(r)
	}
	ctx, cancel := context.WithTimeout(ctx, publishWithin)
	defer cancel()
	// The log has it where the router cannot be reached.
	_, _ = i.Gateway.Client.SignalWithStartWorkflow(ctx, contract.EventRouterID, contract.RejectSignal, []contract.Rejection{r},
		routerOptions(), contract.EventRouter)
}

func (i *Ingress) publish(ctx context.Context, identity string, texts []json.RawMessage) ([]contract.Outcome, error) {
	sender := contract.Sender{Identity: identity}
	judged := make([]contract.JudgedEvent, len(texts))
	for n, text := range texts {
		var err error
		if judged[n], err = i.Gateway.publication(sender, text); err != nil {
			return nil, err
		}
	}
	outcomes, err := i.box.submit(ctx, identity, judged)
	if err != nil {
		if i.Log != nil {
			i.Log(contract.Rejection{Sender: identity, Check: contract.CheckDelivery, Detail: oneLine(err)})
		}
		return nil, err
	}
	noteFiltered(outcomes, judged)
	if i.Gateway.Observe != nil {
		for _, outcome := range outcomes {
			i.Gateway.Observe(sender, outcome)
		}
	}
	return outcomes, nil
}

// asProblem is the first rejection among outcomes; nil where all were taken.
func asProblem(outcomes []contract.Outcome, batch bool) *problem {
	for _, o := range outcomes {
		if fault := Fault(o); fault != nil {
			p := &problem{Fault: *fault}
			if batch {
				p.Outcomes = outcomes
			}
			return p
		}
	}
	return nil
}

func refuse(status int, detail string) *problem {
	return &problem{Fault: contract.Fault{Type: "about:blank", Status: status, Title: http.StatusText(status), Detail: detail}}
}
