package activities

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/calls"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/secrets"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/egress"
	"lazaret.dev/lazaret/workflows/expression"
)

// Calls are the activities of call tasks. The fields are set before the first
// activity and not changed after; the methods are safe for concurrent use.
type Calls struct {
	// Policies and GrantKey are as those of Processes: a call reaches the hosts that
	// the policy lists, as far as the level that its execution runs at opens any.
	Policies PolicyProvider
	GrantKey []byte
	// Options say how calls reach the outside; their rules are for every definition,
	// besides those of the policy, as far as its level opens any.
	Options calls.Options
	// Secrets are those that definitions may read; nil: none.
	Secrets *secrets.Store
	// Grace is how long a call may go on once the worker is stopping.
	Grace time.Duration
	// Filer files what is refused; nil files nothing.
	Filer Filer
	// Audit records what is called, and what is refused; nil records nothing.
	Audit Auditor
	// Observe, if set, is told of every call that ended: for logs and metrics.
	Observe func(contract.Call, policies.Level, CallReport)

	mu      sync.Mutex
	clients map[string]*calls.Client // by the rules that they keep to
}

// CallReport is what became of a call. It holds no data of the call's.
type CallReport struct {
	Kind     string // call.http
	Method   string
	Host     string // host:port; empty where the call did not get so far
	Status   int    // of the answer; 0: there was none
	Duration time.Duration
	// Violation is what the call tried and its level forbids; nil: nothing.
	Violation *sandbox.Violation
	Failed    bool
}

// Register adds the activities to a worker.
func (c *Calls) Register(r worker.ActivityRegistry) {
	for name, by := range protocols {
		r.RegisterActivityWithOptions(func(ctx context.Context, request contract.Call) (contract.CallResult, error) {
			return c.call(ctx, name, request, by)
		}, activity.RegisterOptions{Name: name})
	}
}

// Close gives up idle connections.
func (c *Calls) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, client := range c.clients {
		client.Close()
	}
}

// protocol is one way to call.
type protocol func(*calls.Client, context.Context, calls.Arguments, *secrets.Redactor, bool) (calls.Result, error)

// protocols are the ways to call, by activity type.
var protocols = map[string]protocol{
	contract.CallHTTP:    (*calls.Client).HTTP,
	contract.CallOpenAPI: (*calls.Client).OpenAPI,
	contract.CallGRPC:    (*calls.Client).GRPC,
	contract.CallMCP:     (*calls.Client).MCP,
	contract.CallA2A:     (*calls.Client).A2A,
	contract.CallAsync:   (*calls.Client).AsyncAPI,
}

func (c *Calls) call(ctx context.Context, kind string, request contract.Call, by protocol) (contract.CallResult, error) {
	policy, err := judgement{c.Policies, c.GrantKey}.of(request.Task, request.Sandbox)
	level := policy.Level
	record := newRecorder(c.Audit, request.Task, policy, attempt(ctx))
	if err != nil {
		return contract.CallResult{}, failure(c.refuse(ctx, kind, request, policy, record, err))
	}
	watched, release := watch(ctx, nil, c.Grace)
	defer release()
	began := time.Now()
	u := newUnsealer(c.Secrets, request.Secrets, policy)
	result, err := c.make(watched, request, policy, u, by)
	report := c.report(ctx, kind, u.redact, result, err)
	report.Duration = time.Since(began)
	if c.Observe != nil {
		c.Observe(request, level, report)
	}
	if err := record.called(report); err != nil {
		return contract.CallResult{}, failure(err)
	}
	if err != nil {
		return contract.CallResult{}, callFailure(context.Cause(watched), u.redact, c.filed(ctx, request, policy, report, err))
	}
	return callOutput(policy, result.Output)
}

// refuse records that nothing is called. A level that was asked for in vain is a
// violation.
func (c *Calls) refuse(ctx context.Context, kind string, request contract.Call, policy policies.Effective, record recorder, err error) error {
	if v := overreached(err, attempt(ctx)); v != nil {
		if err := record.violation(*v); err != nil {
			return err
		}
		if c.Observe != nil {
			c.Observe(request, policy.Level, CallReport{Kind: kind, Violation: v, Failed: true})
		}
	}
	return c.filing(request, policy).overreached(ctx, err, record.orRefused(err))
}

// make reads the secrets and calls.
func (c *Calls) make(ctx context.Context, request contract.Call, policy policies.Effective, u *unsealer, by protocol) (calls.Result, error) {
	data, err := decodeCall(request.With)
	if err != nil {
		return calls.Result{}, err
	}
	if err := u.open(ctx, data, request.Sealed); err != nil {
		return calls.Result{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(data)) {
		if name == "authentication" || strings.HasSuffix(name, "Authentication") {
			if err := u.policy(ctx, data, name); err != nil {
				return calls.Result{}, err
			}
		}
	}
	return by(c.client(policy), ctx, data, u.redact, u.read)
}

// maxClients bounds the clients that are kept for the rules of policies.
const maxClients = 64

// client is the one that keeps to the hosts of a policy.
func (c *Calls) client(policy policies.Effective) *calls.Client {
	rules := policies.Openable(policy.Level, slices.Concat(policy.Calls, c.Options.Rules))
	key := fmt.Sprint(rules, policy.Shares)
	c.mu.Lock()
	defer c.mu.Unlock()
	client, ok := c.clients[key]
	if !ok {
		if c.clients == nil || len(c.clients) >= maxClients {
			c.clients = map[string]*calls.Client{} // those in use go on; their idle connections time out
		}
		options := c.Options
		options.Rules, options.Folders = rules, policy.Shares
		client = calls.New(options)
		c.clients[key] = client
	}
	return client
}

// policy puts the secret that a policy names in its place: an object with the
// scheme's properties, or a token alone.
func (u *unsealer) policy(ctx context.Context, data map[string]any, name string) error {
	schemes, _ := data[name].(map[string]any)
	for scheme, value := range schemes {
		policy, _ := value.(map[string]any)
		secret, ok := policy["use"].(string)
		if !ok {
			continue
		}
		value, err := u.secret(ctx, secret)
		if err != nil {
			return err
		}
		if text, isText := value.(string); isText && scheme == "bearer" {
			value = map[string]any{"token": text}
		}
		if _, ok := value.(map[string]any); !ok {
			return forbidden("secret %q must be a JSON object with the properties of authentication %s", secret, scheme)
		}
		schemes[scheme] = value
	}
	return nil
}

// report says what became of a call, without what of it is secret.
func (c *Calls) report(ctx context.Context, kind string, redact *secrets.Redactor, result calls.Result, err error) CallReport {
	report := CallReport{
		Kind: kind, Method: redact.Text(result.Method), Host: redact.Text(result.Host), Status: result.Status, Failed: err != nil,
	}
	var f *calls.Fault
	if errors.As(err, &f) && f.Denial != nil {
		severity := sandbox.Medium
		if f.Denial.Kind == egress.ForbiddenAddress {
			severity = sandbox.High
		}
		what := redact.Text(f.Denial.Error())
		report.Violation = &sandbox.Violation{
			ID: violationID(ctx, sandbox.UnauthorizedNetworkAccess, what), Type: sandbox.UnauthorizedNetworkAccess, Severity: severity,
			Detail: oneLine(what, 200), Count: 1, Action: "refused",
		}
	}
	return report
}

func (c *Calls) filing(request contract.Call, policy policies.Effective) filing {
	return filing{filer: c.Filer, task: request.Task, policy: policy}
}

// filed files what the call was refused for, and returns the error with what the
// ledger says to it.
func (c *Calls) filed(ctx context.Context, request contract.Call, policy policies.Effective, report CallReport, err error) error {
	if report.Violation != nil {
		return c.filing(request, policy).fault(ctx, callFault(err), []sandbox.Violation{*report.Violation})
	}
	return c.filing(request, policy).refused(ctx, err, sandbox.Medium)
}

// callFailure makes what Temporal stores of a call that gave nothing.
func callFailure(interrupted error, redact *secrets.Redactor, err error) error {
	if errors.Is(interrupted, errWorkerStopped) {
		// Repeated elsewhere where the workflow allows it; its detail is for where
		// it does not.
		return temporal.NewApplicationErrorWithOptions("the worker stopped during the call", contract.WorkerStopped, temporal.ApplicationErrorOptions{
			Details: []any{&contract.Fault{
				Type: contract.CommunicationError, Status: 500, Title: "Communication error",
				Detail: "the worker stopped during the call; the request may have been carried out, and is not repeated",
			}},
			Category: temporal.ApplicationErrorCategoryBenign,
		})
	}
	if interrupted != nil {
		return interrupted
	}
	var own *contract.Fault
	if !errors.As(err, &own) {
		own = callFault(err)
	}
	hidden := *own
	hidden.Detail = redact.Excerpt(own.Detail)
	if o := (*ordered)(nil); errors.As(err, &o) {
		return failure(&ordered{&hidden, o.order})
	}
	return failure(&hidden)
}

// callFaults are the shapes of what goes wrong with a call.
var callFaults = map[calls.Kind]shape{
	calls.Invalid:         misconfigured,
	calls.Denied:          {Type: contract.AuthorizationError, Status: 403, Title: "Security violation", Code: contract.CodeSecurity, Violations: 1},
	calls.Forbidden:       {Type: contract.AuthorizationError, Status: 403, Title: "Authorization error"},
	calls.Unauthenticated: {Type: contract.AuthenticationError, Status: 401, Title: "Authentication error"},
	calls.Failed:          notReached,
	calls.Erred:           {Type: contract.RuntimeError, Status: 500, Title: "Runtime error"},
	calls.TooSlow:         {Type: contract.TimeoutError, Status: 408, Title: "Timeout"},
}

func callFault(err error) *contract.Fault {
	var f *calls.Fault
	if !errors.As(err, &f) {
		return runtimeFault("call: %s", err)
	}
	fault := callFaults[f.Kind].with(f.Error())
	if f.Status != 0 {
		fault.Status = f.Status
		if fault.Code == contract.CodeNetwork {
			fault.Code = contract.CodeCommunication // it was reached, and answered
		}
	}
	return fault
}

// callOutput encodes what a call gave, within what Temporal takes.
func callOutput(policy policies.Effective, output any) (contract.CallResult, error) {
	result := contract.CallResult{Level: policy.Level.String(), Policy: policy.PolicyDigest}
	if output == nil {
		return result, nil
	}
	text, err := expression.Encode(output)
	if err == nil && len(text) > contract.MaxPayload {
		err = fmt.Errorf("%d bytes of JSON, over the limit of %d; ask for less", len(text), contract.MaxPayload)
	}
	if err != nil {
		return result, failure(runtimeFault("the call's output: %s", err))
	}
	result.Output = text
	return result, nil
}

// called records a call: what was refused of it, and where it went.
func (r recorder) called(report CallReport) error {
	if report.Violation != nil {
		return r.violation(*report.Violation)
	}
	if report.Host == "" {
		return nil
	}
	return r.write(audit.Connection, func(e *audit.Event) {
		e.Type, e.Subject = report.Kind, report.Host
		if report.Failed {
			e.Outcome = "failed"
		}
		e.Detail = map[string]string{
			"method": report.Method, "status": fmt.Sprint(report.Status), "duration": report.Duration.Round(time.Millisecond).String(),
		}
	})
}
