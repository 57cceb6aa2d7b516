package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/secrets"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/workflows/expression"
)

// secretVariable is what the sealed expressions read.
const secretVariable = "secrets"

// unsealer reads the secrets of one request. What it has read, redact replaces.
type unsealer struct {
	store    *secrets.Store
	declared []string          // by the definition
	readable policies.Patterns // by the policy
	because  string            // no rule of it decides; may be empty
	redact   *secrets.Redactor
	read     bool // some secret
}

func newUnsealer(store *secrets.Store, declared []string, policy policies.Effective) *unsealer {
	return &unsealer{store: store, declared: declared, readable: policy.Secrets, because: policy.Because, redact: &secrets.Redactor{}}
}

// secret reads one secret that the definition declares and the operator maps.
func (u *unsealer) secret(ctx context.Context, name string) (any, error) {
	if !slices.Contains(u.declared, name) {
		return nil, forbidden("secret %q is not declared in use.secrets", name)
	}
	if !u.readable.Match(name) {
		why := "the operator may list it under secrets"
		if u.because != "" {
			why = u.because
		}
		return nil, forbidden("the policy does not let this definition read secret %q; %s", name, why)
	}
	if u.store == nil {
		return nil, unmapped(name)
	}
	value, err := u.store.Resolve(ctx, name)
	switch {
	case errors.Is(err, secrets.ErrUnknown):
		return nil, unmapped(name)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, notRead(err)
	}
	u.read = true
	u.redact.Add(value)
	return value, nil
}

// notRead is what a definition gets for a secret that it may read and that was not read:
// an error that a retry may help against, where the store is only not there now.
func notRead(err error) error {
	if unavailable, ok := errors.AsType[*secrets.UnavailableError](err); ok && unavailable.Temporary() {
		return &absentError{notReached.with(err.Error())}
	}
	return &absentError{forbidden("%s", err)}
}

// absentError is a secret that the definition may read and that is not there. That is
// the operator's matter: nothing was tried that is forbidden.
type absentError struct{ fault *contract.Fault }

func (e *absentError) Error() string { return e.fault.Error() }

// Unwrap returns the *contract.Fault.
func (e *absentError) Unwrap() error { return e.fault }

func unmapped(name string) error {
	return &absentError{forbidden("secret %q is not known to this worker; the operator may say where it is with --secret %s=SOURCE", name, name)}
}

func forbidden(format string, args ...any) *contract.Fault {
	return &contract.Fault{
		Type: contract.AuthorizationError, Status: 403, Title: "Authorization error", Detail: fmt.Sprintf(format, args...),
	}
}

// open evaluates what is sealed and puts the values in their places in data.
func (u *unsealer) open(ctx context.Context, data map[string]any, sealed contract.Sealed) error {
	if len(sealed.Expressions) == 0 {
		return nil
	}
	input, env, err := sealedScope(sealed)
	if err != nil {
		return err
	}
	for _, e := range sealed.Expressions {
		value, err := u.evaluate(ctx, e, input, env)
		if err != nil {
			return err
		}
		u.redact.Add(value) // what was made of secrets is as secret
		if err := put(data, e.Path, value); err != nil {
			return err
		}
	}
	return nil
}

// sealedScope is what sealed expressions see besides secrets.
func sealedScope(sealed contract.Sealed) (input any, env expression.Env, err error) {
	if len(sealed.Input) > 0 {
		if input, err = expression.Decode(sealed.Input); err != nil {
			return nil, env, fmt.Errorf("sealed input: %w", err)
		}
	}
	env = expression.Env{Vars: map[string]any{}, Now: sealed.Now}
	if len(sealed.Variables) > 0 {
		variables, err := expression.Decode(sealed.Variables)
		if err != nil {
			return nil, env, fmt.Errorf("sealed variables: %w", err)
		}
		env.Vars, _ = variables.(map[string]any)
	}
	return input, env, nil
}

func (u *unsealer) evaluate(ctx context.Context, e contract.SealedExpression, input any, env expression.Env) (any, error) {
	values := map[string]any{}
	for _, member := range expression.Members(e.Source, secretVariable) {
		value, err := u.secret(ctx, member.Name)
		if err != nil {
			return nil, err
		}
		values[member.Name] = value
	}
	compiled, err := expression.Compile(e.Source, expression.NewScope(e.Reads...))
	if err == nil {
		env.Vars[secretVariable] = values
		var value any
		if value, err = compiled.Evaluate(input, env); err == nil {
			return value, nil
		}
	}
	if e.Loose {
		return e.Source, nil
	}
	return nil, &contract.Fault{Type: contract.ExpressionError, Status: 400, Title: "Expression error", Detail: u.redact.Text(err.Error())}
}

var errPlace = errors.New("BUG: a sealed expression has no place in the request")

// put sets the value at a JSON pointer into data, whose containers are there.
func put(data map[string]any, path string, value any) error {
	tokens := strings.Split(strings.TrimPrefix(path, "/"), "/")
	var at any = data
	for i, token := range tokens {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		last := i == len(tokens)-1
		switch container := at.(type) {
		case map[string]any:
			if last {
				container[token] = value
				return nil
			}
			at = container[token]
		case []any:
			n, err := strconv.Atoi(token)
			if err != nil || n < 0 || n >= len(container) {
				return errPlace
			}
			if last {
				container[n] = value
				return nil
			}
			at = container[n]
		default:
			return errPlace
		}
	}
	return errPlace
}

// unseal puts secrets into what a process is given.
func (p *Processes) unseal(ctx context.Context, request contract.Process, policy policies.Effective) (contract.Process, *secrets.Redactor, error) {
	if len(request.Sealed.Expressions) == 0 {
		return request, nil, nil
	}
	u := newUnsealer(p.Secrets, request.Secrets, policy)
	data, err := given(request)
	if err == nil {
		err = p.openWatched(ctx, u, data, request.Sealed)
	}
	if err == nil {
		request, err = regiven(request, data)
	}
	return request, u.redact, err
}

// openWatched opens what is sealed. A store may take longer to answer than Temporal
// waits for a heartbeat.
func (p *Processes) openWatched(ctx context.Context, u *unsealer, data map[string]any, sealed contract.Sealed) error {
	watched, release := p.watch(ctx, nil)
	defer release()
	err := u.open(watched, data, sealed)
	if interrupted := context.Cause(watched); err != nil && interrupted != nil {
		return interrupted
	}
	return err
}

// hide replaces secrets in what a program did.
func hide(result *sandbox.Result, redact *secrets.Redactor) {
	if redact == nil {
		return
	}
	result.Stdout, result.Stderr = redact.Bytes(result.Stdout), redact.Bytes(result.Stderr)
	for i := range result.Violations {
		v := &result.Violations[i]
		v.Detail, v.Command = redact.Text(v.Detail), redact.Text(v.Command)
	}
	for i := range result.Connections {
		c := &result.Connections[i]
		c.Host, c.Failure = redact.Text(c.Host), redact.Text(c.Failure)
	}
}

// given is what a process is given, as data.
func given(request contract.Process) (map[string]any, error) {
	data := map[string]any{"stdin": request.Stdin}
	if len(request.Arguments) > 0 {
		arguments, err := expression.Decode(request.Arguments)
		if err != nil {
			return nil, fmt.Errorf("arguments: %w", err)
		}
		data["arguments"] = arguments
	}
	environment := map[string]any{}
	for name, text := range request.Environment {
		environment[name] = text
	}
	data["environment"] = environment
	return data, nil
}

// regiven is the request with the data in place.
func regiven(request contract.Process, data map[string]any) (_ contract.Process, err error) {
	if request.Stdin, err = processText("stdin", data["stdin"]); err != nil {
		return request, err
	}
	switch arguments := data["arguments"].(type) {
	case nil:
	case []any, map[string]any:
		if request.Arguments, err = expression.Encode(arguments); err != nil {
			return request, fmt.Errorf("arguments: %w", err)
		}
	default:
		return request, badlyGiven("arguments must be an object or an array")
	}
	object, ok := data["environment"].(map[string]any)
	if !ok {
		return request, badlyGiven("environment must be an object")
	}
	request.Environment = make(map[string]string, len(object))
	for name, value := range object {
		if request.Environment[name], err = processText("environment variable "+strconv.Quote(name), value); err != nil {
			return request, err
		}
	}
	return request, nil
}

func badlyGiven(detail string) *contract.Fault {
	return &contract.Fault{Type: contract.ValidationError, Status: 400, Title: "Validation error", Detail: detail}
}

// processText is a string as it is, null as nothing, and anything else as JSON.
func processText(what string, value any) (string, error) {
	switch value := value.(type) {
	case nil:
		return "", nil
	case string:
		return value, nil
	}
	text, err := expression.Encode(value)
	if err != nil {
		return "", badlyGiven(what + " is no JSON")
	}
	return string(text), nil
}

// decodeCall is a call's data.
func decodeCall(text json.RawMessage) (map[string]any, error) {
	value, err := expression.Decode(text)
	if err != nil {
		return nil, fmt.Errorf("arguments of the call: %w", err)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("arguments of the call: no object")
	}
	return object, nil
}
