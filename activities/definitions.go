package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/published"
)

// Definitions finds published definitions for executions started by name.
type Definitions struct {
	// Suggest gives a hint with the name nearest to a wrong one; nil: none.
	Suggest func(name string, known []string) string
	// Runtime is the version of this program.
	Runtime string
	// Converter is the client's; nil: Temporal's default.
	Converter converter.DataConverter
	// Policy, if set, is the digest of the policy in force.
	Policy func() string
}

// Register adds the activity to a worker.
func (d *Definitions) Register(r worker.ActivityRegistry) {
	r.RegisterActivityWithOptions(d.Resolve, activity.RegisterOptions{Name: contract.ResolveDefinition})
}

// Resolve finds a definition. That there is none is a fault, which nobody retries.
func (d *Definitions) Resolve(ctx context.Context, reference contract.Reference) (contract.Resolved, error) {
	store := published.Store{Client: activity.GetClient(ctx), Suggest: d.Suggest, Converter: d.Converter}
	resolved, err := store.Resolve(ctx, reference)
	if missing, ok := errors.AsType[*published.Missing](err); ok {
		detail := missing.Error()
		if missing.Hint != "" {
			detail += "; " + missing.Hint
		}
		return resolved, failure(&contract.Fault{
			Type: contract.ConfigurationError, Status: 400, Title: "Configuration error", Detail: detail,
		})
	}
	if d.Policy != nil {
		resolved.Policy = d.Policy()
	}
	resolved.Runtime, resolved.Interpreter = d.Runtime, contract.Interpreter
	return resolved, err
}
