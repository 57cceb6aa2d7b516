package workflows

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// consuming is the state of a call that takes messages.
type consuming struct {
	Session  string    `json:"session"`            // names the subscription to its server
	Position any       `json:"position,omitempty"` // behind which message it stands
	Until    time.Time `json:"until,omitzero"`     // the end of consume.for
	Pending  []any     `json:"pending,omitempty"`  // come and not taken yet
	Messages []any     `json:"messages,omitempty"` // taken so far
	Count    int       `json:"count,omitempty"`    // of them
	Bytes    int       `json:"bytes,omitempty"`    // of them, as JSON, where they are the output
	Over     bool      `json:"over,omitempty"`     // enough was taken
	// foreach
	Item    any    `json:"item,omitempty"`
	Body    *frame `json:"body,omitempty"` // set while a message is worked on
	Outputs []any  `json:"outputs,omitempty"`
}

// maxRecalled bounds the messages that while and until see of a subscription
// whose messages foreach has worked on.
const maxRecalled = 100

// consumer is a call that takes messages.
type consumer struct {
	e     *execution
	scope scope
	task  *definition.Task
	call  *definition.Call
	under *underWay
	state *consuming
}

// runSubscription takes messages until there are enough; its output is the array
// of them, or of what foreach makes of each. One activity after the other takes
// some, from where the last one stood: what is recorded is taken, and nothing else.
func (e *execution) runSubscription(ctx workflow.Context, s scope, t *definition.Task, call *definition.Call, u *underWay) (any, definition.Then, error) {
	c := &consumer{e: e, scope: s, task: t, call: call, under: u}
	if err := c.begin(ctx); err != nil {
		return nil, t.Then, err
	}
	ended, err := c.consume(ctx)
	output := c.state.Messages
	if call.Subscription.Each != nil {
		output = c.state.Outputs
	}
	if output == nil {
		output = []any{}
	}
	return output, after(t, ended), err
}

func (c *consumer) begin(ctx workflow.Context) error {
	if c.under.Consuming == nil {
		info := workflow.GetInfo(ctx)
		state := &consuming{Session: fmt.Sprintf("%s/%s%s@%d", info.WorkflowExecution.ID, info.FirstRunID, c.task.Reference, c.under.Started.UnixNano())}
		if length := c.call.Subscription.For; length != nil {
			limit, err := c.e.duration(*length, c.under.Input, c.env(ctx), c.task.Reference)
			if err != nil {
				return err
			}
			state.Until = now(ctx).Add(limit)
		}
		c.under.Consuming = state
	}
	c.state = c.under.Consuming
	return nil
}

func (c *consumer) consume(ctx workflow.Context) (definition.Directive, error) {
	for {
		if c.state.Body != nil {
			ended, err := c.work(ctx)
			if err != nil || ended != definition.Continue {
				return ended, err
			}
		}
		over, err := c.over(ctx)
		switch {
		case err != nil || over:
			return definition.Continue, err
		case len(c.state.Pending) > 0:
			if err := c.take(ctx); err != nil {
				return definition.Continue, err
			}
			continue
		case !c.state.Until.IsZero() && !now(ctx).Before(c.state.Until):
			return definition.Continue, nil
		}
		if err := c.e.boundary(ctx); err != nil {
			return definition.Continue, err
		}
		if err := c.receive(ctx); err != nil {
			return definition.Continue, err
		}
	}
}

// over tells whether enough was taken.
func (c *consumer) over(ctx workflow.Context) (bool, error) {
	s := c.call.Subscription
	if c.state.Over || s.Amount > 0 && c.state.Count >= s.Amount {
		return true, nil
	}
	if s.Until == nil {
		return false, nil
	}
	return holds(s.Until, c.taken(), c.env(ctx), c.task.Reference)
}

// taken are the messages so far.
func (c *consumer) taken() []any {
	if c.state.Messages == nil {
		return []any{}
	}
	return c.state.Messages
}

// take takes the next message that has come.
func (c *consumer) take(ctx workflow.Context) error {
	message := c.state.Pending[0]
	c.state.Pending = c.state.Pending[1:]
	c.state.Count++
	each := c.call.Subscription.Each
	c.state.Messages = append(c.state.Messages, message)
	if each != nil && len(c.state.Messages) > maxRecalled {
		c.state.Messages = c.state.Messages[1:]
	}
	c.e.progress.item(c.task, c.state.Count, 0)
	if each != nil {
		c.state.Item, c.state.Body = message, &frame{Data: message}
		return nil
	}
	text, err := expression.Encode(message)
	if err != nil {
		return runtimeFault(c.task.Reference, fmt.Sprintf("message: %v", err))
	}
	if c.state.Bytes += len(text) + 1; c.state.Bytes > contract.MaxPayload {
		return runtimeFault(c.task.Reference, fmt.Sprintf("the messages taken so far have more than %d bytes, the limit; take fewer, or work on each with foreach", contract.MaxPayload))
	}
	return c.proceed(ctx)
}

// proceed asks, after a message, whether there shall be more.
func (c *consumer) proceed(ctx workflow.Context) error {
	condition := c.call.Subscription.While
	if condition == nil {
		return nil
	}
	more, err := holds(condition, c.taken(), c.env(ctx), c.task.Reference)
	c.state.Over = !more
	return err
}

// work runs foreach on the message that was taken. exit in its tasks ends the
// subscription.
func (c *consumer) work(ctx workflow.Context) (definition.Directive, error) {
	each := c.call.Subscription.Each
	output, ended, err := c.e.runEach(ctx, c.scope, c.task, c.under, each, c.state.Item, len(c.state.Outputs), c.state.Body)
	if err != nil {
		return definition.Continue, err
	}
	c.state.Outputs = append(c.state.Outputs, output)
	c.state.Item, c.state.Body = nil, nil
	if ended == definition.Exit {
		c.state.Over = true
		return definition.Continue, nil
	}
	if ended != definition.Continue {
		return ended, nil
	}
	return ended, c.proceed(ctx)
}

// env is what the call's expressions see. The context has what was taken as
// consumedMessages, as the specification's examples read it, unless it has
// something of that name.
func (c *consumer) env(ctx workflow.Context) expression.Env {
	env := c.e.taskEnv(ctx, c.scope, c.task, &frame{Data: c.under.Input, Task: c.under})
	known := env.Var("context")
	context, isObject := known.(map[string]any)
	if _, has := context["consumedMessages"]; !has && (isObject || known == nil) && c.state != nil {
		context = maps.Clone(context)
		if context == nil {
			context = map[string]any{}
		}
		context["consumedMessages"] = c.taken()
		assign(&env, "context", context)
	}
	return env
}

// receive takes what has come from wherever the messages are.
func (c *consumer) receive(ctx workflow.Context) error {
	env := c.env(ctx)
	with, sealed, err := c.e.callArguments(c.task, c.call, c.under, env)
	if err != nil {
		return err
	}
	with["subscription"] = c.wanted(ctx)
	if filter := c.call.Subscription.Filter; filter != nil {
		variables := map[string]any{}
		for _, name := range filter.Reads() {
			variables[name] = env.Var(name)
		}
		with["filter"] = map[string]any{"source": filter.Source(), "variables": variables, "now": env.Now.UTC().Format(time.RFC3339Nano)}
	}
	output, err := c.e.makeCall(ctx, c.task, c.call, with, sealed, true)
	if err != nil {
		return err
	}
	taken, ok := output.(map[string]any)
	if !ok {
		return errors.New("BUG: a subscription gave no object")
	}
	c.state.Position = taken["position"]
	c.state.Pending, _ = taken["messages"].([]any)
	return nil
}

// wanted is what the next activity shall take.
func (c *consumer) wanted(ctx workflow.Context) map[string]any {
	s := c.call.Subscription
	wanted := map[string]any{"session": c.state.Session, "position": c.state.Position}
	if s.Amount > 0 {
		wanted["amount"] = s.Amount - c.state.Count
	}
	if s.Each != nil || s.While != nil || s.Until != nil {
		wanted["eager"] = true // somebody waits for each
	}
	if !c.state.Until.IsZero() {
		wanted["wait"] = int(max(c.state.Until.Sub(now(ctx)).Milliseconds(), 1))
	}
	return wanted
}
